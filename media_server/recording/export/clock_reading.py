"""Wall clock times of one media clock, read from pairs of both (RFC 3550 §6.4.1, §6.5). Pure; all in seconds.

A single report is off by some milliseconds, for senders stamp it between two frames; so each is taken
together with its neighbours. Where the media clock itself was set anew, as when a device is plugged in or a
computer wakes up, nothing is smoothed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# More than reports are wrong by.
_STEP_S = 0.03
_NEIGHBOURS_S = 30.0
# What quartz drifts by at most.
_MOST_SLOPE = 300e-6


class _Pair(NamedTuple):
    """`offset_s`: wall less media. `run`: equal between steps of the media clock."""

    media_s: float
    offset_s: float
    run: int


class ClockReading:
    """`pairs`: (media, wall), in the order of arrival, one at least."""

    def __init__(self, pairs: Sequence[tuple[float, float]]) -> None:
        runs = enumerate(_runs(pairs))
        self._pairs = sorted(pair for number, run in runs for pair in _smooth(sorted(run), number))

    def at(self, media_s: float, arrival_s: float) -> float:
        """The wall clock then. Of two readings that a step is between, the one nearer to the arrival."""
        after = bisect_right(self._pairs, media_s, key=lambda pair: pair.media_s)
        before, behind = self._pairs[max(after - 1, 0)], self._pairs[min(after, len(self._pairs) - 1)]
        if before.run == behind.run:
            share = 0.0
            if behind.media_s > before.media_s:
                share = min(max((media_s - before.media_s) / (behind.media_s - before.media_s), 0.0), 1.0)
            return media_s + before.offset_s + share * (behind.offset_s - before.offset_s)
        return min(
            (media_s + pair.offset_s for pair in (before, behind)), key=lambda wall_s: abs(arrival_s - wall_s)
        )


def _runs(pairs: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """(media, offset), parted where the offset makes a step."""
    runs: list[list[tuple[float, float]]] = []
    for media_s, wall_s in pairs:
        offset_s = wall_s - media_s
        if not runs or abs(offset_s - runs[-1][-1][1]) > _STEP_S:
            runs.append([])
        runs[-1].append((media_s, offset_s))
    return runs


def _smooth(run: Sequence[tuple[float, float]], number: int) -> Iterator[_Pair]:
    """Each offset on the line of least squares through its neighbours'."""
    for media_s, _ in run:
        near = run[
            bisect_left(run, (media_s - _NEIGHBOURS_S,)) : bisect_right(run, (media_s + _NEIGHBOURS_S,))
        ]
        middle_s = sum(media for media, _ in near) / len(near)
        mean_s = sum(offset for _, offset in near) / len(near)
        spread = sum((media - middle_s) ** 2 for media, _ in near)
        slope = 0.0
        if spread:
            slope = sum((media - middle_s) * (offset - mean_s) for media, offset in near) / spread
            slope = min(max(slope, -_MOST_SLOPE), _MOST_SLOPE)
        yield _Pair(media_s, mean_s + slope * (media_s - middle_s), number)
