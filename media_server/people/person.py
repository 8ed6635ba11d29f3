"""What is known of a person: as types, as it lies in a sealed field, and how it is found again unread."""

import json
from dataclasses import dataclass
from datetime import date

from auth import Private, Sex
from media_server.languages import Language
from media_server.records import FieldKeys


@dataclass(frozen=True, slots=True)
class Subject:
    """A person at an identity provider: `iss` and `sub` are together theirs alone (OpenID Core §2)."""

    issuer: str
    value: Private[str]


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """One of `birthdate` and `birthdate_as_string` is known, but for who has none; `national_number` is
    eleven digits, missing for people with foreign documents only.
    """

    family_name: Private[str]
    given_name: Private[str] | None = None
    birthdate: Private[date] | None = None
    birthdate_as_string: Private[str] | None = None
    sex: Private[Sex] | None = None
    language: Language | None = None
    national_number: Private[str] | None = None

    @property
    def name(self) -> Private[str]:
        """As others see it."""
        given = "" if self.given_name is None else f"{self.given_name.reveal()} "
        return Private(f"{given}{self.family_name.reveal()}")

    def to_json(self) -> bytes:
        """For sealing; never for a log."""
        plain = {
            "family_name": self.family_name.reveal(),
            "given_name": _revealed(self.given_name),
            "birthdate": None if self.birthdate is None else self.birthdate.reveal().isoformat(),
            "birthdate_as_string": _revealed(self.birthdate_as_string),
            "sex": None if self.sex is None else self.sex.reveal().value,
            "language": None if self.language is None else self.language.value,
            "national_number": _revealed(self.national_number),
        }
        known = {name: value for name, value in plain.items() if value is not None}
        return json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "PersonDetails":
        """Of what `to_json` wrote."""
        read = json.loads(content)
        return cls(
            family_name=Private(read["family_name"]),
            given_name=_private(read.get("given_name")),
            birthdate=Private(date.fromisoformat(read["birthdate"])) if "birthdate" in read else None,
            birthdate_as_string=_private(read.get("birthdate_as_string")),
            sex=Private(Sex(read["sex"])) if "sex" in read else None,
            language=Language(read["language"]) if "language" in read else None,
            national_number=_private(read.get("national_number")),
        )


def subject_index(keys: FieldKeys, subject: Subject) -> bytes:
    return keys.index("subject", f"{subject.issuer}\0{subject.value.reveal()}")


def national_number_index(keys: FieldKeys, number: Private[str]) -> bytes:
    return keys.index("national-number", number.reveal())


def _revealed(value: Private[str] | None) -> str | None:
    return None if value is None else value.reveal()


def _private(value: str | None) -> Private[str] | None:
    return None if value is None else Private(value)
