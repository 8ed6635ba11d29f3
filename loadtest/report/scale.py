"""Where values go on an axis, and which are written beside it. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtest.report import words

MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Scale:
    """`at` gives 0 at the beginning of the axis and 1 at its end; `ticks` are values with what they are
    called.
    """

    name: str
    to: Callable[[float], float]
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def at(self, value: float) -> float:
        """Not beyond the ends."""
        share = (self.to(value) - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))


def linear(name: str, low: float, high: float, said: Callable[[float], str] | None = None) -> Scale:
    """Up to the next round number above `high`; its ticks are a round number apart."""
    if high <= low:
        high = low + 1
    step = _round_step((high - low) / (MOST_TICKS - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [step * number for number in range(first, last + 1)]
    say = said or (lambda value: words.number(value, 4))
    return Scale(name, float, values[0], values[-1], [(value, say(value)) for value in values])


def over_time(end_s: float) -> Scale:
    """Seconds, minutes or hours from 0 to the very end."""
    units = ((180, 1.0, "seconds"), (10_800, 60.0, "minutes"), (math.inf, 3600.0, "hours"))
    unit_s, unit = next((size_s, name) for most_s, size_s, name in units if end_s <= most_s)
    whole = linear(unit, 0, end_s / unit_s)
    ticks = [(value * unit_s, said) for value, said in whole.ticks if value * unit_s <= end_s * 1.001]
    return Scale(unit, float, 0, max(end_s, 1e-3), ticks)


def logarithmic(name: str, low: float, high: float) -> Scale:
    """1, 2, 5, 10, 20 … around the values; `low` > 0."""
    high = max(high, low * 2)
    steps = [
        mantissa * 10.0**exponent
        for exponent in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        for mantissa in (1, 2, 5)
    ]
    first = max(step for step in steps if step <= low)
    last = min(step for step in steps if step >= high)
    within = [step for step in steps if first <= step <= last]
    if len(within) > MOST_TICKS + 2:
        within = [step for step in within if _is_power(step)] or within
    return Scale(
        name, math.log10, math.log10(first), math.log10(last), [(step, words.number(step)) for step in within]
    )


def percentiles(most: float) -> Scale:
    """Shares up to `most`, which is below 1; each further nine has as much room as the one before."""
    ends = -math.log10(1 - min(max(most, 0.9), 1 - 1e-7))
    ticks = [(0.0, "0"), (0.5, "50"), (0.75, "75"), (0.9, "90"), (0.95, "95"), (0.99, "99"), (0.999, "99.9")]
    ticks += [(0.9999, "99.99"), (0.99999, "99.999")]
    if ends > 2.4:
        ticks = [tick for tick in ticks if tick[0] not in (0.75, 0.95)]
    shown = [tick for tick in ticks if _nines(tick[0]) <= ends + 1e-9]
    return Scale("% of them were at most so long", _nines, 0.0, ends, shown)


def _nines(share: float) -> float:
    return -math.log10(1 - min(share, 1 - 1e-9))


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _is_power(step: float) -> bool:
    return math.isclose(math.log10(step), round(math.log10(step)), abs_tol=1e-9)
