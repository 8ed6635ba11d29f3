"""People who do not exist, and a database to put them into."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from auth import Private, Sex
from media_server.languages import Language
from media_server.people import Doctors, Patients, PersonDetails, Subject
from media_server.people.doctors_file import COLUMNS
from media_server.records import FieldKeys, reading, tables

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
DAY_US = 86_400 * 1_000_000
TODAY = NOON.date()

ISSUER = "https://idp.example/v2"
ANNA = PersonDetails(
    family_name=Private("Vermeulen"),
    given_name=Private("Anna"),
    birthdate=Private(date(1985, 7, 30)),
    sex=Private(Sex.MALE),
    language=Language.NL,
    national_number=Private("85073003328"),
)
WITHOUT_NUMBER = replace(ANNA, national_number=None)


def a_subject(value: str = "sub-1", issuer: str = ISSUER) -> Subject:
    return Subject(issuer, Private(value))


class HandClockUs:
    """Unix microseconds that move when told."""

    def __init__(self) -> None:
        self.now = NOON_US

    def __call__(self) -> int:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += int(days * DAY_US)


@dataclass
class House:
    """One node's view of who there is."""

    engine: Engine
    keys_folder: Path
    clock: HandClockUs = field(default_factory=HandClockUs)

    def __post_init__(self) -> None:
        self.keys = FieldKeys.open(self.keys_folder)
        self.patients = Patients(self.engine, self.keys, self.clock)
        self.doctors = Doctors(self.engine, self.keys, self.clock)

    def actions(self, actor: str) -> list[str]:
        """What the audit log has of somebody, oldest first."""
        log = tables.audit
        with reading(self.engine) as connection:
            rows = connection.execute(select(log.c.action).where(log.c.actor == actor).order_by(log.c.number))
            return list(rows.scalars())

    def dump(self) -> bytes:
        """All that lies in the tables about people, as bytes."""
        with reading(self.engine) as connection:
            rows = [
                row
                for table in (tables.patients, tables.doctors, tables.sessions, tables.audit)
                for row in connection.execute(select(table))
            ]
        return b"\n".join(
            value if isinstance(value, bytes) else repr(value).encode() for row in rows for value in row
        )


# --- The file of doctors ---

PEETERS: dict[str, str] = {
    "nihdi": "10829059004",
    "national_number": "80010100107",
    "family_name": "Peeters",
    "given_name": "Jan",
    "languages": "nl fr",
    "registry_verified_at": "2026-01-31",
    "verified_by": "A. Janssens",
    "training_completed_on": "2026-02-15",
}
DUBOIS: dict[str, str] = PEETERS | {
    "nihdi": "19234011004",
    "national_number": "05061500215",
    "family_name": "Dubois",
    "given_name": "Zoé",
    "languages": "fr",
}


def a_file(*doctors: dict[str, str], delimiter: str = ",", end: str = "\n") -> bytes:
    rows = [COLUMNS, *([doctor[name] for name in COLUMNS] for doctor in doctors)]
    return "".join(delimiter.join(row) + end for row in rows).encode()


def a_doctor_row(**changed: Any) -> dict[str, str]:
    return PEETERS | changed
