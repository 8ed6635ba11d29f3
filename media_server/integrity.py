"""Whether the records are whole: the audit log's chain, the consents' chains, each of their entries in the
audit log and the other way round, and every sealed field open in its place. Blocking.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from media_server.consents import ChainBroken, verify_chains
from media_server.records import AuditBroken, FieldKeys, newest_audit, reading, tables, verify_audit
from media_server.records.resealing import Progress, unopened

_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Integrity:
    """`newest`: the audit log's last hash, which a copy kept elsewhere can be held against. `findings`: what
    is wrong, in words that name ids at most; empty for sound records.
    """

    entries: int
    newest: str
    consents: int
    findings: tuple[str, ...]


def check(engine: Engine, keys: FieldKeys, progress: Progress = lambda done, total: None) -> Integrity:
    """Raises RecordsUnusable, FieldKeysUnusable."""
    findings: list[str] = []
    entries, newest, consents = 0, "", 0
    with reading(engine) as connection:
        try:
            entries = verify_audit(connection)
            _, newest = newest_audit(connection)
            findings += _unlike(connection)
        except AuditBroken as broken:
            findings.append(str(broken))
        try:
            consents = verify_chains(connection)
        except ChainBroken as broken:
            findings.append(str(broken))
        except (KeyError, TypeError, ValueError):
            findings.append("an entry of the consents was changed")  # into what cannot be read at all
    for number, place in enumerate(unopened(engine, keys, progress), start=1):
        if number > _MOST_FINDINGS:
            findings.append("and further sealed fields that do not open")
            break
        findings.append(f"sealed field {place} does not open")
    return Integrity(entries, newest, consents, tuple(findings))


def _unlike(connection: Connection) -> Iterator[str]:
    """A chain cut off at its end is whole; but the audit log tells of what is missing."""
    kept = {
        row.id: row.hash for row in connection.execute(select(tables.consents.c.id, tables.consents.c.hash))
    }
    noted = {}
    rows = connection.execute(
        select(tables.audit.c.number, tables.audit.c.details).where(tables.audit.c.action.like("consent.%"))
    ).yield_per(1000)
    for row in rows:
        entry = row.details.get("entry") if isinstance(row.details, dict) else None
        if entry is not None:
            noted[entry] = row.details.get("hash")
            if kept.get(entry) != noted[entry]:
                yield f"the consent that audit entry {row.number} tells of is missing, or another"
    yield from (f"consent {id_} is not in the audit log" for id_ in sorted(kept.keys() - noted.keys()))
