"""One voice without holes: what was sent at its time, silence wherever nothing was (pitfalls: DTX, mute,
loss). Pure.

Times are samples at 48 kHz since the recording began, as all of Opus counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from media_server.recording.export.opus import RATE, SILENCES

# Packets that follow each other may stand a little apart or overlap: that is the drift of a clock, or the
# unrest of reading it. What is more was a step of the clock.
_STEP = 40 * RATE // 1000
# A packet that follows no other has its own place; less than this is unrest again.
_HOLE = _OVERLAP = 10 * RATE // 1000
_SHORTEST = SILENCES[-1][0]


@dataclass(frozen=True, slots=True)
class Sound:
    at: int
    samples: int
    data: bytes


class Voice:
    def __init__(self) -> None:
        self._heard = 0
        self._next = 0
        self.silence = 0
        """Samples that were filled in."""
        self.misplaced = 0
        """Packets left out because others stood in their time."""

    def add(self, at_s: float, samples: int, data: bytes, *, follows: bool) -> Iterator[Sound]:
        """`follows`: by its RTP timestamp it begins where the packet before ended."""
        at = round(at_s * RATE)
        if at < 0:
            return  # before the recording
        if at < self._heard - (_STEP if follows else _OVERLAP):
            self.misplaced += 1
            return
        if at > self._heard + (_STEP if follows else _HOLE):
            yield from self.fill(at)
        at = max(at, self._next)
        yield Sound(at, samples, data)
        self._heard, self._next = at + samples, at + 1

    def fill(self, until: int) -> Iterator[Sound]:
        """Silence up to there, but for less than 2.5 ms."""
        while until - self._heard >= _SHORTEST:
            samples, data = next(each for each in SILENCES if each[0] <= until - self._heard)
            at = max(self._heard, self._next)
            yield Sound(at, samples, data)
            self._heard, self._next = at + samples, at + 1
            self.silence += samples
