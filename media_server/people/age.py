"""How old somebody is, as far as it is known, and who needs a proxy. Pure."""

import re
from datetime import date
from typing import Final

AGE_OF_OWN_CONSULTATION: Final = 16
"""Younger ones consult with an adult who stands for them."""

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def age_on(day: date, birthdate: date) -> int:
    """In whole years; whoever is born on 29 February is a year older from 1 March."""
    return day.year - birthdate.year - ((day.month, day.day) < (birthdate.month, birthdate.day))


def latest_birthdate(birthdate: date | None, as_text: str | None) -> date | None:
    """The birth date, or the last day that a partial one ("1985", "00/1985") leaves open; None: any."""
    if birthdate is not None:
        return birthdate
    years = _YEAR.findall(as_text or "")
    return date(int(years[0]), 12, 31) if len(years) == 1 else None


def needs_proxy(day: date, birthdate: date | None, as_text: str | None) -> bool:
    """Whether the person may be under 16.

    Of whom nothing is known, nothing is held against: identity providers give accounts from that age on, and
    who has no birth date in any register is no child of today's.
    """
    latest = latest_birthdate(birthdate, as_text)
    return latest is not None and age_on(day, latest) < AGE_OF_OWN_CONSULTATION
