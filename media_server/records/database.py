"""The database of records: opened, brought up to date, and really rid of what was deleted. SQLite, for now.

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

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from media_server.errors import ApplicationError

# What fails outside a statement, such as a connection's first pragma, SQLAlchemy passes on as it is.
_FAILURES = (DBAPIError, sqlite3.Error)
_WRITES = "records_writes"
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


class RecordsUnusable(ApplicationError):
    """The database cannot be opened, read or written, or is not (or no longer) ours. Quotes no record."""


def sqlite_url(path: Path) -> URL:
    """A URL for any path; one put together as text would stumble over `?` and `%`."""
    return URL.create("sqlite", database=str(path))


def open_records(url: URL | str) -> Engine:
    """The database with its tables as this version wants them; made, with mode 0600, when there is none.

    Any number of processes may do this at once. Raises RecordsUnusable.
    """
    path = _path(url)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.with_name(f"{path.name}.lock")):
            if not path.exists():
                # SQLite gives its further files the mode of this one.
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            engine = _engine(path)
            try:
                _bring_up_to_date(engine, path)
            except BaseException:
                engine.dispose()
                raise
            return engine
    except OSError as error:
        raise RecordsUnusable(f"cannot use the records {path}: {error.strerror}") from error
    except _FAILURES as error:
        raise RecordsUnusable(f"cannot use the records {path}: {_said(error)}") from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view, without waiting for whoever writes. Raises RecordsUnusable."""
    with _translated(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is durable when left, and undone when left by an exception.

    Raises RecordsUnusable; sqlalchemy's IntegrityError comes through for the caller to put into words.
    """
    with (
        _translated(),
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


def scrub(engine: Engine) -> None:
    """Leave no byte of deleted rows in any file. Waits for readers; raises RecordsUnusable if they don't end.

    secure_delete zeroes a row where it lies. It says nothing of copies left in pages' unused space when rows
    moved, nor of older pages in the write-ahead log. So the file is written anew from what lives, and the log
    cut to nothing.
    """
    with _translated():
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


def _path(url: URL | str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise RecordsUnusable("the records' URL cannot be read") from None
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise RecordsUnusable("this version keeps records in an SQLite file only (sqlite:///PATH)")
    return Path(str(parsed.database))


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
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _bring_up_to_date(engine: Engine, path: Path) -> None:
    """All steps in one transaction: after a failure the tables are as they were."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "media_server.records:migrations")
    script = ScriptDirectory.from_config(config)
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        at = _revision(connection, path)
        if at == script.get_current_head():
            return
        if at is not None and at not in {each.revision for each in script.walk_revisions()}:
            raise RecordsUnusable(f"the records {path} were written by a newer version of Teleconsult")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection, path: Path) -> str | None:
    """Which step the tables are at, or None for an empty database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if tables:
        raise RecordsUnusable(f"{path} is a database of something else")
    return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except _FAILURES as error:
        raise RecordsUnusable(f"the records cannot be used: {_said(error)}") from None


def _said(error: Exception) -> str:
    """The database's own words ("database is locked"), without the statement."""
    return str(error.orig if isinstance(error, DBAPIError) else error)
