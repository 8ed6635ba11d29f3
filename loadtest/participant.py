"""What the load tester needs of a participant, whatever carries its media; and what one measures.

All times of one participant count from the moment it began; all figures from its last `reset_window`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from loadtest.errors import ClientError
from loadtest.events import Event, Message, TrackId
from loadtest.histogram import Histogram
from loadtest.impairment import Impairment
from loadtest.room_view import RoomView

Kind = Literal["audio", "video"]


class VideoCodec(StrEnum):
    VP8 = "vp8"
    H264 = "h264"


@dataclass(frozen=True, slots=True)
class Publishing:
    """What a participant publishes: nothing with neither `audio` nor `video`."""

    audio: bool = True
    video: bool = True
    video_bps: int = 1_200_000
    frames_per_s: int = 30
    codec: VideoCodec = VideoCodec.VP8
    simulcast: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        wanted: tuple[tuple[Kind, bool], ...] = (("audio", self.audio), ("video", self.video))
        return tuple(kind for kind, is_wanted in wanted if is_wanted)


@dataclass(slots=True)
class JoinSteps:
    """Milliseconds since the beginning, in the order they come; None: not reached (yet).

    The beginning is before the ticket was asked for, where that was measured; else before the WebSocket was
    opened.
    """

    ticket: float | None = None
    websocket: float | None = None  # open, and joined
    answer: float | None = None
    ice: float | None = None
    dtls: float | None = None
    first_packet: float | None = None  # decrypted
    first_key_frame: float | None = None  # whole
    first_decoded_frame: float | None = None  # of those who decode


STEPS = (
    "ticket",
    "websocket",
    "answer",
    "ice",
    "dtls",
    "first_packet",
    "first_key_frame",
    "first_decoded_frame",
)


@dataclass(frozen=True, slots=True)
class ReceivedTrack:
    """One track of somebody else's, since the window began.

    `mended`: packets that only came because they were asked for again.
    `expected` and `lost` go by the number inside the encrypted payload, so a packet that was retransmitted in
    time is not lost. `latency` is from the sender's stamp to our kernel. A freeze is a gap between two whole
    frames longer than max(3 δ, δ + 150 ms), δ the mean gap (W3C webrtc-stats, `freezeCount`).
    """

    track: TrackId
    kind: Kind
    packets: int = 0
    expected: int = 0
    lost: int = 0
    mended: int = 0
    duplicates: int = 0
    reordered: int = 0
    bytes: int = 0  # RTP payload
    latency: Histogram = field(default_factory=Histogram)  # µs
    jitter_ms: float = 0.0  # interarrival, RFC 3550 §6.4.1
    key_frames: int = 0
    frames: int = 0
    freezes: int = 0
    freeze_ms: float = 0.0
    longest_gap_ms: float = 0.0  # without a packet, that at the end included
    first_packet_ms: float | None = None  # since the participant's beginning; not reset with the window


@dataclass(frozen=True, slots=True)
class SentTrack:
    """One of our own tracks, since the window began. `late`: how late its packets left, in µs."""

    kind: Kind
    packets: int = 0
    bytes: int = 0
    nacks: int = 0  # packets asked for again
    plis: int = 0
    retransmitted: int = 0
    late: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class ParticipantFigures:
    """A snapshot; later snapshots do not change it."""

    received: tuple[ReceivedTrack, ...] = ()
    sent: tuple[SentTrack, ...] = ()
    unsent: int = 0  # datagrams that our own kernel would not take


class Participant(Protocol):
    """One who joins, sends and receives. `close` may always be called, and twice."""

    steps: JoinSteps

    @property
    def room(self) -> RoomView:
        """Only once joined."""
        ...

    @property
    def over(self) -> ClientError | None:
        """Why the session is over, None while it lives."""
        ...

    async def join(self) -> JoinSteps:
        """Join, publish, subscribe to what is there, connect. Who has to be let in waits for that first.

        Raises ClientError, with nothing left open.
        """
        ...

    async def first_packet(self, timeout_s: float = 10.0) -> JoinSteps:
        """Wait for the first decrypted packet. Raises MediaFailed."""
        ...

    async def room_is_followed(self, tracks: int) -> None:
        """Wait until so many tracks of the others are subscribed to; no time limit of its own."""
        ...

    def start_sending(self) -> None:
        """From now on media flows by itself, also of what is published later. May be called twice."""
        ...

    def stop_sending(self) -> None: ...

    def figures(self) -> ParticipantFigures:
        """Since the last `reset_window`; cheap enough for every second."""
        ...

    def reset_window(self) -> None:
        """Figures start anew, the steps of the join stay."""
        ...

    async def request(self, type_: str, **fields: object) -> Message:
        """Any request of the protocol (§2): consent, recording, admit, … Raises Refused, Interrupted,
        SessionClosed.
        """
        ...

    async def cut_websocket(self) -> None:
        """Break the WebSocket as a lost network does, without a word; it resumes by itself."""
        ...

    def move(self) -> None:
        """Go on with the media from another local port, as behind a NAT that forgot us."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Joining:
    """What a participant is made from. `on_event` is shown every event, after the room heard it."""

    url: str  # the ticket's, ws://…/v1/signal
    ticket: str
    publishing: Publishing = Publishing()
    srtp_profile: str = "AEAD_AES_128_GCM"  # a name of dtls_client.SrtpProfile
    follow: bool = True  # subscribe to what others publish
    impairment: Impairment | None = None  # of its media's way; None: the network that is there
    seed: int = 0  # draws what the impairment does
    on_event: Callable[[Event], None] = lambda _: None
    on_over: Callable[[], None] = lambda: None


MakeParticipant = Callable[[Joining], Participant]
