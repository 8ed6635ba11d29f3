"""What is removed, and when: a consultation's content at its time, the rest when nobody needs it any more.

A report that has not reached the GP keeps the content of its consultation: it may be all that is left of
what was found, and somebody has to look after it. One that failed, and that nobody has sent again for a
month, is given up at last. Everything else of consultations that is about people goes; consents, audit,
receipts and when, who with whom and for how long stay. Blocking. Times: Unix microseconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Table,
    Update,
    and_,
    delete,
    exists,
    or_,
    select,
    update,
)

from media_server.records import AuditEntry, append_audit, reading, tables, writing

_DAY_US = 86_400_000_000
# An answer is repeated to who asks again, and an interrupted intake is resumed, within a day.
ANSWERS_KEPT_US = _DAY_US
DRAFTS_KEPT_US = _DAY_US
# A patient's details come anew with each login; between this long after it and the next nobody needs them,
# unless there is a session or a consultation.
DETAILS_KEPT_US = _DAY_US
# Of a session that is over: as long as somebody may ask who was logged in when something happened.
SESSIONS_KEPT_US = 30 * _DAY_US
# Of a report that failed, unless a setting says otherwise: as long as somebody may still see to it.
REPORTS_KEPT_US = 30 * _DAY_US

# The work that one process does at a time (`records.exclusively`).
PURGING = "purge"

_BATCH = 100

_consultations, _reports, _patients = tables.consultations, tables.reports, tables.patients
_sessions, _drafts = tables.sessions, tables.intake_drafts

# All that content is ever deleted from.
CONTENT: tuple[Table, ...] = (
    tables.attachments,
    tables.outcomes,
    tables.invitations,
    tables.reports,
    tables.idempotent_answers,
    tables.intake_drafts,
    tables.consultations,
    tables.sessions,
    tables.patients,
)
_OF_CONSULTATIONS = (tables.attachments, tables.outcomes, tables.invitations, tables.idempotent_answers)


@dataclass(frozen=True, slots=True)
class Purged:
    """`counts`: by what was removed, such as `consultations` or `attachments`; none is nought. `blocked`: the
    consultations whose time has come and whose report has not reached the GP.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()


def purge(engine: Engine, now_us: int, reports_kept_us: int = REPORTS_KEPT_US) -> Purged:
    """Remove all whose time has come; `reports_kept_us`: of those that failed, from when they were written.
    May be broken off, and begun again; what is done is in the audit log.

    What was deleted may lie in the database's files until it is cleaned (`records.tidy`, `records.scrub`).
    Raises RecordsUnusable.
    """
    counts: dict[str, int] = {"abandoned_reports": _abandon(engine, now_us, reports_kept_us)}
    for removed in _consultations_due(engine, now_us):
        for name, count in removed.items():
            counts[name] = counts.get(name, 0) + count
    rest = _rest(engine, now_us)
    return Purged(_without_noughts(counts | rest), blocked(engine, now_us))


def blocked(engine: Engine, now_us: int) -> tuple[str, ...]:
    """The consultations whose time has come and whose report has not reached the GP, oldest first.

    Raises RecordsUnusable.
    """
    wanted = (
        select(_consultations.c.id).where(_due(now_us), _undelivered()).order_by(_consultations.c.purge_at_us)
    )
    with reading(engine) as connection:
        return tuple(connection.execute(wanted).scalars())


def _abandon(engine: Engine, now_us: int, kept_us: int) -> int:
    """Reports that failed and that nobody has sent again for long: from now on they keep nothing."""
    forgotten = and_(
        _reports.c.state == "failed",
        _reports.c.sealed.is_not(None),
        _reports.c.created_at_us <= now_us - kept_us,
    )
    with writing(engine) as connection:
        rows = connection.execute(
            select(_reports.c.id, _reports.c.consultation).where(forgotten).with_for_update()
        ).all()
        for row in rows:
            connection.execute(update(_reports).where(_reports.c.id == row.id).values(sealed=None))
            details = {"report": row.id}
            append_audit(
                connection,
                AuditEntry(
                    now_us, "purge", "system", "report.abandoned", subject=row.consultation, details=details
                ),
            )
    return len(rows)


def _consultations_due(engine: Engine, now_us: int) -> Iterator[dict[str, int]]:
    """Each in a transaction of its own; yields what was removed."""
    while True:
        with reading(engine) as connection:
            wanted = select(_consultations.c.id).where(_due(now_us), ~_undelivered())
            due = (
                connection.execute(wanted.order_by(_consultations.c.purge_at_us).limit(_BATCH))
                .scalars()
                .all()
            )
        for id_ in due:
            with writing(engine) as connection:
                yield _consultation(connection, id_, now_us)
        if len(due) < _BATCH:
            return


