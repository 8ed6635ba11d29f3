"""The second reading of a recording: all its frames at their times, in order, in bounded memory."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from media_server.recording.export.frames import Frame, TrackFrames
from media_server.recording.export.opening import Opened, TrackInfo
from media_server.recording.export.opus import RATE
from media_server.recording.export.reordering import HOLD_US
from media_server.recording.export.sound import Sound, Voice
from media_server.recording.export.summary import Summary, TrackSummary
from media_server.recording.export.survey import Shape, Survey
from media_server.recording.export.timeline import LONGEST_DELAY_S
from media_server.recording.format import RtpPacket

# No frame that is still held back was captured longer before the newest packet than this.
_BEHIND_S = HOLD_US / 1e6 + LONGEST_DELAY_S
# Matroska counts milliseconds, and two pictures need two of them.
_TICK_S = 0.001


@dataclass(frozen=True, slots=True, order=True)
class Played:
    """One frame of one track; `at_s` since the recording began. `duration_s`: 0 for pictures."""

    at_s: float
    label: int
    number: int
    data: bytes
    key: bool
    duration_s: float


class Player:
    """Iterate over it once; `summary` is complete then. Sound has no holes, pictures stand until the next."""

    def __init__(self, recording: Opened, survey: Survey) -> None:
        self._recording = recording
        self._survey = survey
        self._tracks = {shape.info.label: _Track(shape) for shape in survey.shapes}
        self._ready: list[Played] = []
        self.share = 0.0
        """Of the recording that was read so far, 0 to 1."""

    def __iter__(self) -> Iterator[Played]:
        newest_us = self._recording.start_us
        for number, records in enumerate(self._recording.records(), start=1):
            for record in records:
                newest_us = max(newest_us, record.arrival_us)
                track = self._tracks.get(record.label)
                if track is not None and isinstance(record, RtpPacket):
                    self._add(track, track.frames.receive(record, newest_us))
            self.share = number / len(self._recording.segments)
            yield from self._settled(newest_us)
        for track in self._tracks.values():
            self._add(track, track.frames.flush())
            self._fill(track, self._recording.duration_s)
        while self._ready:
            yield heapq.heappop(self._ready)

    def summary(self) -> Summary:
        tracks = [track.summary() for track in self._tracks.values()]
        nothing = [_summary(info) for info in self._survey.empty]
        return Summary(
            self._recording.duration_s, tuple(sorted([*tracks, *nothing], key=lambda track: track.label))
        )

    def _settled(self, newest_us: int) -> Iterator[Played]:
        """What no frame can come before any more."""
        horizon_s = min((newest_us - self._recording.start_us) / 1e6 - _BEHIND_S, self._recording.duration_s)
        for track in self._tracks.values():
            self._add(track, track.frames.due(newest_us))
            self._fill(track, horizon_s)
        while self._ready and self._ready[0].at_s <= horizon_s:
            yield heapq.heappop(self._ready)

    def _add(self, track: "_Track", frames: list[Frame]) -> None:
        for frame in frames:
            at_s, believed = self._survey.timeline.read(
                track.info.label, frame.ssrc, frame.timestamp, frame.arrival_us
            )
            track.mistimed += not believed
            if at_s > self._recording.duration_s:
                continue
            if track.voice is None:
                self._push(track, track.next_picture_s(at_s), frame.data, frame.key, 0.0)
            else:
                follows = track.follows(frame)
                self._say(track, track.voice.add(at_s, frame.samples, frame.data, follows=follows))

    def _fill(self, track: "_Track", until_s: float) -> None:
        if track.voice is not None:
            self._say(track, track.voice.fill(int(until_s * RATE)))

    def _say(self, track: "_Track", sounds: Iterator[Sound]) -> None:
        for sound in sounds:
            self._push(track, sound.at / RATE, sound.data, True, sound.samples / RATE)

    def _push(self, track: "_Track", at_s: float, data: bytes, key: bool, duration_s: float) -> None:
        track.number += 1
        heapq.heappush(self._ready, Played(at_s, track.info.label, track.number, data, key, duration_s))


class _Track:
    """One track under way."""

    def __init__(self, shape: Shape) -> None:
        self.info = shape.info
        self.frames = TrackFrames(shape.info.codec, shape.info.first_seq)
        self.voice = Voice() if shape.info.kind == "audio" else None
        self.number = 0
        self.mistimed = 0
        self._next_s = 0.0
        self._before: Frame | None = None

    def next_picture_s(self, at_s: float) -> float:
        """No picture may stand before the one before it, nor before the film begins."""
        at_s = max(at_s, self._next_s)
        self._next_s = at_s + _TICK_S
        return at_s

    def follows(self, frame: Frame) -> bool:
        before, self._before = self._before, frame
        return (
            before is not None
            and before.ssrc == frame.ssrc
            and (before.timestamp + before.samples - frame.timestamp) % (1 << 32) == 0
        )

    def summary(self) -> TrackSummary:
        faults, voice = self.frames.faults, self.voice
        return _summary(
            self.info,
            frames=self.number,
            dropped=faults.dropped,
            freezes=faults.freezes,
            malformed=faults.malformed,
            late=self.frames.late,
            mistimed=self.mistimed + (voice.misplaced if voice else 0),
            silence_s=voice.silence / RATE if voice else 0.0,
        )


def _summary(info: TrackInfo, **figures: float) -> TrackSummary:
    return TrackSummary(
        label=info.label,
        participant=info.participant,
        role=info.role,
        kind=info.kind,
        codec=info.codec,
        **figures,  # type: ignore[arg-type]
    )
