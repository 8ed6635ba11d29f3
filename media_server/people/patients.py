"""Patients in SQL: found again at each login, made at the first. Blocking: called on threads.

Two things tell that somebody is a patient we know: the pair of issuer and subject, and the national number.
The subject changes when people delete their account at the provider and make another; the number then says
that they are the same. Nothing else does: names and addresses of mail are no proof.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth import PersonId
from media_server.people.age import needs_proxy
from media_server.people.errors import UnknownPerson
from media_server.people.person import PersonDetails, Subject, national_number_index, subject_index
from media_server.records import AuditEntry, FieldKeys, RowReader, append_audit, tables, writing

_patients = tables.patients
_BY_ID = select(_patients.c.sealed, _patients.c.created_at_us, _patients.c.verified_at_us).where(
    _patients.c.id == bindparam("key")
)


@dataclass(frozen=True, slots=True)
class Patient:
    """Times are Unix microseconds; `verified_at_us`: when a provider last vouched for the details."""

    id: PersonId
    details: PersonDetails
    created_at_us: int
    verified_at_us: int

    def needs_proxy(self, today: date) -> bool:
        """Whether an adult has to stand for this patient, who is or may be under 16."""
        birthdate, as_text = self.details.birthdate, self.details.birthdate_as_string
        return needs_proxy(
            today,
            None if birthdate is None else birthdate.reveal(),
            None if as_text is None else as_text.reveal(),
        )


class Patients:
    """All of the service's."""

    def __init__(self, engine: Engine, keys: FieldKeys, clock_us: Callable[[], int]) -> None:
        self._engine = engine
        self._keys = keys
        self._clock_us = clock_us
        self._reader = RowReader(engine, _BY_ID)

    def get(self, id_: PersonId) -> Patient:
        """Asks a RowReader, and nothing else. Raises UnknownPerson, also when the details were purged: they
        come with the next login.
        """
        sealed, created_at_us, verified_at_us = self._reader.row(key=id_) or (None, 0, 0)
        if sealed is None:
            raise UnknownPerson("no patient has this id")
        return Patient(id_, self._details(id_, sealed), created_at_us, verified_at_us)

    def recognise(self, subject: Subject, details: PersonDetails) -> Patient:
        """The patient whom a provider has just vouched for, with these details from now on; or a new one."""
        try:
            return self._recognise(subject, details)
        except IntegrityError:
            return self._recognise(subject, details)  # logged in for the first time twice, at the same moment

    def today(self) -> date:
        """By the service's clock, UTC."""
        return datetime.fromtimestamp(self._clock_us() / 1e6, UTC).date()

    def _recognise(self, subject: Subject, details: PersonDetails) -> Patient:
        by_subject = subject_index(self._keys, subject)
        number = details.national_number
        by_number = None if number is None else national_number_index(self._keys, number)
        with writing(self._engine) as connection:
            named = _find(connection, subject_index=by_subject)
            numbered = None if by_number is None else _find(connection, national_number_index=by_number)
            row = numbered or named
            if row is None:
                return self._add(connection, by_subject, by_number, details)
            if named is None:
                self._note(connection, row.id, "patient.rebound")  # a new account of the same person
            elif named.id != row.id:
                # Known twice: by an account without the number, and by the number. The account comes to the
                # number; the record that it leaves is nobody's login any more.
                _change(connection, named.id, subject_index=secrets.token_bytes(32))
                self._note(connection, row.id, "patient.rebound")
            if number is None and row.national_number_index is not None:
                # The provider did not tell it this time; a person does not lose it. After a purge only that
                # there was one is known.
                known = None if row.sealed is None else self._details(row.id, row.sealed).national_number
                details, by_number = replace(details, national_number=known), row.national_number_index
            elif row.national_number_index is not None and row.national_number_index != by_number:
                self._note(connection, row.id, "patient.renumbered")  # such as BIS, then registered
            now = self._clock_us()
            _change(
                connection,
                row.id,
                subject_index=by_subject,
                national_number_index=by_number,
                sealed=self._keys.seal(_place(row.id), details.to_json()),
                verified_at_us=now,
            )
            return Patient(PersonId(row.id), details, row.created_at_us, now)

    def _add(
        self, connection: Connection, by_subject: bytes, by_number: bytes | None, details: PersonDetails
    ) -> Patient:
        now = self._clock_us()
        patient = Patient(PersonId(f"pt-{secrets.token_hex(12)}"), details, now, now)
        connection.execute(
            insert(_patients).values(
                id=patient.id,
                subject_index=by_subject,
                national_number_index=by_number,
                sealed=self._keys.seal(_place(patient.id), details.to_json()),
                created_at_us=now,
                verified_at_us=now,
            )
        )
        self._note(connection, patient.id, "patient.created")
        return patient

    def _details(self, id_: str, sealed: bytes) -> PersonDetails:
        return PersonDetails.from_json(self._keys.open_sealed(_place(id_), sealed))

    def _note(self, connection: Connection, id_: str, action: str) -> None:
        append_audit(connection, AuditEntry(self._clock_us(), actor=id_, role="patient", action=action))


def _find(connection: Connection, **index: bytes) -> Row[Any] | None:
    return connection.execute(select(_patients).filter_by(**index).with_for_update()).one_or_none()


def _change(connection: Connection, id_: str, **values: object) -> None:
    connection.execute(update(_patients).where(_patients.c.id == id_).values(**values))


def _place(id_: str) -> str:
    return f"patients/sealed/{id_}"
