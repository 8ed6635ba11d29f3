"""The test persons. None of them exists: names are made up, numbers are published examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

_CLAIM: Final = "http://itsme.services/v2/claim/"


class Registration(Enum):
    """What a test doctor is meant to be in the registry of this service."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Person:
    """`key` is our own name for them; `about` says on the screen what they are good for."""

    key: str
    family_name: str
    given_name: str
    gender: str
    birthdate: str
    locale: str
    phone_number: str
    email: str
    national_number: str | None
    about: str
    registration: Registration | None = None

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def claims(self) -> Mapping[str, Mapping[str, Any]]:
        """By scope, as itsme names and spells them."""
        eid = {} if self.national_number is None else {f"{_CLAIM}BENationalNumber": self.national_number}
        return {
            "profile": {
                "family_name": self.family_name,
                "given_name": self.given_name,
                "name": self.name,
                "gender": self.gender,
                "birthdate": self.birthdate,
                "locale": self.locale.upper(),
            },
            "phone": {"phone_number": self.phone_number, "phone_number_verified": True},
            "email": {"email": self.email, "email_verified": False},
            "eid": eid,
        }


PATIENTS: Final[Sequence[Person]] = (
    Person(
        key="emma",
        family_name="Janssens",
        given_name="Emma",
        gender="female",
        birthdate="2005-06-15",
        locale="nl",
        phone_number="+32 470000001",
        email="emma@patients.example",
        national_number="05061500215",
        about="Has a Belgian national number",
    ),
    Person(
        key="youssef",
        family_name="Benali",
        given_name="Youssef",
        gender="male",
        birthdate="1998-07-28",
        locale="fr",
        phone_number="+32 470000002",
        email="youssef@patients.example",
        national_number="98472899765",
        about="Has a BIS number: not in the national register",
    ),
    Person(
        key="sofie",
        family_name="Lindqvist",
        given_name="Sofie",
        gender="female",
        birthdate="1971-11-02",
        locale="en",
        phone_number="+46 700000003",
        email="sofie@patients.example",
        national_number=None,
        about="Has foreign documents: no national number",
    ),
    Person(
        key="lou",
        family_name="Maes",
        given_name="Lou",
        gender="male",
        birthdate="2020-05-04",
        locale="nl",
        phone_number="+32 470000004",
        email="lou@patients.example",
        national_number=None,
        about="Is under sixteen: an adult has to ask",
    ),
)

DOCTORS: Final[Sequence[Person]] = (
    Person(
        key="claes",
        family_name="Claes",
        given_name="Jan",
        gender="male",
        birthdate="1985-07-30",
        locale="nl",
        phone_number="+32 470000011",
        email="claes@doctors.example",
        national_number="85073003328",
        about="In the registry, verified",
        registration=Registration.VERIFIED,
    ),
    Person(
        key="dubois",
        family_name="Dubois",
        given_name="Luc",
        gender="male",
        birthdate="1980-01-01",
        locale="fr",
        phone_number="+32 470000012",
        email="dubois@doctors.example",
        national_number="80010100107",
        about="In the registry, verified",
        registration=Registration.VERIFIED,
    ),
    Person(
        key="peeters",
        family_name="Peeters",
        given_name="Bram",
        gender="male",
        birthdate="1993-05-18",
        locale="nl",
        phone_number="+32 470000013",
        email="peeters@doctors.example",
        national_number="93051822361",
        about="In the registry, not verified: cannot go on duty",
        registration=Registration.UNVERIFIED,
    ),
)

PERSONS: Final[Mapping[str, Person]] = MappingProxyType(
    {person.key: person for person in (*PATIENTS, *DOCTORS)}
)
