"""What the lines of one manifest may say after each other: order, labels, numbers, and sums. Pure.

Signatures, the chain and the segments themselves are `verification.py`'s.
"""

from collections.abc import Iterator

from media_server.recording.format import segment_name
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Gap, Line, Segment, SegmentTrack, Start, Stop, Track, TrackEnd
from media_server.recording.totals import Totals, TrackTotals


class Rules:
    """Ask `problems` of a line, then `add` it, whatever they were. No problem quotes what the line says."""

    def __init__(self, recording: RecordingId) -> None:
        self._recording = recording
        self._lines = 0
        self._stopped = False
        self._ended: set[int] = set()
        self.totals = Totals()

    def add(self, line: Line) -> None:
        self._lines += 1
        self._stopped = self._stopped or isinstance(line, Stop)
        if isinstance(line, TrackEnd):
            self._ended.add(line.label)
        self.totals.add(line)

    def problems(self, line: Line) -> Iterator[str]:
        if isinstance(line, Start) is not (self._lines == 0):
            yield "a manifest begins with start, and has one"
        if self._stopped:
            yield "comes after the stop"
        match line:
            case Start():
                if line.recording != self._recording:
                    yield "belongs to another recording"
            case Track():
                if line.label in self.totals.tracks:
                    yield f"declares label {line.label} again"
            case TrackEnd():
                if line.label not in self.totals.tracks or line.label in self._ended:
                    yield f"ends label {line.label}, which is not there"
            case Segment():
                yield from self._of_segment(line)
            case Gap():
                yield from self._of_gap(line)
            case Stop():
                yield from self._of_stop(line)
            case _:
                pass

    def _of_segment(self, line: Segment) -> Iterator[str]:
        due = self.totals.segments + 1
        if line.number != due:
            yield f"lists segment {line.number}, where segment {due} is due"
        if line.name != segment_name(line.number):
            yield "lists a segment under a name that is not its own"
        if line.recovered is not (line.records is None) or (line.recovered and line.tracks):
            yield "knows what is in a recovered segment, or does not know what is in another"
        if line.records is not None and line.records < sum(part.packets for part in line.tracks):
            yield "lists more packets than records"
        if len({part.label for part in line.tracks}) != len(line.tracks):
            yield "lists a label twice"
        for part in line.tracks:
            if part.label not in self.totals.tracks:
                yield f"lists label {part.label}, which is not declared"
            if part.packets and not _possible(part):
                yield f"lists numbers or times of label {part.label} that cannot be"

    def _of_gap(self, line: Gap) -> Iterator[str]:
        if line.label is not None and line.label not in self.totals.tracks:
            yield f"is about label {line.label}, which is not declared"
        if line.label is None and (line.packets or line.ranges):
            yield "misses packets of no track in particular"
        if line.until_us is not None and line.until_us < line.from_us:
            yield "ends before it begins"
        if any(last < first for first, last in line.ranges):
            yield "has a range that ends before it begins"
        elif line.ranges and line.packets not in (None, sum(last - first + 1 for first, last in line.ranges)):
            yield "its ranges do not add up to its packets"

    def _of_stop(self, line: Stop) -> Iterator[str]:
        if line != self.totals.stop(line.reason):
            yield "its totals or last packets are not those of the lines before"
        for label, track in sorted(self.totals.tracks.items()):
            if not _accounted(track, self.totals.countable):
                yield (
                    f"of label {label}, {track.packets} packets were kept and {track.missing} named as "
                    f"missing, of {track.span}"
                )


def _possible(part: SegmentTrack) -> bool:
    return part.packets <= part.last_seq - part.first_seq + 1 and part.first_us <= part.last_us


def _accounted(track: TrackTotals, countable: bool) -> bool:
    """Nobody knows how many packets a crash cost; but what is known is never more than what went by."""
    if track.uncounted or not countable:
        return track.accounted <= track.span
    return track.accounted == track.span
