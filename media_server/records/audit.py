"""The audit log: who did what, when, with which outcome and why. No names, no health data.

Append-only; each entry carries the hash of the one before, and one row elsewhere says which is the newest, so
that an entry changed, left out, put in, reordered or cut off at the end is found (ISO 27789).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from media_server.errors import ApplicationError
from media_server.records.tables import audit, audit_head

FIRST_HASH = "0" * 64

_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_BATCH = 1000


class AuditBroken(ApplicationError):
    """The log was tampered with; its text names the first entry that does not fit."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`actor`: the id of a person, or what part of the system acted; `role`: patient, doctor, guest, operator
    or system; `action`: such as `medical-file.read`; `subject`: the consultation it is about; `outcome`: done
    or refused; `why`: a code, such as `consent-needed`; `details`: further codes and counts.
    """

    at_us: int
    actor: str
    role: str
    action: str
    outcome: str = "done"
    subject: str | None = None
    why: str | None = None
    details: Mapping[str, str | int | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for word in (self.role, self.action, self.outcome, self.why or "x", *self.details):
            if not _WORD.fullmatch(word):
                raise ValueError("an audit entry is made of codes")
        for value in self.details.values():
            if isinstance(value, str) and len(value) > 128:
                raise ValueError("an audit entry is made of codes, and short")


def append(connection: Connection, entry: AuditEntry) -> None:
    """Within the caller's transaction: what was done and that it was done stand or fall together."""
    number, previous = _lock_head(connection)
    hash_ = _hash(number + 1, previous, entry)
    connection.execute(
        insert(audit).values(
            number=number + 1,
            at_us=entry.at_us,
            actor=entry.actor,
            role=entry.role,
            action=entry.action,
            subject=entry.subject,
            outcome=entry.outcome,
            why=entry.why,
            details=dict(entry.details),
            previous_hash=previous,
            hash=hash_,
        )
    )
    connection.execute(update(audit_head).values(number=number + 1, hash=hash_))


def verify(connection: Connection) -> int:
    """How many entries there are, all of them as they were written. Raises AuditBroken."""
    number, previous = 0, FIRST_HASH
    for row_number, row_previous, row_hash, entry in _rows(connection):
        number += 1
        if row_number != number:
            raise AuditBroken(f"audit entry {number} is missing")
        if row_previous != previous or row_hash != _hash(number, previous, entry):
            raise AuditBroken(f"audit entry {number} was changed")
        previous = row_hash
    head = connection.execute(select(audit_head.c.number, audit_head.c.hash)).one_or_none()
    if (head.number, head.hash) != (number, previous) if head else number:
        raise AuditBroken(f"audit entries after {number} are missing")
    return number


def entries_about(connection: Connection, subject: str) -> list[AuditEntry]:
    """Those of one consultation, oldest first."""
    rows = connection.execute(select(audit).where(audit.c.subject == subject).order_by(audit.c.number))
    return [_entry(row._asdict()) for row in rows]


def _lock_head(connection: Connection) -> tuple[int, str]:
    """The newest entry's number and hash; whoever else appends waits until we commit."""
    row = connection.execute(select(audit_head.c.number, audit_head.c.hash).with_for_update()).one_or_none()
    if row is None:
        raise AuditBroken("the audit log has no head")
    return row.number, row.hash


def _rows(connection: Connection) -> Iterator[tuple[int, str, str, AuditEntry]]:
    after = 0
    while True:
        rows = connection.execute(
            select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(_BATCH)
        ).all()
        for row in rows:
            yield row.number, row.previous_hash, row.hash, _entry(row._asdict())
        if len(rows) < _BATCH:
            return
        after = rows[-1].number


def _entry(row: Mapping[str, object]) -> AuditEntry:
    names = ("at_us", "actor", "role", "action", "outcome", "subject", "why", "details")
    return AuditEntry(**{name: row[name] for name in names})  # type: ignore[arg-type]  # as they were written


def _hash(number: int, previous: str, entry: AuditEntry) -> str:
    said = {
        "number": number,
        "previous": previous,
        "at_us": entry.at_us,
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "outcome": entry.outcome,
        "subject": entry.subject,
        "why": entry.why,
        "details": dict(entry.details),
    }
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode()).hexdigest()
