"""Whether two values are equal, and which is the greater. Values that cannot be compared are neither."""

from datetime import datetime
from decimal import Decimal

from media_server.intake.primitives import read_date_time, read_time
from media_server.intake.values import Attachment, Coding, Quantity, Value, ValueKind

_NUMBERS = {ValueKind.DECIMAL, ValueKind.INTEGER}
_DATES = {ValueKind.DATE, ValueKind.DATE_TIME}
_TEXTS = {ValueKind.STRING, ValueKind.URI}


def equal(one: Value, other: Value) -> bool:
    """A coding is its system and code: what it is called, in whichever language, does not matter."""
    match one.content, other.content:
        case Coding() as a, Coding() as b:
            return (a.system, a.code) == (b.system, b.code)
        case Attachment() as a, Attachment() as b:
            return a == b
        case bool() as a, bool() as b:
            return a == b
        case str() as a, str() as b if one.kind in _TEXTS and other.kind in _TEXTS:
            return a == b
        case _:
            return order(one, other) == 0


def order(one: Value, other: Value) -> int | None:
    """Below, at or above 0 as `one` is less than, equal to or greater than `other`; None: not to be told.

    Dates of different precision are told apart by what both say (FHIRPath, "Comparison"); a year is neither
    less nor greater than a day in it. Quantities compare in the same unit only.
    """
    match one.content, other.content:
        case Quantity() as a, Quantity() as b:
            same_unit = (a.system, a.code) == (b.system, b.code) and (a.code is not None or a.unit == b.unit)
            return _sign(a.value, b.value) if same_unit else None
        case bool(), _:
            return None
        case _, bool():
            return None
        case (int() | Decimal()) as a, (int() | Decimal()) as b:
            return _sign(Decimal(a), Decimal(b))
        case str() as a, str() as b if one.kind in _DATES and other.kind in _DATES:
            return _order_dates(a, b)
        case str() as a, str() as b if one.kind is other.kind is ValueKind.TIME:
            earlier, later = read_time(a), read_time(b)
            return None if earlier is None or later is None else (earlier > later) - (earlier < later)
        case _:
            return None


def _order_dates(one: str, other: str) -> int | None:
    a, b = read_date_time(one), read_date_time(other)
    if a is not None and b is not None:
        return _sign_of_instants(a, b)
    shared = min(len(one), len(other), 10)
    if one[:shared] != other[:shared]:
        return 1 if one[:shared] > other[:shared] else -1
    return 0 if len(one) == len(other) else None


def _sign_of_instants(a: datetime, b: datetime) -> int:
    return (a > b) - (a < b)


def _sign(a: Decimal, b: Decimal) -> int:
    return (a > b) - (a < b)
