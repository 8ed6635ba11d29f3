"""Who logged in, once all is checked: the claims of itsme's scopes as types. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from auth.identifiers import BadIdentifier, NationalNumberKind, Sex, parse_national_number
from auth.itsme.claims import Authenticated
from auth.itsme.errors import LoginFailed, LoginFault
from auth.itsme.settings import BIRTHDATE_AS_STRING_CLAIM, NATIONAL_NUMBER_CLAIM, UI_LOCALES, Acr
from auth.private import Private

_MOST_CHARACTERS = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NATIONAL_NUMBER = re.compile(r"[0-9]{11}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class VerifiedIdentity:
    """A person whom the provider vouches for. `verified_at` is Unix time.

    `subject` is the person's only with us and this issuer, and a new one when they make their account anew:
    what stays is the national number, which people with foreign documents have not. One of `birthdate` and
    `birthdate_as_string` is there; the latter for dates that are not wholly known. `locale` is the language
    of the person's itsme (nl, fr, de, en).
    """

    issuer: str
    subject: Private[str]
    family_name: Private[str]
    given_name: Private[str] | None
    birthdate: Private[date] | None
    birthdate_as_string: Private[str] | None
    gender: Private[Sex] | None
    locale: str | None
    national_number: Private[str] | None
    phone: Private[str] | None
    email: Private[str] | None
    acr: Acr | None
    verified_at: float


def identity(
    claims: Mapping[str, Any], authenticated: Authenticated, issuer: str, now: float
) -> VerifiedIdentity:
    """From claims that were checked to be the provider's and this person's. Raises LoginFailed."""
    family_name = _text(claims, "family_name")
    if family_name is None:
        raise LoginFailed(LoginFault.CLAIMS)
    birthdate = _birthdate(claims)
    return VerifiedIdentity(
        issuer=issuer,
        subject=authenticated.subject,
        family_name=family_name,
        given_name=_text(claims, "given_name"),
        birthdate=None if birthdate is None else Private(birthdate),
        birthdate_as_string=_text(claims, BIRTHDATE_AS_STRING_CLAIM),
        gender=_gender(claims),
        locale=_locale(claims),
        national_number=_national_number(claims, birthdate),
        phone=_text(claims, "phone_number"),
        email=_text(claims, "email"),
        acr=authenticated.acr,
        verified_at=now,
    )


def is_complete(claims: Mapping[str, Any]) -> bool:
    """Whether the person is described here; if not, it is userinfo that does. Everybody has a family name."""
    return "family_name" in claims


def _text(claims: Mapping[str, Any], name: str) -> Private[str] | None:
    value = claims.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS or _CONTROL.search(value):
        raise LoginFailed(LoginFault.CLAIMS)
    return Private(value.strip()) if value.strip() else None


def _birthdate(claims: Mapping[str, Any]) -> date | None:
    text = _text(claims, "birthdate")
    if text is None:
        return None
    if not _DATE.fullmatch(text.reveal()):
        raise LoginFailed(LoginFault.CLAIMS)
    try:
        return date.fromisoformat(text.reveal())
    except ValueError:
        raise LoginFailed(LoginFault.CLAIMS) from None


def _gender(claims: Mapping[str, Any]) -> Private[Sex] | None:
    text = _text(claims, "gender")
    known = {sex.value: sex for sex in Sex}  # itsme also has "unknown" and "n/a"
    return Private(known[text.reveal()]) if text is not None and text.reveal() in known else None


def _locale(claims: Mapping[str, Any]) -> str | None:
    text = _text(claims, "locale")
    language = "" if text is None else text.reveal()[:2].lower()
    return language if language in UI_LOCALES else None


def _national_number(claims: Mapping[str, Any], birthdate: date | None) -> Private[str] | None:
    """Eleven digits with a right checksum, of somebody who can have been born on that day."""
    value = claims.get(NATIONAL_NUMBER_CLAIM)
    if value is None:
        return None
    if not isinstance(value, str) or not _NATIONAL_NUMBER.fullmatch(value):
        raise LoginFailed(LoginFault.NATIONAL_NUMBER)
    try:
        number = parse_national_number(value)
    except BadIdentifier:
        raise LoginFailed(LoginFault.NATIONAL_NUMBER) from None
    # The date in a BIS number is as good as what was known when it was given out.
    if number.kind is NationalNumberKind.REGISTER and number.disagreements(birthdate, None):
        raise LoginFailed(LoginFault.NATIONAL_NUMBER)
    return Private(value)
