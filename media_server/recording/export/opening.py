"""A recording as an export reads it: what its manifest says, and its records, segment by segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from media_server.recording.errors import SealBroken
from media_server.recording.export.errors import EndToEndEncrypted, NothingToExport, UnreadableSegment
from media_server.recording.export.frames import CODECS
from media_server.recording.format import BadSegment, Record, read_segment
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Gap, GapCause, Participant, Segment, Start, Stop, Track
from media_server.recording.manifest import SignedLine
from media_server.recording.sealing import RecordingIdentity, decrypt
from media_server.recording.store import RecordingStore


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """`first_seq`: the lowest number known of it. `role`: of its participant."""

    label: int
    participant: str
    role: str
    kind: str
    source: str
    codec: str
    clock_rate: int
    first_seq: int


@dataclass(frozen=True, slots=True)
class Opened:
    """`start_us` and `end_us`: Unix microseconds; of one that crashed, the end is that of the last packet
    known.
    """

    recording: RecordingId
    start_us: int
    end_us: int
    tracks: tuple[TrackInfo, ...]
    segments: tuple[str, ...]
    store: RecordingStore
    identity: RecordingIdentity

    @property
    def duration_s(self) -> float:
        return max(0, self.end_us - self.start_us) / 1e6

    def records(self) -> Iterator[Sequence[Record]]:
        """Of one segment after the other. Raises WrongIdentity, SealBroken, UnreadableSegment."""
        for name in self.segments:
            try:
                with self.store.open_segment(self.recording, name) as file:
                    _, records = read_segment(decrypt(self.identity, file))
                    yield list(records)
            except OSError as error:
                raise SealBroken(f"cannot read segment {name}: {error.strerror}") from error
            except BadSegment as error:
                raise UnreadableSegment(f"segment {name}: {error}") from None


def open_recording(
    store: RecordingStore,
    recording: RecordingId,
    lines: Sequence[SignedLine],
    identity: RecordingIdentity,
) -> Opened:
    """`lines`: a manifest that has ended and was verified. Raises EndToEndEncrypted, NothingToExport."""
    start = lines[0].line
    stop = lines[-1]
    assert isinstance(start, Start), "verified"
    assert isinstance(stop.line, Stop), "verified"
    roles = {person.id: person.role for person in start.participants}
    roles |= {line.line.id: line.line.role for line in lines if isinstance(line.line, Participant)}
    declared = [line.line for line in lines if isinstance(line.line, Track)]
    closed = [track for track in declared if track.encryption != "none"]
    if closed:
        labels = ", ".join(str(track.label) for track in closed)
        raise EndToEndEncrypted(f"end-to-end encrypted, so only its participants can open it: track {labels}")
    segments = [line.line for line in lines if isinstance(line.line, Segment)]
    if not segments:
        raise NothingToExport("the recording holds no media")
    lowest = _lowest(segments)
    gaps = [line.line for line in lines if isinstance(line.line, Gap)]
    crash = next((gap.from_us for gap in gaps if gap.cause is GapCause.CRASH), None)
    return Opened(
        recording,
        lines[0].at_us,
        stop.at_us if crash is None else crash,
        tuple(
            TrackInfo(
                label=track.label,
                participant=track.participant,
                role=roles.get(track.participant, "guest"),
                kind=track.kind,
                source=track.source,
                codec=track.codec,
                clock_rate=track.clock_rate,
                first_seq=lowest.get(track.label, 0),
            )
            for track in declared
            if track.codec in CODECS
        ),
        tuple(segment.name for segment in segments),
        store,
        identity,
    )


def _lowest(segments: Sequence[Segment]) -> dict[int, int]:
    lowest: dict[int, int] = {}
    for segment in segments:
        for track in segment.tracks:
            lowest[track.label] = min(track.first_seq, lowest.get(track.label, track.first_seq))
    return lowest
