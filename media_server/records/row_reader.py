"""Rows read often: the statement prepared once, over a connection of its own for each thread.

What SQLAlchemy does for a statement and its transaction costs ten times what the database does for a row that
is found by its key. No transaction is ever left open, so that nobody who cleans up waits for us.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Engine, Select, event

from media_server.records.errors import FAILURES, RecordsUnusable, said

T = TypeVar("T")


class RowReader:
    """Asks one question, whose `bindparam`s are given each time. Any thread may call."""

    def __init__(self, engine: Engine, wanted: Select[Any]) -> None:
        compiled: Any = wanted.compile(engine)
        self._sql = str(compiled)
        self._fixed: Mapping[str, Any] = {
            name: value for name, value in compiled.params.items() if value is not None
        }
        self._order: list[str] | None = compiled.positiontup if compiled.positional else None
        self._engine = engine
        self._connections = _connections_of(engine)
        found = [
            column.type.dialect_impl(engine.dialect).result_processor(engine.dialect, None)
            for column in wanted.selected_columns
        ]
        self._processors = found if any(found) else None

    def row(self, **values: object) -> tuple[Any, ...] | None:
        """The first, None: there is none. Raises RecordsUnusable."""
        rows = self.rows(**values)
        return rows[0] if rows else None

    def rows(self, **values: object) -> list[tuple[Any, ...]]:
        """Raises RecordsUnusable."""
        values = {**self._fixed, **values}
        parameters = values if self._order is None else [values[name] for name in self._order]
        try:
            found = self._connections.ask(self._sql, parameters)
        except FAILURES:
            self._connections.drop()
            try:
                found = self._connections.ask(self._sql, parameters)  # the database had been restarted since
            except FAILURES as error:
                self._connections.drop()
                raise RecordsUnusable(f"the records cannot be used: {said(error)}") from None
        return found if self._processors is None else [self._processed(row) for row in found]

    def _processed(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        assert self._processors is not None
        return tuple(
            value if process is None else process(value)
            for value, process in zip(row, self._processors, strict=True)
        )


async def ask_rows(engine: Engine, question: Callable[[], T]) -> T:
    """What a function answers that does nothing but ask `RowReader`s of this engine.

    SQLite answers within less than it would cost to ask a thread; of a server in the network nobody knows.
    """
    if engine.dialect.name == "sqlite":
        return question()
    return await asyncio.to_thread(question)


class _Connections:
    """One for each thread that asks; closed when the engine is disposed of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = ref(engine)  # which we are listed under
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._local = threading.local()
        self._opened: list[Any] = []
        self._lock = threading.Lock()

    def ask(self, sql: str, parameters: object) -> list[tuple[Any, ...]]:
        connection = getattr(self._local, "connection", None) or self._open()
        # All of them: SQLite keeps its read transaction until it has seen that there are no more.
        rows: list[tuple[Any, ...]] = connection.execute(sql, parameters).fetchall()
        return rows

    def drop(self) -> None:
        """The calling thread's."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            with self._lock:
                if connection in self._opened:
                    self._opened.remove(connection)
            _close(connection)

    def close(self, _engine: Engine | None = None) -> None:
        """Those of all threads, when no other asks any more; whoever asks again connects anew."""
        with self._lock:
            opened, self._opened = self._opened, []
            self._local = threading.local()
        for connection in opened:
            _close(connection)

    def _open(self) -> Any:
        engine = self._engine()
        assert engine is not None, "its readers keep it"
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # ours from now on: else the pool would wait for it to come back
        if self._is_postgresql:
            connection.rollback()
            connection.autocommit = True
        with self._lock:
            self._opened.append(connection)
        self._local.connection = connection
        return connection


_of_engines: WeakKeyDictionary[Engine, _Connections] = WeakKeyDictionary()
_of_engines_lock = threading.Lock()


def _connections_of(engine: Engine) -> _Connections:
    with _of_engines_lock:
        connections = _of_engines.get(engine)
        if connections is None:
            connections = _of_engines[engine] = _Connections(engine)
            event.listen(engine, "engine_disposed", connections.close)
        return connections


def _close(connection: Any) -> None:
    with suppress(*FAILURES):  # a broken one; what matters is to let go of it
        connection.close()
