"""FHIR R4's primitive types as far as intake uses them (https://hl7.org/fhir/R4/datatypes.html), refused
where FHIR refuses them, and on a few points sooner:

- text holds no control character but tab and line ends, and no half surrogate pair: such text cannot be
  stored or sent on everywhere;
- a decimal has at most 15 digits and lies within ±10¹⁵, so that every JSON parser reads the number we wrote.
"""

import math
import re
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictBool, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", re.ASCII)
_DATE_TIME = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})T(?P<time>\d{2}:\d{2}:\d{2}(\.\d{1,9})?)(?P<zone>Z|[+-]\d{2}:\d{2})",
    re.ASCII,
)
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}(\.\d{1,9})?", re.ASCII)
_URL = re.compile(r"[^\s\x00-\x20\x7f]{1,2048}")
_MOST_DIGITS = 15


def _text(value: str) -> str:
    if _FORBIDDEN.search(value) or not value.strip():
        raise PydanticCustomError("bad-text", "Text may not be empty and may not hold control characters.")
    return value


def _decimal(value: object) -> Decimal:
    """JSON numbers only: text, true and false are not numbers here."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("wrong-type", "A number is expected here.")
    bad = PydanticCustomError("bad-number", "A finite number of at most 15 digits is expected here.")
    if isinstance(value, float) and not math.isfinite(value):
        raise bad
    if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:  # before str(), which is slow for huge ones
        raise bad
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise bad from None
    if not number.is_finite() or abs(number) >= 10**_MOST_DIGITS:
        raise bad
    digits, exponent = len(number.as_tuple().digits), number.as_tuple().exponent
    assert isinstance(exponent, int)  # finite
    if digits > _MOST_DIGITS or exponent < -_MOST_DIGITS:
        raise bad
    return number


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _date(value: str) -> str:
    if not _DATE.fullmatch(value) or not _real_date(value):
        raise PydanticCustomError("bad-date", "A date like 2026-11-23, 2026-11 or 2026 is expected here.")
    return value


def _real_date(value: str) -> bool:
    try:
        date.fromisoformat((value + "-01-01")[:10])
    except ValueError:
        return False
    return True


def read_date_time(value: str) -> datetime | None:
    """The instant, for a date with a time; None for anything else. Digits after the microseconds are
    dropped.
    """
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return None
    clock = read_time(match["time"])
    if clock is None:
        return None
    try:
        return datetime.fromisoformat(f"{match['date']}T{clock.isoformat()}{match['zone']}")
    except ValueError:
        return None


def read_time(value: str) -> time | None:
    """FHIR allows second 60 and knows no 24:00; a leap second counts as the one before it."""
    if not _TIME.fullmatch(value):
        return None
    seconds = "59" if value[6:8] == "60" else value[6:8]
    try:
        return time.fromisoformat(f"{value[:6]}{seconds}{value[8:15]}")
    except ValueError:
        return None


def _date_time(value: str) -> str:
    partial = _DATE.fullmatch(value) is not None and _real_date(value)
    if not partial and read_date_time(value) is None:
        raise PydanticCustomError(
            "bad-date",
            "A date, or a date and time with its zone like 2026-11-23T15:43:20+01:00, is expected here.",
        )
    return value


def _time(value: str) -> str:
    if read_time(value) is None:
        raise PydanticCustomError("bad-date", "A time like 15:43:20 is expected here.")
    return value


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise PydanticCustomError("bad-url", "An address without spaces is expected here.")
    return value


FhirBoolean = StrictBool
FhirInteger = Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)]
PositiveInteger = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
FhirDecimal = Annotated[Decimal, BeforeValidator(_decimal), PlainSerializer(_json_number)]
FhirString = Annotated[StrictStr, AfterValidator(_text)]
FhirDate = Annotated[StrictStr, AfterValidator(_date)]
FhirDateTime = Annotated[StrictStr, AfterValidator(_date_time)]
FhirTime = Annotated[StrictStr, AfterValidator(_time)]
FhirUri = Annotated[StrictStr, AfterValidator(_text), AfterValidator(_url)]
FhirCode = Annotated[StrictStr, Field(pattern=r"^[^\s]+( [^\s]+)*$", max_length=128), AfterValidator(_text)]
LinkId = Annotated[StrictStr, Field(min_length=1, max_length=255), AfterValidator(_text)]
