"""Whether a server keeps what it should let go: before and after, and by least squares in between. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from loadtest.results import Trend
from loadtest.tool.server_watch import Look

FEW_DESCRIPTORS = 8  # a database's connections, a log's file, our own requests' connections: kept once opened
FEW_THREADS = 4
FEW_TASKS = 8  # a connection has one
MORE_OF = {"tasks": FEW_TASKS}
"""So many more of a gauge, once everybody has left, are no growth; of the others none."""
MEMORY_MB = 16.0  # allocators keep what they had; see also MEMORY_SHARE
MEMORY_SHARE = 0.05
ENDS = 5  # the end is a window's last fifth, the beginning its second: in the first a new server fills up
SIGNIFICANT = 3.0  # standard errors
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Line:
    """y = at(0) + slope x; `error` is the slope's standard error."""

    slope: float
    error: float


def fitted(points: Sequence[tuple[float, float]]) -> Line | None:
    """Least squares; None for fewer than three points, or all at one x."""
    if len(points) < 3:
        return None
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residuals = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    return Line(slope, math.sqrt(residuals / (len(points) - 2) / spread))


def trends(before: Look, window: Sequence[Look], after: Look) -> tuple[Trend, ...]:
    """Of everything that was told: what is counted is compared idle, memory under load."""
    found = [
        _idle("descriptors", "descriptors", FEW_DESCRIPTORS, before, window, after),
        _idle("threads", "threads", FEW_THREADS, before, window, after),
        *(
            _idle(name, f"gauges.{name}", MORE_OF.get(name, 0), before, window, after)
            for name in before.gauges
        ),
        _memory(window),
    ]
    return tuple(trend for trend in found if trend is not None)


def settled(before: Look, now: Look) -> bool:
    """Whether no gauge has grown since."""
    return all(
        value <= before.gauges.get(name, 0) + MORE_OF.get(name, 0) for name, value in now.gauges.items()
    )


def _idle(
    name: str, path: str, allowed: float, before: Look, window: Sequence[Look], after: Look
) -> Trend | None:
    first, last = _value(before, path), _value(after, path)
    if first is None or last is None:
        return None
    line = fitted(_points(window, path))
    return Trend(
        figure=name,
        unit="",
        compared="idle",
        before=first,
        after=last,
        per_hour=None if line is None else line.slope * SECONDS_PER_HOUR,
        allowed=allowed,
        grew=last > first + allowed,
    )


def _memory(window: Sequence[Look]) -> Trend | None:
    points = _points(window, "memory_mb")
    if len(points) < 2 * ENDS:
        return None
    size = len(points) // ENDS
    points = points[size:]
    line = fitted(points)
    if line is None:
        return None
    first, last = (median(y for _, y in part) for part in (points[:size], points[-size:]))
    allowed = max(MEMORY_MB, MEMORY_SHARE * first)
    return Trend(
        figure="memory",
        unit="MB",
        compared="under load",
        before=first,
        after=last,
        per_hour=line.slope * SECONDS_PER_HOUR,
        allowed=allowed,
        grew=last > first + allowed and line.slope > SIGNIFICANT * line.error,
    )


def _points(window: Sequence[Look], path: str) -> list[tuple[float, float]]:
    return [(look.at_s, value) for look in window if (value := _value(look, path)) is not None]


def _value(look: Look, path: str) -> float | None:
    gauge = path.removeprefix("gauges.")
    if gauge != path:
        return look.gauges.get(gauge)
    value: float | None = getattr(look, path)
    return value
