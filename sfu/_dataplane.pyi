"""The typed face of the native data plane (Rust, `sfu/dataplane`).

Everything that happens once per packet happens behind this face, on threads that never hold the GIL. Python
calls it per event or per batch. Ids (`transport`, `track`, `subscription`) are integers minted by the data
plane and never reused within a process. Only `sfu/` imports this module, and of the load tester one file: for
`TrafficEngine`, which is a participants' side of its own and shares no rule with the server's.
"""

from collections.abc import Sequence
from typing import TypedDict, final

class DataPlaneError(Exception):
    """Base of what the data plane raises on purpose."""

class UnknownId(DataPlaneError):
    """The transport, track, subscription or tap does not exist (any more)."""

class LimitReached(DataPlaneError):
    """A limit (transports, taps; tracks or subscriptions of one transport, tracks of one tap) is reached."""

class BadParameter(DataPlaneError, ValueError):
    """An argument cannot be used: a key of the wrong length, an extension id out of range, a bad address."""

@final
class DtlsReceived:
    """One DTLS datagram (RFC 7983 first byte 20..63) from the bound path of a transport."""
    @property
    def transport(self) -> int: ...
    @property
    def datagram(self) -> bytes: ...

@final
class PathSelected:
    """A transport got its first path, or moved to another one (authenticated by STUN; no address is told)."""
    @property
    def transport(self) -> int: ...
    @property
    def first(self) -> bool: ...

@final
class ConsentExpired:
    """No authenticated STUN request came for the consent time-out (RFC 7675); it stopped sending."""
    @property
    def transport(self) -> int: ...

@final
class TrackStarted:
    """The first authenticated media packet of a published track arrived."""
    @property
    def track(self) -> int: ...

Event = DtlsReceived | PathSelected | ConsentExpired | TrackStarted

class TrackStats(TypedDict):
    """One published track, as received. Counters only grow; loss is a share 0..1 of the last second."""

    packets: int
    bytes: int
    lost: int
    loss: float
    jitter_ms: float
    rtx_packets: int
    nacks_sent: int
    plis_sent: int
    keyframes: int
    idle_ms: float  # since the last packet; -1.0 when none ever came
    history_bytes: int  # held for repair, shared by all subscribers

class SubscriptionStats(TypedDict):
    """One forwarded track, as sent to one subscriber; loss, jitter and rtt from its receiver reports."""

    packets: int
    bytes: int
    nacks_received: int
    plis_received: int
    rtx_sent: int
    loss: float
    jitter_ms: float
    rtt_ms: float  # -1.0 until known

class TransportStats(TypedDict):
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    auth_failures: int
    replays: int
    rtt_ms: float  # -1.0 until known
    path_changes: int

class PlaneStats(TypedDict):
    """Node-wide counters (only grow) and gauges."""

    transports: int
    tracks: int
    subscriptions: int
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    audio_packets_received: int
    video_packets_received: int
    audio_packets_sent: int
    video_packets_sent: int
    packets_lost_upstream: int
    stun_requests: int
    stun_rejected: int
    dtls_received: int
    unknown_source: int
    malformed: int
    auth_failures: int
    replays: int
    unbound: int  # authenticated, but of no announced track
    nacks_sent: int
    nacks_received: int
    plis_sent: int
    plis_received: int
    rtx_received: int
    rtx_sent: int
    events_dropped: int
    rate_limited: int
    send_errors: int
    history_bytes: int  # media kept for repair, shared by a track's subscribers
    receive_buffer_bytes: int
    taps: int
    tap_packets: int  # of all taps that ever were, as the next two
    tap_bytes: int  # of RTP
    tap_dropped: int  # packets that found a tap's buffer full
    worker_busy_seconds: list[float]  # CPU time of each worker thread
    worker_panics: int  # rounds of work lost to a bug of ours

class TappedTrack(TypedDict):
    """See `sfu.TappedTrack`."""

    label: int
    packets: int
    bytes: int
    keyframes: int
    ssrcs: list[int]
    first_seq: int
    last_seq: int
    first_timestamp: int
    last_timestamp: int
    first_us: int
    last_us: int
    lost: list[tuple[int, int]]
    lost_from_us: int
    lost_until_us: int
    dropped: list[tuple[int, int]]
    dropped_from_us: int
    dropped_until_us: int

