"""Doctors in SQL: recognised at login, on duty or not. Blocking: called on threads.

They come from the registry file (`doctors_import`), never from a login. The first login binds the account at
the identity provider to the doctor who has its national number; so does one by a new account of theirs.

Whether somebody is on duty is asked at the moment of use: a doctor whose verification lapses is off duty at
that moment, on every node, whatever the row says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, select, update

from auth import NihdiNumber, PersonId, Private
from media_server.languages import Language
from media_server.people.duty import DutyRules, Reason
from media_server.people.errors import BadDutyLanguages, MayNotGoOnDuty, NotOnDuty, UnknownPerson
from media_server.people.person import PersonDetails, Subject, national_number_index, subject_index
from media_server.records import AuditEntry, FieldKeys, RowReader, append_audit, reading, tables, writing

_doctors = tables.doctors
_COLUMNS = _doctors.c.keys()


@dataclass(frozen=True, slots=True)
class Doctor:
    """Times are Unix microseconds. `duty_languages` is empty unless `on_duty_since_us` is set."""

    id: PersonId
    nihdi: NihdiNumber
    details: PersonDetails
    languages: tuple[Language, ...]
    registry_verified_at_us: int | None
    registry_verified_by: str | None
    training_completed_at_us: int | None
    on_duty_since_us: int | None
    duty_languages: tuple[Language, ...]
    has_logged_in: bool


class Doctors:
    """All of the service's."""

    def __init__(
        self, engine: Engine, keys: FieldKeys, clock_us: Callable[[], int], rules: DutyRules | None = None
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._clock_us = clock_us
        self._rules = rules or DutyRules()
        self._reader = RowReader(engine, select(_doctors).where(_doctors.c.id == bindparam("key")))

    def get(self, id_: PersonId) -> Doctor:
        """Asks a RowReader, and nothing else. Raises UnknownPerson."""
        row = self._reader.row(key=id_)
        if row is None:
            raise UnknownPerson("no doctor has this id")
        return self._doctor(SimpleNamespace(**dict(zip(_COLUMNS, row, strict=True))))

    def all(self) -> list[Doctor]:
        """In the order in which they were first imported; those of one file by number."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(_doctors).order_by(_doctors.c.created_at_us, _doctors.c.nihdi))
            return [self._doctor(row) for row in rows]

    def recognise(self, subject: Subject, national_number: Private[str] | None) -> Doctor:
        """The doctor whom a provider has just vouched for. Raises UnknownPerson.

        An account that is bound to one doctor and shows another's number is nobody: somebody is wrong.
        """
        by_subject = subject_index(self._keys, subject)
        with writing(self._engine) as connection:
            named = _find(connection, subject_index=by_subject)
            if national_number is None:
                row = named
            else:
                by_number = national_number_index(self._keys, national_number)
                row = _find(connection, national_number_index=by_number)
                if named is not None and (row is None or row.id != named.id):
                    raise UnknownPerson("this account belongs to another doctor")
            if row is None:
                raise UnknownPerson("nobody in the registry is this doctor")
            if named is None:
                connection.execute(
                    update(_doctors).where(_doctors.c.id == row.id).values(subject_index=by_subject)
                )
                bound = "doctor.bound" if row.subject_index is None else "doctor.rebound"
                self._note(connection, row.id, bound)
            return self._doctor(_row(connection, PersonId(row.id)))

    def may_go_on_duty(self, doctor: Doctor) -> tuple[Reason, ...]:
        """What speaks against it now; nothing: they may."""
        return self._rules.reasons_against(
            doctor.nihdi, doctor.registry_verified_at_us, doctor.training_completed_at_us, self._clock_us()
        )

    def is_on_duty(self, doctor: Doctor) -> bool:
        """Went on duty, and may still be there."""
        return doctor.on_duty_since_us is not None and not self.may_go_on_duty(doctor)

    def on_duty(self, id_: PersonId) -> Doctor:
        """The doctor, who is on duty at this moment. Raises NotOnDuty, UnknownPerson."""
        doctor = self.get(id_)
        if not self.is_on_duty(doctor):
            raise NotOnDuty("go on duty first")
        return doctor

    def all_on_duty(self) -> list[Doctor]:
        """At this moment."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(_doctors).where(_doctors.c.on_duty_since_us.is_not(None)).order_by(_doctors.c.id)
            ).all()
        return [doctor for doctor in map(self._doctor, rows) if self.is_on_duty(doctor)]

    def go_on_duty(self, id_: PersonId, languages: Sequence[Language]) -> Doctor:
        """On duty for patients of these languages, since the first time if they are it already.

        Raises MayNotGoOnDuty, BadDutyLanguages, UnknownPerson.
        """
        with writing(self._engine) as connection:
            doctor = self._doctor(_row(connection, id_))
            reasons = self.may_go_on_duty(doctor)
            if reasons:
                raise MayNotGoOnDuty(", ".join(reason.value for reason in reasons))
            if not languages or not set(languages) <= set(doctor.languages):
                known = ", ".join(language.value for language in doctor.languages)
                raise BadDutyLanguages(f"languages: one or more of {known}")
            since = doctor.on_duty_since_us or self._clock_us()
            spoken = [language.value for language in dict.fromkeys(languages)]
            _change_duty(connection, id_, since, spoken)
            if doctor.on_duty_since_us is None:
                self._note(connection, id_, "duty.on")
            return self._doctor(_row(connection, id_))

    def go_off_duty(self, id_: PersonId) -> Doctor:
        """Nothing changes for those already off. Raises UnknownPerson."""
        with writing(self._engine) as connection:
            row = _row(connection, id_)
            if row.on_duty_since_us is not None:
                _change_duty(connection, id_, None, None)
                self._note(connection, id_, "duty.off")
            return self._doctor(_row(connection, id_))

    def take_lapsed_off_duty(self) -> list[PersonId]:
        """Write down of those who may no longer be on duty that they are not; returns who they are."""
        with writing(self._engine) as connection:
            rows = connection.execute(
                select(_doctors).where(_doctors.c.on_duty_since_us.is_not(None)).with_for_update()
            ).all()
            lapsed = [doctor for doctor in map(self._doctor, rows) if self.may_go_on_duty(doctor)]
            for doctor in lapsed:
                _change_duty(connection, doctor.id, None, None)
                self._note(connection, doctor.id, "duty.off", why=self.may_go_on_duty(doctor)[0].value)
        return [doctor.id for doctor in lapsed]

    def _doctor(self, row: Any) -> Doctor:
        """`row`: of all columns, by their names."""
        return Doctor(
            id=PersonId(row.id),
            # As it was when imported: a modulus may have been dropped from the settings since.
            nihdi=NihdiNumber(Private(row.nihdi)),
            details=PersonDetails.from_json(self._keys.open_sealed(place(row.id), row.sealed)),
            languages=tuple(Language(tag) for tag in row.languages),
            registry_verified_at_us=row.registry_verified_at_us,
            registry_verified_by=row.registry_verified_by,
            training_completed_at_us=row.training_completed_at_us,
            on_duty_since_us=row.on_duty_since_us,
            duty_languages=tuple(Language(tag) for tag in row.duty_languages or ()),
            has_logged_in=row.subject_index is not None,
        )

    def _note(self, connection: Connection, id_: str, action: str, why: str | None = None) -> None:
        append_audit(connection, AuditEntry(self._clock_us(), id_, "doctor", action, why=why))


def place(id_: str) -> str:
    """Where a doctor's sealed details lie."""
    return f"doctors/sealed/{id_}"


def _row(connection: Connection, id_: PersonId) -> Row[Any]:
    row = _find(connection, id=id_)
    if row is None:
        raise UnknownPerson("no doctor has this id")
    return row


def _find(connection: Connection, **columns: object) -> Row[Any] | None:
    return connection.execute(select(_doctors).filter_by(**columns)).one_or_none()


def _change_duty(connection: Connection, id_: str, since_us: int | None, languages: list[str] | None) -> None:
    connection.execute(
        update(_doctors)
        .where(_doctors.c.id == id_)
        .values(on_duty_since_us=since_us, duty_languages=languages)
    )
