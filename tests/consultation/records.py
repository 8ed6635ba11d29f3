"""What a server wrote down, read (and, where only time could do it, changed) beside it in its SQLite file."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.server_process import ServerProcess


@dataclass(frozen=True, slots=True)
class Noted:
    """One entry of the audit log."""

    actor: str
    role: str
    action: str
    outcome: str
    subject: str | None
    why: str | None
    details: dict[str, Any]


def audit(server: ServerProcess, **wanted: str | None) -> list[Noted]:
    """Entries whose columns are as wanted, oldest first."""
    where = " AND ".join([f"{column} IS :{column}" for column in wanted] or ["1"])
    with opened(server) as records:
        rows = records.execute(
            "SELECT actor, role, action, outcome, subject, why, details FROM audit"
            f" WHERE {where} ORDER BY number",
            wanted,
        ).fetchall()
    return [
        Noted(actor, role, action, outcome, subject, why, json.loads(details))
        for actor, role, action, outcome, subject, why, details in rows
    ]


def everything(server: ServerProcess, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but those named, to compare before and after."""
    with opened(server) as records:
        names = [name for (name,) in records.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(records.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in without and not name.startswith("sqlite_")
        }


def expire_newest_session(server: ServerProcess) -> None:
    """As if its time had come."""
    with opened(server) as records:
        records.execute(
            "UPDATE sessions SET expires_at_us = created_at_us WHERE created_at_us ="
            " (SELECT max(created_at_us) FROM sessions)"
        )
        records.commit()


@contextmanager
def opened(server: ServerProcess) -> Iterator[sqlite3.Connection]:
    path: Path = server.data_dir / "records.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)) as connection:
        yield connection
