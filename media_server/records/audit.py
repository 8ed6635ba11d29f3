"""The audit log: who did what, when, with which outcome and why. No names, no health data.

Append-only; each entry carries the hash of the one before, and one row elsewhere says which is the newest, so
that an entry changed, left out, put in, reordered or cut off at the end is found (ISO 27789). Whoever can
write to the database and takes the trouble could compute a whole new chain; it would end in another hash than
the one (`newest`) that was noted elsewhere.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, RowMapping, Text, cast, func, insert, select, update

from media_server.errors import ApplicationError
from media_server.records.tables import audit, audit_head

FIRST_HASH = "0" * 64

_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
# Ids that we minted and codes: nothing with a space, an accent or an @ in it.
_CODE = re.compile(r"[A-Za-z0-9_.~:/+=-]{1,128}")
_BATCH = 1000
_FIELDS = ("at_us", "actor", "role", "action", "outcome", "subject", "why", "details")


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
        for word in (self.role, self.action, self.outcome, self.why, *self.details):
            if word is not None and not _WORD.fullmatch(word):
                raise ValueError("an audit entry is made of codes")
        texts = (value for value in self.details.values() if not isinstance(value, int))
        for text in (self.actor, self.subject, *texts):
            if text is not None and not _CODE.fullmatch(text):
                raise ValueError("an audit entry is made of ids and codes")


def append(connection: Connection, entry: AuditEntry) -> None:
    """Within the caller's transaction: what was done and that it was done stand or fall together. Best as its
    last statement, because whoever else appends waits until it ends.
    """
    number, previous = _lock_head(connection)
    said = {name: getattr(entry, name) for name in _FIELDS} | {"details": dict(entry.details)}
    hash_ = _hash(number + 1, previous, said)
    connection.execute(insert(audit).values(number=number + 1, previous_hash=previous, hash=hash_, **said))
    connection.execute(update(audit_head).values(number=number + 1, hash=hash_))


def verify(connection: Connection) -> int:
    """How many entries there are, all of them as they were written. `connection`: of `reading`, so that
    nobody appends meanwhile. Raises AuditBroken.
    """
    number, previous = 0, FIRST_HASH
    for row in _rows(connection):
        number += 1
        if row["number"] > number:
            raise AuditBroken(f"audit entry {number} is missing")
        if row["number"] < number:
            raise AuditBroken(f"an entry {row['number']} was put in before audit entry {number}")
        if row["previous_hash"] != previous or row["hash"] != _hash_of_row(number, previous, row):
            raise AuditBroken(f"audit entry {number} was changed")
        previous = row["hash"]
    last, hash_ = newest(connection)
    if last > number:
        raise AuditBroken(f"audit entry {number + 1} is missing")
    if last < number:
        raise AuditBroken(f"audit entry {last + 1} was put in")
    if hash_ != previous:
        raise AuditBroken("the audit log's note of its newest entry was changed")
    return number


def newest(connection: Connection) -> tuple[int, str]:
    """The number of the newest entry and its hash. Raises AuditBroken."""
    row = connection.execute(select(audit_head.c.number, audit_head.c.hash)).one_or_none()
    if row is None:
        raise AuditBroken("the audit log's note of its newest entry is missing")
    return row.number, row.hash


def entries_about(connection: Connection, subject: str) -> list[AuditEntry]:
    """Those of one consultation, oldest first. Raises AuditBroken for what was never written so."""
    rows = connection.execute(select(audit).where(audit.c.subject == subject).order_by(audit.c.number))
    try:
        return [AuditEntry(**{name: row[name] for name in _FIELDS}) for row in rows.mappings()]
    except (TypeError, ValueError):
        raise AuditBroken("an audit entry was changed") from None


def newest_about_nothing(connection: Connection, actor: str, action: str, since_us: int) -> int | None:
    """When somebody last did so without a consultation that it was about, from then on; None: never."""
    return connection.execute(
        select(func.max(audit.c.at_us)).where(
            audit.c.actor == actor,
            audit.c.subject.is_(None),
            audit.c.at_us >= since_us,
            audit.c.action == action,
        )
    ).scalar()


def _lock_head(connection: Connection) -> tuple[int, str]:
    """The newest entry's number and hash; whoever else appends waits until we commit."""
    row = connection.execute(select(audit_head.c.number, audit_head.c.hash).with_for_update()).one_or_none()
    if row is None:
        raise AuditBroken("the audit log's note of its newest entry is missing")
    return row.number, row.hash


def _rows(connection: Connection) -> Iterator[RowMapping]:
    """All, in batches; `details` as text, for it may be anything."""
    columns = [column for column in audit.c if column is not audit.c.details]
    wanted = select(*columns, cast(audit.c.details, Text).label("details")).order_by(audit.c.number)
    rows = connection.execute(wanted.limit(_BATCH)).mappings().all()
    while rows:
        yield from rows
        rows = (
            connection.execute(wanted.where(audit.c.number > rows[-1]["number"]).limit(_BATCH))
            .mappings()
            .all()
        )


def _hash_of_row(number: int, previous: str, row: RowMapping) -> str | None:
    """None for what cannot have been written by us."""
    try:
        details = json.loads(row["details"])
        return _hash(number, previous, {name: row[name] for name in _FIELDS} | {"details": details})
    except (TypeError, ValueError):
        return None


def _hash(number: int, previous: str, said: Mapping[str, Any]) -> str:
    canonical = json.dumps(
        {"number": number, "previous": previous, **said},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return sha256(canonical.encode()).hexdigest()
