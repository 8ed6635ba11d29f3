"""Where the load tester meets the native traffic client: the one file that imports it.

A thread of its own carries the media of all participants and never holds the interpreter. Python opens paths,
makes the handshakes, and reads figures; it hears of few events, by a descriptor that the event loop watches.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.dtls_client import DtlsClient, SrtpProfile
from loadtest.errors import MediaFailed
from loadtest.events import Track
from loadtest.histogram import Histogram
from loadtest.impairment import Impairment
from loadtest.lean_sdp import OPUS, VIDEO_FORMATS, Answer, Section
from loadtest.participant import Publishing
from sfu._dataplane import (
    DataPlaneError,
    TrafficDtls,
    TrafficEngine,
    TrafficFailed,
    TrafficLink,
    TrafficStep,
)

if TYPE_CHECKING:  # not there when the program runs
    from sfu._dataplane import TrafficFigures, TrafficStats

MEDIA_TIMEOUT_S = 10.0
MOST_PARTICIPANTS = 20_000  # on one thread; it is busy long before
OPEN_ONE_IN = 8  # packets; 1: every packet is authenticated and decrypted
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

Mark = Callable[[str, float], None]


def clock_id(boot_id: Path = BOOT_ID) -> int:
    """Tells whose wall clock a stamp is of, the same for all containers of one host; 0: nobody can know."""
    try:
        return int.from_bytes(hashlib.sha256(boot_id.read_bytes()).digest()[:4]) | 1
    except OSError:
        return 0


class NativeEngine:
    """One thread, hence one core, for any number of participants. Belongs to the event loop that uses it."""

    def __init__(self, *, seed: int = 0, open_one_in: int = OPEN_ONE_IN, core: int | None = None) -> None:
        """`core`: the processor to stay on. Raises OSError, ValueError."""
        self._engine = TrafficEngine(
            seed=seed & (1 << 64) - 1,
            open_one_in=open_one_in,
            host=clock_id(),
            max_peers=MOST_PARTICIPANTS,
            core=core,
        )
        self._paths: dict[int, MediaPath] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def stats(self) -> "TrafficStats":
        return self._engine.stats()

    def close(self) -> None:
        """Idempotent. What its participants still do with it fails."""
        if self._loop is not None:
            self._loop.remove_reader(self._engine.event_fd())
            self._loop = None
        self._engine.close()

    def open(
        self,
        path: "MediaPath",
        answer: Answer,
        ufrag: str,
        pwd: str,
        impairment: Impairment | None = None,
        seed: int = 0,
    ) -> int:
        """Raises MediaFailed."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._engine.event_fd(), self._deliver)
        # IPv4 first, as a server on loopback only has that.
        candidates = sorted(answer.candidates, key=lambda candidate: ":" in candidate[0])
        if not candidates:
            raise MediaFailed("no UDP candidate")
        host, port = candidates[0]
        try:
            peer = self._engine.open(
                host=host,
                port=port,
                local_ufrag=ufrag,
                local_pwd=pwd,
                remote_ufrag=answer.ufrag,
                remote_pwd=answer.pwd,
                up=link(impairment) if impairment is not None and impairment.up else None,
                down=link(impairment) if impairment is not None and impairment.down else None,
                link_seed=seed,
            )
        except (OSError, DataPlaneError) as error:
            raise MediaFailed("no media socket") from error
        self._paths[peer] = path
        return peer

    def forget(self, peer: int) -> None:
        self._paths.pop(peer, None)
        self._engine.close_peer(peer)

    @property
    def native(self) -> TrafficEngine:
        return self._engine

    def _deliver(self) -> None:
        for event in self._engine.poll_events():
            path = self._paths.get(event.peer)
            if path is not None:
                path.take(event)


