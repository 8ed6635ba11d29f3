"""A recording as an export reads it: what its manifest says, and its records, segment by segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from media_server.recording.errors import SealBroken
from media_server.recording.export.errors import EndToEndEncrypted, NothingToExport, UnreadableSegment
from media_server.recording.export.frames import CODECS
from media_server.recording.format import BadSegment, Record, read_segment
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Gap, GapCause, Participant, Segment, Start, Stop, Track, TrackEnd
from media_server.recording.manifest import SignedLine
from media_server.recording.sealing import RecordingIdentity, decrypt
from media_server.recording.store import RecordingStore


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """`first_seq`: the lowest number known of it. `role`: of its participant. Seconds since the recording
    began: `begin_s`, `end_s` and the times when it was muted.
    """

    label: int
    participant: str
    role: str
    kind: str
    source: str
    codec: str
    clock_rate: int
    first_seq: int
    begin_s: float
    end_s: float
    muted_s: tuple[tuple[float, float], ...]

    def shows(self, at_s: float) -> bool:
        """Whether its owner had it on then."""
        there = self.begin_s <= at_s < self.end_s
        return there and not any(since <= at_s < until for since, until in self.muted_s)


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
            yield _records(self.store, self.recording, name, self.identity)


def open_recording(
    store: RecordingStore,
    recording: RecordingId,
    lines: Sequence[SignedLine],
    identity: RecordingIdentity,
) -> Opened:
    """`lines`: a manifest that has ended and was verified. Raises EndToEndEncrypted, NothingToExport, and of
    one that crashed what reading raises.
    """
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
    segments = tuple(line.line.name for line in lines if isinstance(line.line, Segment))
    if not segments:
        raise NothingToExport("the recording holds no media")
    start_us, end_us = lines[0].at_us, stop.at_us
    crash = next((gap for line in lines if (gap := _gap(line, GapCause.CRASH))), None)
    if crash is not None:
        # Closed when its node came back, hours later perhaps. The last segment may not be listed in full.
        last = _records(store, recording, segments[-1], identity)
        end_us = max([crash.from_us, *(record.arrival_us for record in last)])
    tracks = tuple(
        _track(track, roles.get(track.participant, "guest"), lines, start_us, end_us)
        for track in declared
        if track.codec in CODECS
    )
    return Opened(recording, start_us, end_us, tracks, segments, store, identity)


def _records(
    store: RecordingStore, recording: RecordingId, name: str, identity: RecordingIdentity
) -> Sequence[Record]:
    try:
        with store.open_segment(recording, name) as file:
            _, records = read_segment(decrypt(identity, file))
            return list(records)
    except OSError as error:
        raise SealBroken(f"cannot read segment {name}: {error.strerror}") from error
    except BadSegment as error:
        raise UnreadableSegment(f"segment {name}: {error}") from None


def _track(track: Track, role: str, lines: Sequence[SignedLine], start_us: int, end_us: int) -> TrackInfo:
    def seconds(at_us: int | None) -> float:
        return ((end_us if at_us is None else at_us) - start_us) / 1e6

    begin_us = next(line.at_us for line in lines if line.line is track)
    ends = [line for line in lines if isinstance(line.line, TrackEnd) and line.line.label == track.label]
    mutes = [gap for line in lines if (gap := _gap(line, GapCause.MUTE)) and gap.label == track.label]
    firsts = [
        part.first_seq
        for line in lines
        if isinstance(line.line, Segment)
        for part in line.line.tracks
        if part.label == track.label
    ]
    return TrackInfo(
        label=track.label,
        participant=track.participant,
        role=role,
        kind=track.kind,
        source=track.source,
        codec=track.codec,
        clock_rate=track.clock_rate,
        first_seq=min(firsts, default=0),
        begin_s=seconds(begin_us),
        end_s=seconds(ends[0].at_us if ends else None),
        muted_s=tuple((seconds(gap.from_us), seconds(gap.until_us)) for gap in mutes),
    )


def _gap(line: SignedLine, cause: GapCause) -> Gap | None:
    return line.line if isinstance(line.line, Gap) and line.line.cause is cause else None
