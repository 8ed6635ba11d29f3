"""The import of doctors into SQL: all of a file or nothing of it. Blocking.

A doctor is who has the first eight digits of the RIZIV/INAMI number: whoever is known by them is updated, the
others are added, and who is not in the file stays as they are. To take somebody's right to go on duty away,
import them without a verification date.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from media_server.people.doctors import place
from media_server.people.doctors_file import DoctorLine, LineError
from media_server.people.person import PersonDetails, national_number_index
from media_server.records import AuditEntry, FieldKeys, append_audit, reading, tables, writing

_doctors, _sessions = tables.doctors, tables.sessions
_BATCH = 500
_PLANNED = 0.9  # of the work
_COLUMNS = (
    "id",
    "person_number",
    "nihdi",
    "national_number_index",
    "sealed",
    "languages",
    "registry_verified_at_us",
    "registry_verified_by",
    "training_completed_at_us",
    "updated_at_us",
)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many doctors the file added, changed, and had as they already were."""

    added: int
    updated: int
    unchanged: int


class ConflictsWithRecords(Exception):
    """A line of the file contradicts a doctor who is here; nothing was changed."""

    def __init__(self, errors: Sequence[LineError]) -> None:
        super().__init__(f"{len(errors)} lines contradict the records")
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Rows to be written; `rebound`: ids of those whose national number changes."""

    added: list[dict[str, Any]]
    updated: list[dict[str, Any]]
    rebound: list[str]
    unchanged: int


def import_doctors(
    engine: Engine,
    keys: FieldKeys,
    doctors: Sequence[DoctorLine],
    now_us: int,
    *,
    dry_run: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> Imported:
    """Raises ConflictsWithRecords; then, and in a dry run, nothing changes. `progress` hears shares of 1.

    What is to be written is made before anything is locked, so that a server at work waits for moments only.
    """
    with reading(engine) as connection:
        plan = _plan(connection, keys, doctors, now_us, progress)
    progress(_PLANNED)
    done = Imported(len(plan.added), len(plan.updated), plan.unchanged)
    if dry_run:
        return done
    try:
        with writing(engine) as connection:
            _write(connection, plan, now_us)
            counts = {"added": done.added, "updated": done.updated, "unchanged": done.unchanged}
            append_audit(
                connection, AuditEntry(now_us, "operator", "operator", "doctors.import", details=counts)
            )
    except IntegrityError:
        line = LineError(1, None, "the records changed while the file was read; import it again")
        raise ConflictsWithRecords([line]) from None
    progress(1.0)
    return done


def _plan(
    connection: Connection,
    keys: FieldKeys,
    doctors: Sequence[DoctorLine],
    now_us: int,
    progress: Callable[[float], None],
) -> _Plan:
    columns = [_doctors.c[name] for name in _COLUMNS]
    known = {row.person_number: row for row in connection.execute(select(*columns))}
    owners = {row.national_number_index: row.person_number for row in known.values()}
    plan, errors, unchanged = _Plan([], [], [], 0), [], 0
    for count, doctor in enumerate(doctors, start=1):
        person = doctor.nihdi.person.reveal()
        index = national_number_index(keys, doctor.national_number)
        if owners.get(index, person) != person:
            errors.append(LineError(doctor.line, "national_number", "belongs to another doctor here"))
            continue
        row = known.get(person)
        if row is None:
            plan.added.append(_added(keys, doctor, index, now_us))
        elif (change := _changed(keys, doctor, index, row, now_us)) is not None:
            plan.updated.append(change)
            if row.national_number_index != index:
                plan.rebound.append(row.id)
        else:
            unchanged += 1
        if count % _BATCH == 0:
            progress(_PLANNED * count / len(doctors))
    if errors:
        raise ConflictsWithRecords(errors)
    return replace(plan, unchanged=unchanged)


def _write(connection: Connection, plan: _Plan, now_us: int) -> None:
    if plan.added:
        connection.execute(insert(_doctors), plan.added)
    if plan.updated:
        # The account was bound by the number that stood here: with another one, it has to be bound anew. The
        # database looks, since the doctor may have logged in after we read.
        same_number = _doctors.c.national_number_index == bindparam("index_")
        subject = case((same_number, _doctors.c.subject_index), else_=None)
        connection.execute(
            update(_doctors).where(_doctors.c.id == bindparam("id_")).values(subject_index=subject),
            plan.updated,
        )
    if plan.rebound:
        # Whoever is logged in by the number that was wrong is this doctor no longer.
        connection.execute(
            update(_sessions)
            .where(_sessions.c.person == bindparam("person_"), _sessions.c.revoked_at_us.is_(None))
            .values(revoked_at_us=now_us, revoked_reason="doctor-rebound"),
            [{"person_": id_} for id_ in plan.rebound],
        )


def _values(doctor: DoctorLine, index: bytes, now_us: int) -> dict[str, Any]:
    return {
        "nihdi": doctor.nihdi.digits.reveal(),
        "national_number_index": index,
        "languages": [language.value for language in doctor.languages],
        "registry_verified_at_us": _midnight_us(doctor.registry_verified_at),
        "registry_verified_by": doctor.verified_by,
        "training_completed_at_us": _midnight_us(doctor.training_completed_on),
        "updated_at_us": now_us,
    }


def _added(keys: FieldKeys, doctor: DoctorLine, index: bytes, now_us: int) -> dict[str, Any]:
    id_ = f"dr-{secrets.token_hex(12)}"
    return _values(doctor, index, now_us) | {
        "id": id_,
        "person_number": doctor.nihdi.person.reveal(),
        "sealed": keys.seal(place(id_), _details(doctor).to_json()),
        "created_at_us": now_us,
    }


def _changed(
    keys: FieldKeys, doctor: DoctorLine, index: bytes, row: Row[Any], now_us: int
) -> dict[str, Any] | None:
    """What to write over a doctor who is here; None when nothing would change."""
    values = _values(doctor, index, now_us)
    before = PersonDetails.from_json(keys.open_sealed(place(row.id), row.sealed))
    same = all(row._mapping[name] == value for name, value in values.items() if name != "updated_at_us")
    if same and before == _details(doctor):
        return None
    sealed = keys.seal(place(row.id), _details(doctor).to_json())
    return values | {"id_": row.id, "index_": index, "sealed": sealed}


def _details(doctor: DoctorLine) -> PersonDetails:
    return PersonDetails(doctor.family_name, doctor.given_name, national_number=doctor.national_number)


def _midnight_us(day: date | None) -> int | None:
    """Where that day began, UTC."""
    if day is None:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
