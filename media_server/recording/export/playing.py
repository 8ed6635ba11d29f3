"""The second reading of a recording: all its frames at their times, in order, in bounded memory."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from media_server.recording.export.frames import Frame, TrackFrames
from media_server.recording.export.opening import Opened, TrackInfo
from media_server.recording.export.opus import RATE
from media_server.recording.export.reordering import HOLD_US
from media_server.recording.export.sound import Voice
from media_server.recording.export.summary import Summary, TrackSummary
from media_server.recording.export.survey import Shape, Survey
from media_server.recording.format import RtpPacket

# Beyond the time for which packets are held back: how much earlier than it arrived a frame was captured.
_CAPTURED_BEFORE_US = 1_000_000
# Clocks that are read wrongly must not make a film of a day out of a call of a minute.
_BEYOND_S = 1.0


@dataclass(frozen=True, slots=True, order=True)
class Played:
    """One frame of one track; `at_s` since the recording began."""

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
        self._timeline = survey.timeline
        self._tracks = {
            shape.info.label: _Played(shape, TrackFrames(shape.info.codec, shape.info.first_seq))
            for shape in survey.shapes
        }
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

    def _settled(self, newest_us: int) -> Iterator[Played]:
        """What no frame can come before any more."""
        horizon_s = (newest_us - HOLD_US - _CAPTURED_BEFORE_US - self._recording.start_us) / 1e6
        for track in self._tracks.values():
            self._add(track, track.frames.due(newest_us))
            self._fill(track, horizon_s)
        while self._ready and self._ready[0].at_s <= horizon_s:
            yield heapq.heappop(self._ready)

    def _add(self, track: "_Played", frames: list[Frame]) -> None:
        for frame in frames:
            label = track.shape.info.label
            at_s = self._timeline.seconds(label, frame.ssrc, frame.timestamp, frame.arrival_us)
            if not -_BEYOND_S <= at_s <= self._recording.duration_s + _BEYOND_S:
                track.misplaced += 1
            elif track.voice is None:
                at_s = max(at_s, track.next_s, 0.0)
                track.next_s = at_s + 0.001
                self._push(track, at_s, frame.data, frame.key, 0.0)
            else:
                for sound in track.voice.add(max(at_s, 0.0), frame.samples, frame.data):
                    self._push(track, sound.at / RATE, sound.data, True, sound.samples / RATE)

    def _fill(self, track: "_Played", until_s: float) -> None:
        if track.voice is not None:
            for sound in track.voice.fill(int(until_s * RATE)):
                self._push(track, sound.at / RATE, sound.data, True, sound.samples / RATE)

    def _push(self, track: "_Played", at_s: float, data: bytes, key: bool, duration_s: float) -> None:
        track.number += 1
        played = Played(at_s, track.shape.info.label, track.number, data, key, duration_s)
        heapq.heappush(self._ready, played)

    def summary(self) -> Summary:
        return Summary(self._recording.duration_s, tuple(track.summary() for track in self._tracks.values()))


class _Played:
    """One track under way. `next_s`: no picture may stand before the one before it."""

    def __init__(self, shape: Shape, frames: TrackFrames) -> None:
        self.shape = shape
        self.frames = frames
        self.voice = Voice() if shape.info.kind == "audio" else None
        self.number = 0
        self.next_s = 0.0
        self.misplaced = 0

    def summary(self) -> TrackSummary:
        info: TrackInfo = self.shape.info
        faults, voice = self.frames.faults, self.voice
        return TrackSummary(
            label=info.label,
            role=info.role,
            kind=info.kind,
            codec=info.codec,
            frames=self.number,
            dropped=faults.dropped,
            malformed=faults.malformed + self.misplaced + (voice.misplaced if voice else 0),
            late=self.frames.late,
            silence_s=voice.silence / RATE if voice else 0.0,
        )