class MediaPath:
    """One participant's media path: ICE and media in the engine, the handshake here."""

    def __init__(
        self,
        engine: NativeEngine,
        answer: Answer,
        ufrag: str,
        pwd: str,
        profile: SrtpProfile,
        mark: Mark,
        failed: Callable[[MediaFailed], None],
        impairment: Impairment | None = None,
        seed: int = 0,
    ) -> None:
        """`mark` is told each step with its moment (monotonic seconds); `failed` once, when media is over.

        Raises MediaFailed.
        """
        self._engine = engine
        self._native = engine.native
        self._profile = profile
        self._dtls = DtlsClient(profile, answer.fingerprint)
        self._mark = mark
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False
        self._keyed_s: float | None = None
        self.first_packet = asyncio.Event()
        self._peer = engine.open(self, answer, ufrag, pwd, impairment, seed)
        ids = answer.extensions
        self._native.set_extensions(
            self._peer,
            mid=ids.get(MID, 0),
            transport_cc=ids.get(TRANSPORT_CC, 0),
            audio_level=ids.get(AUDIO_LEVEL, 0),
            abs_send_time=ids.get(ABS_SEND_TIME, 0),
        )

    async def connect(self) -> None:
        """Wait for ICE and DTLS. Raises MediaFailed."""
        try:
            async with asyncio.timeout(MEDIA_TIMEOUT_S):
                await self._connected
        except TimeoutError as error:
            raise MediaFailed("ICE and DTLS took too long") from error

    def publish(self, section: Section, publishing: Publishing) -> None:
        if section.kind == "audio":
            self._native.publish_audio(self._peer, mid=section.mid, ssrc=section.ssrc, payload_type=OPUS)
        else:
            numbers = VIDEO_FORMATS[section.codec]
            self._native.publish_video(
                self._peer,
                mid=section.mid,
                ssrc=section.ssrc,
                payload_type=numbers.payload_type,
                rtx_ssrc=section.rtx_ssrc,
                rtx_payload_type=numbers.rtx_payload_type,
                codec=section.codec,
                bitrate_bps=publishing.video_bps,
                frames_per_s=publishing.frames_per_s,
            )

    def subscribe(self, track: Track, ssrcs: Iterable[int]) -> int | None:
        """Expect a track under the answer's SSRCs: its own, which is returned, and its RTX one."""
        ssrc, rtx_ssrc, *_ = (*ssrcs, None, None)
        if ssrc is None:
            return None
        self._native.subscribe(self._peer, ssrc=ssrc, kind=track.kind, codec=track.codec, rtx_ssrc=rtx_ssrc)
        return ssrc

    def start_sending(self) -> None:
        self._native.start_sending(self._peer)

    def stop_sending(self) -> None:
        self._native.stop_sending(self._peer)

    def move(self) -> None:
        """Go on from another local port."""
        self._native.move(self._peer)

    def figures(self) -> "TrafficFigures":
        return self._native.figures(self._peer)

    def reset_window(self) -> None:
        self._native.reset_window(self._peer)

    def close(self) -> None:
        """Say goodbye to the server, past a bad network: that goes with its participant. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._dtls.connected:
            self._send(self._dtls.goodbye(), past_link=True)
        self._engine.forget(self._peer)
        if not self._connected.done():
            self._connected.cancel()

    # What the engine tells

    def take(self, event: TrafficDtls | TrafficStep | TrafficFailed) -> None:
        match event:
            case TrafficDtls():
                self._take_dtls(event.datagram)
            case TrafficStep():
                self._take_step(event.step, event.at_s)
            case TrafficFailed():
                self._fail(MediaFailed(event.reason))

    def _take_step(self, step: str, at_s: float) -> None:
        if self._keyed_s is not None:
            at_s = max(at_s, self._keyed_s)  # a packet that had come before its keys is of use from then on
        self._mark(step, at_s)
        if step == "ice":
            self._send(self._dtls.start())
            self._arm()
        elif step == "first_packet":
            self.first_packet.set()

    def _take_dtls(self, datagram: bytes) -> None:
        try:
            self._send(self._dtls.receive(datagram))
        except MediaFailed as error:
            self._fail(error)
            return
        if self._dtls.connected and self._keyed_s is None:
            receiving, sending = self._dtls.keys()
            cut = self._profile.traits.key_length
            self._native.set_keys(
                self._peer,
                self._profile.value,
                receiving[:cut],
                receiving[cut:],
                sending[:cut],
                sending[cut:],
            )
            self._keyed_s = time.monotonic()
            self._mark("dtls", self._keyed_s)
            if not self._connected.done():
                self._connected.set_result(None)

    def _fail(self, error: MediaFailed) -> None:
        if not self._connected.done():
            self._connected.set_exception(error)
        elif not self._closed:
            self._failed(error)

    def _send(self, datagrams: Iterable[bytes], *, past_link: bool = False) -> None:
        for datagram in datagrams:
            with suppress(DataPlaneError):  # the engine was closed
                self._native.send_dtls(self._peer, datagram, past_link=past_link)

    def _arm(self) -> None:
        timeout_s = self._dtls.timeout_s()
        if timeout_s is not None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(timeout_s, self._expire)

    def _expire(self) -> None:
        self._send(self._dtls.expire())
        self._arm()


def link(impairment: Impairment) -> TrafficLink:
    """One direction, as the engine has it."""
    return TrafficLink(
        loss=impairment.loss,
        burst=impairment.burst,
        delay_us=round(1e6 * impairment.delay_s),
        jitter_us=round(1e6 * impairment.jitter_s),
        rate_bps=impairment.rate_bps,
        queue_us=round(1e6 * impairment.queue_s),
    )


def histogram(entries: Iterable[tuple[int, int]]) -> Histogram:
    """The engine's buckets are those of `Histogram`."""
    return Histogram(dict(entries))
