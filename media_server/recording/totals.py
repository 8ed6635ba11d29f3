"""What a manifest's lines add up to: what its stop has to say, and whether each track is accounted for.
Pure.
"""

from dataclasses import dataclass

from media_server.recording.lines import Gap, GapCause, LastPacket, Line, Segment, SegmentTrack, Stop, Track

# Nothing was sent, or nothing was to be kept.
_NOTHING_MISSING = frozenset({GapCause.MUTE, GapCause.WITHDRAWAL})


@dataclass(slots=True)
class TrackTotals:
    """`packets` were kept, `missing` are those that gaps name. The numbers of both lie in `lowest` to
    `highest`.

    `last_seq`, `last_timestamp`: of the highest packet kept. `uncounted`: some gap does not know its packets.
    """

    packets: int = 0
    missing: int = 0
    lowest: int | None = None
    highest: int | None = None
    last_seq: int | None = None
    last_timestamp: int | None = None
    uncounted: bool = False

    @property
    def accounted(self) -> int:
        return self.packets + self.missing

    @property
    def span(self) -> int:
        """How many sequence numbers there were."""
        return 0 if self.lowest is None or self.highest is None else self.highest - self.lowest + 1

    def keep(self, part: SegmentTrack) -> None:
        if not part.packets:
            return
        self.packets += part.packets
        self._widen(part.first_seq, part.last_seq)
        if self.last_seq is None or part.last_seq > self.last_seq:
            self.last_seq, self.last_timestamp = part.last_seq, part.last_timestamp

    def miss(self, gap: Gap) -> None:
        for first, last in gap.ranges:
            self.missing += last - first + 1
            self._widen(first, last)
        if not gap.ranges:
            self.missing += gap.packets or 0

    def _widen(self, first: int, last: int) -> None:
        self.lowest = first if self.lowest is None else min(self.lowest, first)
        self.highest = last if self.highest is None else max(self.highest, last)


class Totals:
    """Grows with the lines, in their order. `first_us` and `last_us`: earliest and latest arrival in a
    segment.
    """

    def __init__(self) -> None:
        self.tracks: dict[int, TrackTotals] = {}
        self.segments = 0
        self.packets = 0
        self.bytes = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.countable = True
        """False once something is missing of which nobody knows how much, of all tracks."""

    def add(self, line: Line) -> None:
        match line:
            case Track():
                self._track(line.label)
            case Segment():
                self._add_segment(line)
            case Gap():
                self._add_gap(line)
            case _:
                pass

    def stop(self, reason: str) -> Stop:
        """The line that ends a manifest here."""
        return Stop(
            reason=reason,
            last=tuple(
                LastPacket(label=label, seq=track.last_seq, timestamp=track.last_timestamp)
                for label, track in sorted(self.tracks.items())
            ),
            segments=self.segments,
            packets=self.packets,
            bytes=self.bytes,
        )

    def _add_segment(self, segment: Segment) -> None:
        self.segments += 1
        self.bytes += segment.bytes
        if segment.recovered:
            self.countable = False
        for part in segment.tracks:
            self.packets += part.packets
            self._track(part.label).keep(part)
            if part.packets:
                self.first_us = min(part.first_us, self.first_us or part.first_us)
                self.last_us = max(part.last_us, self.last_us or part.last_us)

    def _add_gap(self, gap: Gap) -> None:
        unknown = gap.packets is None and not gap.ranges and gap.cause not in _NOTHING_MISSING
        if gap.label is None:
            self.countable = self.countable and not unknown
        else:
            track = self._track(gap.label)
            track.uncounted = track.uncounted or unknown
            track.miss(gap)

    def _track(self, label: int) -> TrackTotals:
        return self.tracks.setdefault(label, TrackTotals())
