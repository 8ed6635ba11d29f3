"""Records in one SQLite file, for a node that stands alone.

A transaction that will write says so when it begins: SQLite lets one that began by reading fail, not wait,
when another has written meanwhile (sqlite.org/isolation.html).
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from media_server.records.errors import FAILURES, RecordsUnusable, said
from media_server.records.migrating import bring_up_to_date

WRITES = "records_writes"
_BUSY_S = 5

# secure_delete: zeros over what is deleted. FULL: what was committed outlives a power cut.
_PRAGMAS = (
    f"busy_timeout = {_BUSY_S * 1000}",
    "foreign_keys = ON",
    "secure_delete = ON",
    "synchronous = FULL",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
)


def sqlite_url(path: Path) -> URL:
    """A URL for any path; one put together as text would stumble over `?` and `%`."""
    return URL.create("sqlite", database=str(path))


def open_engine(url: URL) -> Engine:
    """Raises RecordsUnusable."""
    if url.database in (None, "", ":memory:"):
        raise RecordsUnusable("records need an SQLite file (sqlite:///PATH)")
    if url.query:
        raise RecordsUnusable("DATABASE_URL: sqlite:///PATH takes no parameters (write a ? in a path as %3F)")
    path = Path(str(url.database))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.with_name(f"{path.name}.lock")):
            if not path.exists():
                # SQLite gives its further files the mode of this one.
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            engine = _engine(path)
            try:
                _prepare(engine, path)
            except BaseException:
                engine.dispose()
                raise
            return engine
    except OSError as error:
        raise RecordsUnusable(f"cannot use the records {path}: {error.strerror}") from error
    except FAILURES as error:
        raise RecordsUnusable(f"cannot use the records {path}: {said(error)}") from None


def scrub(engine: Engine) -> None:
    """Waits for readers; raises RecordsUnusable if they don't end.

    secure_delete zeroes a row where it lies. It says nothing of copies left in pages' unused space when rows
    moved, nor of older pages in the write-ahead log. So the file is written anew from what lives, and the log
    cut to nothing.
    """
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = cursor.fetchone()
        cursor.close()
    except sqlite3.Error as error:
        raise RecordsUnusable(f"old copies in the records could not be overwritten: {error}") from None
    finally:
        connection.close()
    if busy is None or busy[0]:
        raise RecordsUnusable("old copies in the records could not be overwritten: a reader is in the way")


@contextmanager
def exclusively(engine: Engine, work: str) -> Iterator[bool]:
    """A file beside the database, locked until we end."""
    path = Path(str(engine.url.database))
    with _opened_to_lock(path.with_name(f"{path.name}.{work}.lock")) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _engine(path: Path) -> Engine:
    # Errors show no values: rows hold rooms and sealed keys.
    engine = create_engine(sqlite_url(path), hide_parameters=True, connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, below
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _prepare(engine: Engine, path: Path) -> None:
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        bring_up_to_date(connection, str(path))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _opened_to_lock(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened_to_lock(path: Path) -> Iterator[int]:
    """Closing lets go of the lock."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
