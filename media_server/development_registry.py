"""The development provider's doctors in our registry, so that somebody can be on duty on one's own
machine.
"""

from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Engine, select

from auth import Private, parse_nihdi_number
from media_server.development_provider import DOCTORS, Registration
from media_server.languages import Language
from media_server.people.doctors_file import DoctorLine
from media_server.people.doctors_import import ConflictsWithRecords, import_doctors
from media_server.records import FieldKeys, reading, tables

# Made up: the stems are the first there are, and nobody is recognised by them.
_VERIFIED_BY: Final = "development"
_NUMBERS: Final = MappingProxyType(
    {"claes": "10000106004", "dubois": "10000205003", "peeters": "10000304003"}
)
_SPOKEN: Final = MappingProxyType(
    {
        "claes": (Language.NL, Language.EN, Language.FR),
        "dubois": (Language.FR, Language.NL, Language.DE),
        "peeters": (Language.NL, Language.EN),
    }
)


def register_test_doctors(engine: Engine, keys: FieldKeys, now_us: int) -> None:
    """Idempotent; blocking. Raises ConflictsWithRecords where somebody else has their numbers."""
    today = datetime.fromtimestamp(now_us / 1e6, UTC).date()
    lines = [_line(number, today) for number in range(len(DOCTORS))]
    try:
        import_doctors(engine, keys, lines, now_us)
    except ConflictsWithRecords:  # another node may have registered them at the same moment
        import_doctors(engine, keys, lines, now_us)


def has_test_doctors(engine: Engine) -> bool:
    """Whether the provider's doctors were ever registered in these records; blocking."""
    with reading(engine) as connection:
        wanted = select(tables.doctors.c.id).where(tables.doctors.c.registry_verified_by == _VERIFIED_BY)
        return connection.execute(wanted).first() is not None


def _line(index: int, today: date) -> DoctorLine:
    person = DOCTORS[index]
    verified = today if person.registration is Registration.VERIFIED else None
    assert person.national_number is not None, "doctors are in the national register"
    return DoctorLine(
        line=index + 1,
        nihdi=parse_nihdi_number(_NUMBERS[person.key]),
        national_number=Private(person.national_number),
        family_name=Private(person.family_name),
        given_name=Private(person.given_name),
        languages=_SPOKEN[person.key],
        registry_verified_at=verified,
        verified_by=None if verified is None else _VERIFIED_BY,
        training_completed_on=today,
    )
