"""A publisher's wall clock against the node's, from when its sender reports arrived. Pure.

A report cannot arrive before it was sent, and some arrive with hardly any delay: the line under all (sent,
arrival - sent) is the difference of the two clocks and its drift, but for the shortest delay of the network,
which all tracks of a publisher share.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# Quartz is better than this; what drifts more is no clock.
_MOST_DRIFT = 300e-6
# Drift is not told from jitter in less time.
_SHORTEST_S = 60.0


class Difference(NamedTuple):
    """arrival - sent, in microseconds, at a time of the publisher's clock in seconds."""

    at_zero_us: float
    drift_us: float

    def at(self, sent_s: float) -> float:
        return self.at_zero_us + self.drift_us * sent_s


def difference(reports: Sequence[tuple[float, float]]) -> Difference:
    """`reports`: (sent in seconds, arrival - sent in microseconds), one at least."""
    ordered = sorted(reports)
    first, last = ordered[0][0], ordered[-1][0]
    least = min(delay for _, delay in ordered)
    if last - first < _SHORTEST_S:
        return Difference(least, 0.0)
    (x0, y0), (x1, y1) = _edge(_lower_hull(ordered), (first + last) / 2)
    drift = (y1 - y0) / (x1 - x0)
    if abs(drift) > _MOST_DRIFT * 1e6:
        return Difference(least, 0.0)
    return Difference(y0 - drift * x0, drift)


def _lower_hull(ordered: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Andrew's monotone chain, its lower half."""
    hull: list[tuple[float, float]] = []
    for x, y in ordered:
        while hull and hull[-1][0] == x:
            y = min(y, hull.pop()[1])
        while len(hull) > 1:
            (x0, y0), (x1, y1) = hull[-2:]
            if (y1 - y0) * (x - x0) < (y - y0) * (x1 - x0):
                break
            hull.pop()
        hull.append((x, y))
    return hull


def _edge(
    hull: Sequence[tuple[float, float]], middle: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The side of the hull over the middle: the line under all points that is nearest to them together."""
    for before, after in pairwise(hull):
        if after[0] >= middle:
            return before, after
    return hull[-2], hull[-1]
