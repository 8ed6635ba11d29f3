"""One row by its key, read often: the statement prepared once, a connection of its own for each thread.

What SQLAlchemy does for a statement costs ten times what the database does for this one. No transaction is
ever left open, so that nobody who cleans up waits for us.
"""

import threading
from contextlib import suppress
from typing import Any

from sqlalchemy import Column, Engine, Table, bindparam, select

from media_server.records import RecordsUnusable
from media_server.records.errors import FAILURES, said


class RowReader:
    """Reads `columns` of the row whose `key` is given. Any thread may call; nothing may once it is closed."""

    def __init__(self, engine: Engine, table: Table, key: str, *columns: str) -> None:
        chosen: list[Column[Any]] = [table.c[name] for name in columns]
        compiled = select(*chosen).where(table.c[key] == bindparam("key")).compile(engine)
        self._engine = engine
        self._sql = str(compiled)
        self._positional = compiled.positional
        self._local = threading.local()
        self._opened: list[Any] = []
        self._lock = threading.Lock()

    def row(self, key: str) -> tuple[Any, ...] | None:
        """Raises RecordsUnusable."""
        try:
            return self._ask(key)
        except FAILURES:
            self._drop()
        try:
            return self._ask(key)  # the database had been restarted since
        except FAILURES as error:
            self._drop()
            raise RecordsUnusable(f"the records cannot be used: {said(error)}") from None

    def close(self) -> None:
        """Of all threads; when no other calls any more."""
        with self._lock:
            opened, self._opened = self._opened, []
        for connection in opened:
            _close(connection)

    def _ask(self, key: str) -> tuple[Any, ...] | None:
        connection = getattr(self._local, "connection", None) or self._connect()
        cursor = connection.execute(self._sql, (key,) if self._positional else {"key": key})
        # All of them: SQLite keeps its read transaction until it has seen that there is no second one.
        rows = cursor.fetchall()
        return rows[0] if rows else None

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # ours from now on: else the pool would wait for it to come back
        if self._engine.dialect.name == "postgresql":
            connection.rollback()
            connection.autocommit = True
        with self._lock:
            self._opened.append(connection)
        self._local.connection = connection
        return connection

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            with self._lock:
                if connection in self._opened:
                    self._opened.remove(connection)
            _close(connection)


def _close(connection: Any) -> None:
    with suppress(*FAILURES):  # a broken one; what matters is to let go of it
        connection.close()
