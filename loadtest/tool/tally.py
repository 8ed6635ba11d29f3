"""What was counted during a test. Pure. Times are kept in histograms of microseconds."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadtest.histogram import Histogram
from loadtest.participant import STEPS, JoinSteps, Kind, ReceivedTrack, SentTrack

SHORT_TRACK_S = 1.0  # what lasted less has no jitter or gap worth a place among those of whole calls


@dataclass(slots=True)
class MediaTally:
    """Of one kind, or of both together."""

    tracks: int = 0
    packets: int = 0
    bytes: int = 0
    expected: int = 0
    lost: int = 0
    mended: int = 0
    duplicates: int = 0
    reordered: int = 0
    frames: int = 0
    key_frames: int = 0
    freezes: int = 0
    freeze_ms: float = 0.0
    track_s: float = 0.0
    """How long tracks were received, added up."""
    sent_packets: int = 0
    nacks: int = 0
    plis: int = 0
    retransmitted: int = 0
    latency: Histogram = field(default_factory=Histogram)
    jitter: Histogram = field(default_factory=Histogram)
    gap: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)

    def receive(self, track: ReceivedTrack, seconds: float, *, with_gap: bool = True) -> None:
        """Count a track's figures, of a window of so many seconds; its gap where that means something."""
        self.tracks += 1
        self.packets += track.packets
        self.bytes += track.bytes
        self.expected += track.expected
        self.lost += track.lost
        self.mended += track.mended
        self.duplicates += track.duplicates
        self.reordered += track.reordered
        self.frames += track.frames
        self.key_frames += track.key_frames
        self.freezes += track.freezes
        self.freeze_ms += track.freeze_ms
        self.track_s += seconds
        self.latency.merge(track.latency)
        if seconds >= SHORT_TRACK_S:
            self.jitter.record(1000 * track.jitter_ms)
        if seconds >= SHORT_TRACK_S and with_gap:
            self.gap.record(1000 * track.longest_gap_ms)

    def send(self, track: SentTrack) -> None:
        self.sent_packets += track.packets
        self.nacks += track.nacks
        self.plis += track.plis
        self.retransmitted += track.retransmitted
        self.late.merge(track.late)


@dataclass(slots=True)
class JoinTally:
    attempted: int = 0
    succeeded: int = 0
    failed: int = 0
    steps: dict[str, Histogram] = field(default_factory=dict)

    def record(self, steps: JoinSteps, *, before_ms: float, with_media: bool) -> None:
        """`before_ms`: how long the ticket took. `with_media`: somebody was sending when we came, so that the
        time of our first packet is the server's doing.
        """
        for name in STEPS:
            value = before_ms if name == "ticket" else getattr(steps, name)
            if value is None or (name.startswith("first_") and not with_media):
                continue
            after_ms = 0.0 if name == "ticket" else before_ms
            self.steps.setdefault(name, Histogram()).record(1000 * (value + after_ms))

    def record_decoded(self, times_ms: Iterable[float]) -> None:
        """Of those who decode, all at once; said again, it is the same."""
        decoded = Histogram()
        for time_ms in times_ms:
            decoded.record(1000 * time_ms)
        if decoded.count:
            self.steps["first_decoded_frame"] = decoded


@dataclass(slots=True)
class CutTally:
    made: int = 0
    resumed: int = 0
    lost: int = 0
    resumed_after: Histogram = field(default_factory=Histogram)
    gap: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class WaitingTally:
    through: str = "tickets"
    asked: int = 0
    claimed: int = 0
    queued: Histogram = field(default_factory=Histogram)
    claim: Histogram = field(default_factory=Histogram)
    called: Histogram = field(default_factory=Histogram)
    media: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class PlayingTally:
    participants: int = 0
    all_playing: int = 0
    expected_tracks: int = 0
    playing_tracks: int = 0


@dataclass(slots=True)
class Tally:
    """All of a test. Media belong to the measured window, the rest to the whole test."""

    media: dict[Kind, MediaTally] = field(
        default_factory=lambda: {"audio": MediaTally(), "video": MediaTally()}
    )
    joins: JoinTally = field(default_factory=JoinTally)
    playing: PlayingTally = field(default_factory=PlayingTally)
    cuts: dict[str, CutTally] = field(default_factory=dict)
    waiting: WaitingTally | None = None
    failures: Counter[str] = field(default_factory=Counter)
    unsent: int = 0

    def cut(self, kind: str) -> CutTally:
        return self.cuts.setdefault(kind, CutTally())


@dataclass(slots=True)
class Flow:
    """What flowed up to now within a window: enough for one second of the time line, by subtraction."""

    packets: int = 0
    bytes: int = 0
    expected: int = 0
    lost: int = 0
    freezes: int = 0
    latency: Histogram = field(default_factory=Histogram)

    @classmethod
    def of(cls, media: Iterable[MediaTally], tracks: Iterable[ReceivedTrack]) -> "Flow":
        flow = cls()
        everything: list[MediaTally | ReceivedTrack] = [*media, *tracks]
        for each in everything:
            flow.packets += each.packets
            flow.bytes += each.bytes
            flow.expected += each.expected
            flow.lost += each.lost
            flow.freezes += each.freezes
            flow.latency.merge(each.latency)
        return flow

    def since(self, earlier: "Flow") -> "Flow":
        """Nothing goes below zero: a late packet takes back a loss of the second before."""
        return Flow(
            max(0, self.packets - earlier.packets),
            max(0, self.bytes - earlier.bytes),
            max(0, self.expected - earlier.expected),
            max(0, self.lost - earlier.lost),
            max(0, self.freezes - earlier.freezes),
            self.latency.since(earlier.latency),
        )