class TapBatch(TypedDict):
    """See `sfu.TapBatch`."""

    data: bytes
    records: int
    dropped: int
    dropped_from_us: int
    dropped_until_us: int
    tracks: list[TappedTrack]

@final
class DataPlane:
    def __init__(
        self,
        *,
        port: int = 0,
        bind: str | None = None,
        announced: Sequence[str] = (),
        workers: int = 1,
        consent_timeout_s: float = 30.0,
        max_transports: int = 10_000,
        max_tracks: int = 16,
        max_subscriptions: int = 64,
        history_packets: int = 512,
        unauthenticated_per_s: int = 200,
        max_taps: int = 0,
        longest_wait_us: int = 0,
    ) -> None:
        """Open `workers` SO_REUSEPORT sockets on one UDP port (0: any free one) and start their threads.

        `bind`: one address to bind to, None for all IPv4 and IPv6 addresses of the host. `max_taps`: 0 makes
        tapping impossible in this process. `longest_wait_us`: how long datagrams that keep coming are
        gathered, to be answered together; 0: each at once. Raises OSError, BadParameter.
        """
    @property
    def port(self) -> int: ...
    @property
    def candidates(self) -> list[tuple[str, int]]:
        """(address, port) to write into answers, best first: the announced ones or, if none, the host's."""
    def event_fd(self) -> int:
        """A descriptor that is readable while events wait; `poll_events` clears it."""
    def poll_events(self) -> list[Event]: ...
    def open_transport(self, ufrag: str, pwd: str) -> int: ...
    def restart_ice(self, transport: int, ufrag: str, pwd: str) -> None:
        """Accept checks for new credentials too (RFC 8445 §9).

        The old path stays in use until a new one is nominated.
        """
    def send_dtls(self, transport: int, datagram: bytes) -> bool:
        """False when there is no path yet or the socket refused; the datagram is then lost."""
    def set_keys(
        self,
        transport: int,
        profile: str,
        receive_key: bytes,
        receive_salt: bytes,
        send_key: bytes,
        send_salt: bytes,
    ) -> None:
        """SRTP master keys (RFC 5764 §4.2).

        `profile`: "AEAD_AES_256_GCM", "AEAD_AES_128_GCM" or "AES_CM_128_HMAC_SHA1_80".
        """
    def set_extensions(
        self,
        transport: int,
        *,
        mid: int = 0,
        rid: int = 0,
        repaired_rid: int = 0,
        transport_cc: int = 0,
        audio_level: int = 0,
        dependency_descriptor: int = 0,
    ) -> None:
        """Header extension ids of this client's offer (RFC 8285), one mapping for all; 0: not negotiated."""
    def publish(
        self,
        transport: int,
        *,
        mid: str,
        kind: str,
        codec: str,
        clock_rate: int,
        payload_type: int,
        rtx_payload_type: int | None = None,
        nack: bool = False,
        rid: str | None = None,
        ssrcs: Sequence[int] = (),
        rtx_ssrcs: Sequence[int] = (),
    ) -> int:
        """Expect a track from this transport; returns the track id.

        `kind`: "audio" or "video"; `codec`: lower-case encoding name ("opus", "vp8", "h264", "vp9", "av1").
        `rid`: the one simulcast layer that was accepted, if any. `ssrcs`/`rtx_ssrcs`: from `a=ssrc` and FID
        groups; otherwise they are learnt from mid, rid and payload type.
        """
    def unpublish(self, track: int) -> None:
        """The track and its subscriptions end."""
    def subscribe(
        self,
        transport: int,
        track: int,
        *,
        mid: str,
        payload_type: int,
        rtx_payload_type: int | None,
        ssrc: int,
        rtx_ssrc: int | None,
        cname: str,
    ) -> int:
        """Forward a track to this transport under the subscriber's own numbers; returns the subscription id.

        A key frame is asked for as soon as the subscriber can decrypt.
        """
    def unsubscribe(self, subscription: int) -> None: ...
    def pause(self, subscription: int) -> None: ...
    def resume(self, subscription: int) -> None: ...
    def request_keyframe(self, track: int) -> None: ...
    def close_transport(self, transport: int) -> None:
        """Ends its tracks and subscriptions too. Unknown ids are ignored: closing twice is fine."""
    def start_tap(self, limit_bytes: int) -> int:
        """A buffer that tracks are copied into, without tracks yet; returns the tap's id.

        `limit_bytes`: 16 KiB to 1 GiB of records; up to 64 KiB come on top for each track's account of
        itself. What does not fit is dropped and told of, media goes on.
        """
    def tap_track(self, tap: int, track: int, label: int) -> None:
        """Copy the track's packets from the next one on; asks for a key frame.

        Raises BadParameter when it is tapped already or the label is another track's of this tap,
        LimitReached beyond 64 tracks.
        """
    def untap_track(self, tap: int, track: int) -> None:
        """What is missing of the track is lost. Idempotent; an unpublished track has ended by itself."""
    def drain_tap(self, tap: int) -> TapBatch:
        """Take over what there is. Media waits for a swap of two buffers, no longer."""
    def stop_tap(self, tap: int) -> TapBatch:
        """The last batch; nothing that arrives after this call is taken, and the tap is no more."""
    def audio_levels(self) -> list[tuple[int, int]]:
        """(track, level in -dBov 0..127, 0 loudest): the loudest since the last call, for tracks heard."""
    def idle_ms(self, tracks: list[int]) -> list[float]:
        """Since the last packet of each; -1.0 when none ever came, or there is no such track."""
    def track_stats(self, track: int) -> TrackStats: ...
    def subscription_stats(self, subscription: int) -> SubscriptionStats: ...
    def transport_stats(self, transport: int) -> TransportStats: ...
    def stats(self) -> PlaneStats: ...
    def close(self) -> None:
        """Stop the threads and close the sockets. Idempotent."""