def _consultation(connection: Connection, id_: str, now_us: int) -> dict[str, int]:
    """Its content, unless somebody has just queued a report of it."""
    row = select(_consultations.c.id).where(_consultations.c.id == id_, _due(now_us))
    if connection.execute(row.with_for_update()).one_or_none() is None:
        return {}
    if connection.execute(
        select(_consultations.c.id).where(_consultations.c.id == id_, _undelivered())
    ).first():
        return {}
    counts = {
        table.name: _run(connection, delete(table).where(table.c.consultation == id_))
        for table in _OF_CONSULTATIONS
    }
    counts["reports"] = _run(
        connection,
        update(_reports)
        .where(_reports.c.consultation == id_, _reports.c.sealed.is_not(None))
        .values(sealed=None),
    )
    gone = {"sealed": None, "purged_at_us": now_us}
    connection.execute(update(_consultations).where(_consultations.c.id == id_).values(**gone))
    _note(connection, now_us, "consultation.purged", counts, subject=id_)
    return counts | {"consultations": 1}


def _rest(engine: Engine, now_us: int) -> dict[str, int]:
    """What belongs to no consultation, or to one that goes on being kept."""
    with writing(engine) as connection:
        counts = {name: _run(connection, statement) for name, statement in _old(now_us).items()}
        if any(counts.values()):
            _note(connection, now_us, "records.purged", counts)
    return counts


def _old(now_us: int) -> dict[str, Delete | Update]:
    """By what they remove, in an order in which nothing is left that refers to what is gone."""
    answers = tables.idempotent_answers
    unused = and_(_patients.c.verified_at_us < now_us - DETAILS_KEPT_US, ~_logged_in(now_us), ~_drafting())
    return {
        "sent_reports": update(_reports)
        .where(_reports.c.state.in_(("delivered", "cancelled")), _reports.c.sealed.is_not(None))
        .values(sealed=None),
        "answers": delete(answers).where(answers.c.created_at_us < now_us - ANSWERS_KEPT_US),
        "drafts": delete(_drafts).where(_drafts.c.updated_at_us < now_us - DRAFTS_KEPT_US),
        "sessions": delete(_sessions).where(
            or_(
                _sessions.c.expires_at_us < now_us - SESSIONS_KEPT_US,
                _sessions.c.revoked_at_us < now_us - SESSIONS_KEPT_US,
            )
        ),
        "patients": delete(_patients).where(unused, ~_consulted()),
        "patient_details": update(_patients)
        .where(unused, _patients.c.sealed.is_not(None), ~_consulted(_consultations.c.purged_at_us.is_(None)))
        .values(sealed=None),
    }


def _due(now_us: int) -> ColumnElement[bool]:
    return and_(_consultations.c.purged_at_us.is_(None), _consultations.c.purge_at_us <= now_us)


def _undelivered() -> ColumnElement[bool]:
    """Whether a report of the consultation waits, or failed and no later one was delivered."""
    later = _reports.alias()
    superseded = exists().where(
        later.c.consultation == _reports.c.consultation,
        later.c.state == "delivered",
        later.c.created_at_us > _reports.c.created_at_us,
    )
    waits = or_(_reports.c.state == "queued", and_(_reports.c.state == "failed", ~superseded))
    return exists().where(
        _reports.c.consultation == _consultations.c.id, _reports.c.sealed.is_not(None), waits
    )


def _consulted(which: ColumnElement[bool] | None = None) -> ColumnElement[bool]:
    of_patient = exists().where(_consultations.c.patient == _patients.c.id)
    return of_patient if which is None else of_patient.where(which)


def _logged_in(now_us: int) -> ColumnElement[bool]:
    return exists().where(
        _sessions.c.person == _patients.c.id,
        _sessions.c.revoked_at_us.is_(None),
        _sessions.c.expires_at_us > now_us,
    )


def _drafting() -> ColumnElement[bool]:
    return exists().where(_drafts.c.patient == _patients.c.id)


def _run(connection: Connection, statement: Delete | Update) -> int:
    return connection.execute(statement).rowcount


def _note(
    connection: Connection, now_us: int, action: str, counts: Mapping[str, int], subject: str | None = None
) -> None:
    details = _without_noughts(counts)
    append_audit(connection, AuditEntry(now_us, "purge", "system", action, subject=subject, details=details))


def _without_noughts(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
