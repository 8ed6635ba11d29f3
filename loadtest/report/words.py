"""Numbers and names as people read them. Pure.

A thin space (U+202F, which no line breaks at) is between a number and its unit and in groups of thousands.
"""

import unicodedata
from datetime import datetime

from loadtest.results import Dimension, Figure

THIN = "\u202f"
NOT_MEASURED = "not measured"
NOTHING = "\u2013"  # in a cell that has nothing to say
MINUTE_S, HOUR_S = 60, 3600
LONGEST_TEXT = 400  # characters; what a server says of itself need not be short


def visible(text: str) -> str:
    """Cut where it is endless; what commands a terminal, does not show, or turns round what follows it, is
    U+FFFD.
    """
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT - 1]}…"
    return "".join("\ufffd" if _is_invisible(character) else character for character in text)


def _is_invisible(character: str) -> bool:
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")


def number(value: float, digits: int = 3) -> str:
    """So many significant digits, without an exponent: 0.0123, 1.20, 34.5, 1 234."""
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace(",", THIN)
    return _plain(float(f"{value:.{digits}g}"))


def _plain(value: float) -> str:
    """Without an exponent, and without a tail of zeros."""
    written = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def count(value: float) -> str:
    return f"{value:,.0f}".replace(",", THIN)


def with_unit(value: str, unit: str) -> str:
    return f"{value}{THIN}{unit}" if unit else value


def ms(value: float | None) -> str:
    if value is None:
        return NOT_MEASURED
    if value >= 10_000:
        return with_unit(number(value / 1000), "s")
    if 0 < value < 0.1:
        return with_unit(number(1000 * value), "µs")
    return with_unit(number(value), "ms")


def share(value: float | None) -> str:
    """A percentage; what is not all of it is never shown as 100 %."""
    if value is None:
        return NOT_MEASURED
    percent = 100 * value
    if 99 < percent < 100:
        return with_unit(_plain(min(float(f"{percent:.4f}"), 99.9999)), "%")
    return with_unit(number(percent), "%")


def cores(value: float | None) -> str:
    return NOT_MEASURED if value is None else with_unit(f"{value:.2f}", "cores")


def megabytes(value: float | None) -> str:
    if value is None:
        return NOT_MEASURED
    return with_unit(number(value / 1000), "GB") if value >= 10_000 else with_unit(number(value), "MB")


def seconds(value: float) -> str:
    """3 s, 2 min 30 s, 1 h 5 min."""
    if value < 2 * MINUTE_S:
        return with_unit(number(value), "s")
    if value < 2 * HOUR_S:
        minutes, left = divmod(round(value), MINUTE_S)
        return with_unit(str(minutes), "min") + (f" {with_unit(str(left), 's')}" if left else "")
    hours, left = divmod(round(value / MINUTE_S), 60)
    return with_unit(str(hours), "h") + (f" {with_unit(str(left), 'min')}" if left else "")


def bits(value_bps: float) -> str:
    if value_bps >= 1e9:
        return with_unit(number(value_bps / 1e9), "Gbit/s")
    return (
        with_unit(number(value_bps / 1e6), "Mbit/s")
        if value_bps >= 1e6
        else with_unit(number(value_bps / 1e3), "kbit/s")
    )


def moment(value: datetime) -> str:
    return value.strftime("%-d %B %Y, %H:%M:%S %Z")


def figure(what: Figure, value: float | None) -> str:
    """A figure that thresholds can be set on, in the unit of its kind."""
    if value is None:
        return NOT_MEASURED
    match what.dimension:
        case Dimension.TIME:
            return ms(value)
        case Dimension.SHARE:
            return share(value)
        case Dimension.CORES:
            return cores(value)
        case Dimension.MEMORY:
            return megabytes(value)
        case Dimension.COUNT:
            return number(value)
        case Dimension.PER_HOUR:
            return with_unit(number(value), "an hour")
        case Dimension.DECIBEL:
            return with_unit(number(value), "dB")


def several(value: float, one: str, more: str | None = None) -> str:
    """1 call, 2 calls."""
    return f"{count(value)} {one if value == 1 else more or one + 's'}"


def words(name: str) -> str:
    """A field's name as words."""
    return name.replace("_", " ").replace("-", " ")