@final
class TrafficDtls:
    """One DTLS datagram for a synthetic participant."""
    @property
    def peer(self) -> int: ...
    @property
    def datagram(self) -> bytes: ...

@final
class TrafficStep:
    """A participant got so far: "ice", "first_packet" (authenticated) or "first_key_frame" (whole).

    `at_s` is when, on the monotonic clock.
    """
    @property
    def peer(self) -> int: ...
    @property
    def step(self) -> str: ...
    @property
    def at_s(self) -> float: ...

@final
class TrafficFailed:
    """A participant has no media any more; `reason` says why, without addresses."""
    @property
    def peer(self) -> int: ...
    @property
    def reason(self) -> str: ...

@final
class TrafficLink:
    """What one direction of a bad network does to datagrams; the default does nothing.

    `loss`: share that never comes, 0 to 1. `burst`: how many are lost in a row on average, 1 to 1000; None:
    each by itself. `delay_us` is added to each, up to `jitter_us` more to all of a while together; neither
    lets one overtake another. `rate_bps`: 8,000 to 10^10 bits a second of UDP payload, None: no limit; what
    would wait longer than `queue_us` for it is dropped. All times up to 5,000,000.
    """
    def __init__(
        self,
        *,
        loss: float = 0.0,
        burst: float | None = None,
        delay_us: int = 0,
        jitter_us: int = 0,
        rate_bps: int | None = None,
        queue_us: int = 300_000,
    ) -> None:
        """Raises BadParameter."""

TrafficEvent = TrafficDtls | TrafficStep | TrafficFailed

class TrafficReceived(TypedDict):
    """One received stream since the window began; moments (`_s`) are monotonic seconds and stay."""

    ssrc: int
    packets: int  # each once
    expected: int  # by the numbers inside the packets
    lost: int
    duplicates: int
    reordered: int
    bytes: int  # RTP payload
    opened: int  # authenticated and decrypted
    refused: int  # not authentic, or no packet at all
    key_frames: int
    frames: int
    freezes: int  # W3C webrtc-stats, freezeCount
    nacks: int  # packets that we asked for again
    plis: int
    mended: int  # losses that a retransmission mended
    jitter_ms: float
    freeze_ms: float
    longest_gap_ms: float
    latency: list[tuple[int, int]]  # (bucket of loadtest.histogram, count), µs
    latency_known: bool  # False: the sender's clock is another host's
    first_packet_s: float | None
    first_key_frame_s: float | None

