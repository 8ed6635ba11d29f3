"""Consultations in SQL. Every step is one transaction with its audit entry, and refused unless the row is
still in the state it starts from, so that of two nodes that take the same step one is told so. Blocking.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, select, update

from media_server.consultations.errors import NoSuchConsultation, NotInThisState, Purged
from media_server.consultations.priorities import priority_after
from media_server.consultations.record import Consultation, Content, Medium
from media_server.consultations.states import EndReason, State, Step, after, reason_of
from media_server.languages import Language
from media_server.records import AuditEntry, FieldKeys, RowReader, append_audit, reading, tables, writing

_consultations = tables.consultations
_MOST_OPEN = 10_000
_COLUMNS = [column for column in _consultations.c if column.name != "sealed"]
_NAMES = [column.name for column in _COLUMNS]


class ConsultationStore:
    """`clock_us`: Unix microseconds. Every method may raise RecordsUnusable."""

    def __init__(self, engine: Engine, keys: FieldKeys, clock_us: Callable[[], int]) -> None:
        self.engine = engine
        self._keys = keys
        self._clock_us = clock_us
        self._reader = RowReader(engine, select(*_COLUMNS).where(_consultations.c.id == bindparam("key")))

    def now_us(self) -> int:
        return self._clock_us()

    def add(self, connection: Connection, consultation: Consultation, content: Content) -> None:
        """Within the caller's transaction."""
        values = {column.name: getattr(consultation, column.name) for column in _COLUMNS}
        connection.execute(
            insert(_consultations).values(
                **{name: _plain(value) for name, value in values.items()},
                sealed=self._keys.seal(_place(consultation.id), content.to_json()),
            )
        )
        self.note(connection, consultation, consultation.patient, "patient", "consultation.created")

    def get(self, id: str) -> Consultation:
        """Asks a RowReader, and nothing else. Raises NoSuchConsultation."""
        row = self._reader.row(key=id)
        if row is None:
            raise NoSuchConsultation("there is no such consultation")
        return _consultation(row)

    def get_within(self, connection: Connection, id: str, *, for_update: bool = False) -> Consultation:
        """`for_update`: nobody else changes it until we commit. Raises NoSuchConsultation."""
        wanted = select(*_COLUMNS).where(_consultations.c.id == id)
        row = connection.execute(wanted.with_for_update() if for_update else wanted).one_or_none()
        if row is None:
            raise NoSuchConsultation("there is no such consultation")
        return _consultation(row)

    def content(self, id: str) -> Content:
        """Raises NoSuchConsultation, Purged."""
        with reading(self.engine) as connection:
            row = connection.execute(
                select(_consultations.c.sealed).where(_consultations.c.id == id)
            ).one_or_none()
        if row is None:
            raise NoSuchConsultation("there is no such consultation")
        if row.sealed is None:
            raise Purged("its content was removed when its time had come")
        return Content.from_json(self._keys.open_sealed(_place(id), row.sealed))

    def step(
        self,
        id: str,
        step: Step,
        actor: str,
        role: str,
        *,
        doctor: str | None = None,
        changes: Mapping[str, object] | None = None,
        details: Mapping[str, str | int | bool] | None = None,
    ) -> Consultation:
        """Take it; `changes` are further columns. Raises NoSuchConsultation, NotInThisState."""
        with writing(self.engine) as connection:
            before = self.get_within(connection, id)
            return self.step_within(
                connection, before, step, actor, role, doctor=doctor, changes=changes, details=details
            )

    def step_within(
        self,
        connection: Connection,
        before: Consultation,
        step: Step,
        actor: str,
        role: str,
        *,
        doctor: str | None = None,
        changes: Mapping[str, object] | None = None,
        details: Mapping[str, str | int | bool] | None = None,
    ) -> Consultation:
        """As `step`, within the caller's transaction, on a consultation that it has just read."""
        state = after(before.state, step)
        reason = reason_of(step)
        values: dict[str, object] = {"state": state.value, "reason": reason.value if reason else None}
        if step is Step.CLAIM:
            values |= {"doctor": doctor, "claimed_at_us": self._clock_us()}
        if step in (Step.GIVE_BACK, Step.RETURN):
            values |= {"doctor": None, "claimed_at_us": None, "doctor_seen_at_us": None}
            values["priority"] = priority_after(step, before.priority, before.missed_calls)
        if step is Step.RETURN:
            # The next doctor's call is a new one, with two attempts of its own.
            values |= {"opened_at_us": None, "missed_calls": 0}
        if step in (Step.CLAIM, Step.CALL, Step.MISS):
            values["doctor_seen_at_us"] = self._clock_us()
        if state.over:
            values["ended_at_us"] = self._clock_us()
        changed = connection.execute(
            update(_consultations)
            .where(
                _consultations.c.id == before.id,
                _consultations.c.state == before.state.value,
                _consultations.c.doctor.is_not_distinct_from(before.doctor),
            )
            .values(**values | dict(changes or {}))
        )
        if changed.rowcount != 1:
            raise NotInThisState("somebody else has just taken a step with this consultation")
        now = self.get_within(connection, before.id)
        self.note(connection, now, actor, role, f"consultation.{step.value}", details=details)
        return now

    def note(
        self,
        connection: Connection,
        consultation: Consultation,
        actor: str,
        role: str,
        action: str,
        *,
        outcome: str = "done",
        why: str | None = None,
        details: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        """One audit entry about it, within the caller's transaction."""
        append_audit(
            connection,
            AuditEntry(
                at_us=self._clock_us(),
                actor=actor,
                role=role,
                action=action,
                outcome=outcome,
                subject=consultation.id,
                why=why,
                details=details or {},
            ),
        )

    def refused(self, id: str | None, actor: str, role: str, action: str, why: str) -> None:
        """Note that something was asked for and not done."""
        entry = AuditEntry(self._clock_us(), actor, role, action, outcome="refused", subject=id, why=why)
        with writing(self.engine) as connection:
            append_audit(connection, entry)

    def change(self, connection: Connection, id: str, **values: object) -> None:
        """Columns that are not its state, within the caller's transaction."""
        connection.execute(update(_consultations).where(_consultations.c.id == id).values(**values))

    def see_doctors(self, ids: Collection[str]) -> None:
        """The doctors of these calls are there now. Not in the audit log: nobody did anything."""
        with writing(self.engine) as connection:
            connection.execute(
                update(_consultations)
                .where(_consultations.c.id.in_(ids), _consultations.c.state == State.IN_PROGRESS.value)
                .values(doctor_seen_at_us=self._clock_us())
            )

    def see_reader(self, consultation: Consultation) -> None:
        """Its doctor reads it now, before calling. Not in the audit log either."""
        with writing(self.engine) as connection:
            connection.execute(
                update(_consultations)
                .where(
                    _consultations.c.id == consultation.id,
                    _consultations.c.doctor == consultation.doctor,
                    _consultations.c.state == State.TRIAGED.value,
                )
                .values(doctor_seen_at_us=self._clock_us())
            )

    def some(self, ids: Collection[str]) -> list[Consultation]:
        """Those of the ids that there are."""
        return self._list(_consultations.c.id.in_(ids)) if ids else []

    def of_patient(self, patient: str, since_us: int) -> list[Consultation]:
        """Newest first."""
        return self._list(_consultations.c.patient == patient, _consultations.c.created_at_us >= since_us)

    def of_doctor(self, doctor: str, since_us: int) -> list[Consultation]:
        """Newest first."""
        return self._list(_consultations.c.doctor == doctor, _consultations.c.created_at_us >= since_us)

    def in_state(self, *states: State, before_us: int | None = None) -> list[Consultation]:
        """Newest first; `before_us`: those created before."""
        wanted: list[Any] = [_consultations.c.state.in_([state.value for state in states])]
        if before_us is not None:
            wanted.append(_consultations.c.created_at_us < before_us)
        return self._list(*wanted, most=_MOST_OPEN)

    def open_of_patient(self, connection: Connection, patient: str) -> Consultation | None:
        """The one that is not over."""
        row = connection.execute(
            select(*_COLUMNS)
            .where(_consultations.c.patient == patient, _consultations.c.ended_at_us.is_(None))
            .limit(1)
        ).one_or_none()
        return None if row is None else _consultation(row)

    def open_of_doctor(self, connection: Connection, doctor: str) -> Consultation | None:
        """The one that is not over."""
        row = connection.execute(
            select(*_COLUMNS)
            .where(_consultations.c.doctor == doctor, _consultations.c.ended_at_us.is_(None))
            .limit(1)
        ).one_or_none()
        return None if row is None else _consultation(row)

    def count_of_patient(self, connection: Connection, patient: str, since_us: int) -> int:
        """How many that a doctor has taken, or may yet take: what fair use counts."""
        return connection.execute(
            select(func.count())
            .select_from(_consultations)
            .where(
                _consultations.c.patient == patient,
                _consultations.c.created_at_us >= since_us,
                _consultations.c.state != State.CANCELLED.value,
            )
        ).scalar_one()

    def last_asked_us(self, connection: Connection, patient: str) -> int | None:
        """When the patient last began a consultation; None: never."""
        return connection.execute(
            select(func.max(_consultations.c.created_at_us)).where(_consultations.c.patient == patient)
        ).scalar()

    def mean_call_s(self, since_us: int) -> float | None:
        """How long finished consultations took, from the first call on; None: there are none."""
        length = func.avg(_consultations.c.ended_at_us - _consultations.c.opened_at_us)
        with reading(self.engine) as connection:
            mean = connection.execute(
                select(length).where(
                    _consultations.c.state == State.FINISHED.value, _consultations.c.ended_at_us >= since_us
                )
            ).scalar()
        return None if mean is None else float(mean) / 1e6

    def _list(self, *wanted: Any, most: int = 500) -> list[Consultation]:
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(*_COLUMNS).where(*wanted).order_by(_consultations.c.created_at_us.desc()).limit(most)
            )
            return [_consultation(row) for row in rows]


def _consultation(row: Row[Any] | tuple[Any, ...]) -> Consultation:
    """Of a row of `_COLUMNS`."""
    values = dict(zip(_NAMES, row, strict=True))
    return Consultation(
        **values
        | {
            "state": State(values["state"]),
            "reason": EndReason(values["reason"]) if values["reason"] else None,
            "language": Language(values["language"]),
            "medium": Medium(values["medium"]) if values["medium"] else None,
        }
    )


def _plain(value: object) -> object:
    return value.value if isinstance(value, State | EndReason | Language | Medium) else value


def _place(id: str) -> str:
    return f"consultations/sealed/{id}"
