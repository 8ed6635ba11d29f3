"""One voice without holes: what was sent at its time, silence wherever nothing was (pitfalls: DTX, mute,
loss). Pure.

Times are samples at 48 kHz since the recording began, as all of Opus counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from media_server.recording.export.opus import RATE, SILENCES

# Less than this is the unrest of clocks, not a hole: a decoder would hear a filled one as a click.
_HOLE = 480
# A packet that begins so long before the end of the one before is out of its time, and left out.
_OVERLAP = 960
_SHORTEST = SILENCES[-1][0]


@dataclass(frozen=True, slots=True)
class Sound:
    at: int
    samples: int
    data: bytes


class Voice:
    def __init__(self) -> None:
        self._heard = 0
        self.silence = 0
        """Samples that were filled in."""
        self.misplaced = 0
        """Packets left out because another stood in their time."""

    @property
    def heard(self) -> int:
        """Up to here it is complete."""
        return self._heard

    def add(self, at_s: float, samples: int, data: bytes) -> Iterator[Sound]:
        at = round(at_s * RATE)
        if at < self._heard - _OVERLAP:
            self.misplaced += 1
            return
        if at >= self._heard + _HOLE:
            yield from self.fill(at)
        at = max(at, self._heard)
        yield Sound(at, samples, data)
        self._heard = at + samples

    def fill(self, until: int) -> Iterator[Sound]:
        """Silence up to there, but for less than 2.5 ms."""
        while until - self._heard >= _SHORTEST:
            samples, data = next(each for each in SILENCES if each[0] <= until - self._heard)
            yield Sound(self._heard, samples, data)
            self._heard += samples
            self.silence += samples