class TrafficSent(TypedDict):
    """One sent stream since the window began."""

    ssrc: int
    packets: int
    bytes: int  # RTP payload
    nacks: int  # packets that were asked for again
    plis: int  # and full intra requests
    retransmitted: int
    key_frames: int
    frames_dropped: int  # the pacer was behind
    late: list[tuple[int, int]]  # as `latency`: how late packets left

class TrafficFigures(TypedDict):
    """One participant."""

    received: list[TrafficReceived]
    sent: list[TrafficSent]
    unsent: int  # datagrams that our own kernel would not take
    rtcp_received: int
    feedback_received: int
    strays: int  # datagrams of no announced stream, forged or cut short
    rtt_ms: float  # -1.0 until known

class TrafficStats(TypedDict):
    """One engine; counts only grow."""

    peers: int
    busy_seconds: float  # CPU time of its thread
    rounds: int
    late_rounds: int  # that began more than 5 ms late
    panics: int
    datagrams_received: int
    datagrams_sent: int
    unsent: int
    events_dropped: int

@final
class TrafficEngine:
    """A thread that carries the media of synthetic participants (`sfu/dataplane/traffic`)."""
    def __init__(
        self,
        *,
        seed: int = 0,
        open_one_in: int = 8,
        host: int = 0,
        max_peers: int = 4096,
        core: int | None = None,
    ) -> None:
        """`open_one_in`: one in so many received packets is authenticated and decrypted, besides all up to a
        first key frame; 1 to 1000. `host` tells this host's clock from others', 0: nobody can know.
        `core`: the processor to stay on. Raises OSError, BadParameter.
        """
    def event_fd(self) -> int:
        """A descriptor that is readable while events wait; `poll_events` clears it."""
    def poll_events(self) -> list[TrafficEvent]: ...
    def open(
        self,
        *,
        host: str,
        port: int,
        local_ufrag: str,
        local_pwd: str,
        remote_ufrag: str,
        remote_pwd: str,
        up: TrafficLink | None = None,
        down: TrafficLink | None = None,
        link_seed: int = 0,
    ) -> int:
        """A participant with a UDP socket of its own, which begins ICE; returns its id. All that it sends
        goes through the link `up`, all that it receives through `down`; `link_seed` draws what they do.

        Raises OSError, BadParameter, LimitReached.
        """
    def send_dtls(self, peer: int, datagram: bytes, *, past_link: bool = False) -> bool:
        """False when the kernel would not take it; it is then lost.

        `past_link`: at once and for certain; who is closed is forgotten with what its links still hold.
        """
    def set_keys(
        self,
        peer: int,
        profile: str,
        receive_key: bytes,
        receive_salt: bytes,
        send_key: bytes,
        send_salt: bytes,
    ) -> None:
        """SRTP master keys, as `DataPlane.set_keys`."""
    def set_extensions(
        self,
        peer: int,
        *,
        mid: int = 0,
        transport_cc: int = 0,
        audio_level: int = 0,
        abs_send_time: int = 0,
    ) -> None:
        """Header extension ids that were agreed on (RFC 8285); 0: not."""
    def publish_audio(self, peer: int, *, mid: str, ssrc: int, payload_type: int) -> None:
        """Opus-shaped, 20 ms; it flows from `start_sending` on."""
    def publish_video(
        self,
        peer: int,
        *,
        mid: str,
        ssrc: int,
        payload_type: int,
        rtx_ssrc: int | None = None,
        rtx_payload_type: int | None = None,
        codec: str = "vp8",
        bitrate_bps: int = 1_200_000,
        frames_per_s: int = 30,
    ) -> None:
        """Shaped like `codec`, vp8 or h264; it flows from `start_sending` on."""
    def subscribe(self, peer: int, *, ssrc: int, kind: str, codec: str, rtx_ssrc: int | None = None) -> None:
        """Expect a stream. One that is expected already stays as it is."""
    def start_sending(self, peer: int) -> None: ...
    def stop_sending(self, peer: int) -> None: ...
    def move(self, peer: int) -> None:
        """Go on from another local port."""
    def figures(self, peer: int) -> TrafficFigures: ...
    def reset_window(self, peer: int) -> None: ...
    def close_peer(self, peer: int) -> None:
        """Unknown ids are ignored: closing twice is fine."""
    def stats(self) -> TrafficStats: ...
    def close(self) -> None:
        """Stop the thread and close the sockets. Idempotent."""
