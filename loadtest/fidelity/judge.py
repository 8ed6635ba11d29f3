"""What one bot saw and heard of the other, judged against what was sent.

Pure: moments are arguments, in seconds of one clock.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

from loadtest.fidelity.marks import SLICE, Luma, Samples, beeping, read_number
from loadtest.fidelity.quality import psnr_db, ssim
from loadtest.fidelity.scene import Scene, latest_before
from loadtest.film import OPUS_FRAME, SAMPLE_RATE

COMPARED_ONE_IN = 4  # pictures: comparing is dear
RECENT_GAPS = 30  # that a freeze is measured against (W3C webrtc-stats, freezeCount)
SOUND_HELD_S = (
    4 * OPUS_FRAME / SAMPLE_RATE
)  # aiortc hands out a packet of sound when the fourth after it came


@dataclass(slots=True)
class Verdict:
    """Of one window, of any number of bots."""

    seconds: float = 0.0
    frames: int = 0
    unread: int = 0
    """Pictures whose number could not be read; they are compared with nothing."""
    freezes: int = 0
    freeze_ms: float = 0.0
    sound_gaps: int = 0
    sound_gap_ms: float = 0.0
    psnr_db: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    picture_delay_ms: list[float] = field(default_factory=list)
    lip_sync_ms: list[float] = field(default_factory=list)

    def merge(self, other: "Verdict") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def figures(self, bots: int) -> dict[str, Any]:
        """As the report's `Fidelity` has them."""
        hours = self.seconds / 3600
        return {
            "bots": bots,
            "frames": self.frames,
            "unread": self.unread,
            "psnr_db": quantiles(self.psnr_db, best_first=True),
            "ssim": quantiles(self.ssim, best_first=True),
            "freezes_per_hour": self.freezes / hours if hours else None,
            "freeze_ms": self.freeze_ms,
            "picture_delay_ms": quantiles(self.picture_delay_ms),
            "audio_gaps_per_hour": self.sound_gaps / hours if hours else None,
            "audio_gap_ms": self.sound_gap_ms,
            "lip_sync_ms": quantiles(self.lip_sync_ms),
        }


def quantiles(values: Iterable[float], *, best_first: bool = False) -> dict[str, float | int | None]:
    """As the report's `Quantiles`; with `best_first` from the highest value down: p95 is what 95 % reach."""
    ordered = sorted(values, reverse=best_first)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    places = {name: max(0, math.ceil(share * len(ordered)) - 1) for name, share in shares.items()}
    return {"n": len(ordered), **{name: ordered[at] if ordered else None for name, at in places.items()}}


class Judge:
    """Of one bot. Told when the other's film began as soon as that is known."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.film_began_s: float | None = None
        self._verdict = Verdict()
        self._window_began_s = 0.0
        self._last_picture_s: float | None = None
        self._gaps: deque[float] = deque(maxlen=RECENT_GAPS)
        self._picture_delay_s: float | None = None
        self._next_sample: int | None = None
        self._beep: int | None = 0

    def begin_window(self, now_s: float) -> None:
        self._verdict = Verdict()
        self._window_began_s = now_s

    def end_window(self, now_s: float) -> Verdict:
        """What has stood still up to now counts."""
        if self._last_picture_s is not None:
            self._note_gap(now_s - max(self._last_picture_s, self._window_began_s))
        self._verdict.seconds = now_s - self._window_began_s
        return self._verdict

    def see(self, luma: Luma, at_s: float) -> None:
        """A picture was decoded."""
        verdict = self._verdict
        verdict.frames += 1
        if self._last_picture_s is not None:
            gap_s = at_s - self._last_picture_s
            self._note_gap(at_s - max(self._last_picture_s, self._window_began_s))
            self._gaps.append(gap_s)
        self._last_picture_s = at_s
        number = read_number(luma)
        if number is None or number >= len(self._scene.sources):
            verdict.unread += 1
            return
        if self.film_began_s is not None:
            moment_s = at_s - self.film_began_s
            self._picture_delay_s = moment_s - latest_before(number, moment_s, self._scene)
            verdict.picture_delay_ms.append(1000 * self._picture_delay_s)
        source = self._scene.sources[number]
        if verdict.frames % COMPARED_ONE_IN == 0 and luma.shape == source.shape:
            verdict.psnr_db.append(psnr_db(luma, source))
            verdict.ssim.append(ssim(luma, source))

    def hear(self, samples: Samples, first_sample: int, at_s: float) -> None:
        """Sound was decoded; `first_sample` counts from anywhere, at SAMPLE_RATE."""
        if self._next_sample is not None and first_sample > self._next_sample:
            self._verdict.sound_gaps += 1
            self._verdict.sound_gap_ms += 1000 * (first_sample - self._next_sample) / SAMPLE_RATE
        self._next_sample = first_sample + len(samples)
        heard = [self._beep, *beeping(samples)]
        self._beep = heard[-1]
        for place, (before, now) in enumerate(pairwise(heard)):
            if now is not None and before is None:
                self._note_beep(now, at_s - SOUND_HELD_S + place * SLICE / SAMPLE_RATE)

    def _note_gap(self, gap_s: float) -> None:
        if not self._gaps:
            return
        usual_s = sum(self._gaps) / len(self._gaps)
        if gap_s > max(3 * usual_s, usual_s + 0.15):
            self._verdict.freezes += 1
            self._verdict.freeze_ms += 1000 * gap_s

    def _note_beep(self, second: int, at_s: float) -> None:
        """How far its delay is from that of the picture: what a player that does nothing about it would show.

        The picture is held too, until the first packet of the next one has come.
        """
        if self.film_began_s is None or self._picture_delay_s is None:
            return
        picture_delay_s = self._picture_delay_s - self._scene.picture_s
        # Of which round of the film it was follows from what is likely: of that nearest to the picture.
        apart_s = (at_s - self.film_began_s - second - picture_delay_s) % self._scene.length_s
        self._verdict.lip_sync_ms.append(1000 * min(apart_s, self._scene.length_s - apart_s))
