"""The database of records: opened, brought up to date, and really rid of what was deleted.

SQLite in a file of ours, or PostgreSQL; what differs between them is in `sqlite` and `postgresql`. Blocking:
called on threads.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, Table, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError

from media_server.records import postgresql, sqlite
from media_server.records.errors import FAILURES, RecordsUnusable, said, without_values
from media_server.records.sqlite import WRITES
from media_server.records.tables import metadata


def open_records(url: URL | str) -> Engine:
    """The database with its tables as this version wants them; SQLite's file is made, with mode 0600.

    Any number of processes may do this at once. Raises RecordsUnusable.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise RecordsUnusable("DATABASE_URL: this cannot be read as a URL") from None
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite.open_engine(parsed)
        case "postgresql":
            return postgresql.open_engine(parsed)
        case _:
            raise RecordsUnusable(
                "DATABASE_URL: records are kept in SQLite (sqlite:///PATH) or PostgreSQL (postgresql://…)"
            )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view, without waiting for whoever writes. Raises RecordsUnusable."""
    with _translated(), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # Each statement would see what was committed before it, else.
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is durable when left, and undone when left by an exception.

    With SQLite one at a time; with PostgreSQL several, so that who decides by what it has read reads it
    `with_for_update`. Raises RecordsUnusable; sqlalchemy's IntegrityError comes through for the caller to put
    into words.
    """
    with (
        _translated(),
        engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def exclusively(engine: Engine, work: str) -> Iterator[bool]:
    """Whether this is the only process (and thread) that does some work on this database, for as long as it
    lasts. Doesn't wait for whoever else does. `work`: a word. Raises RecordsUnusable.
    """
    on = sqlite if engine.dialect.name == "sqlite" else postgresql
    with _translated(), on.exclusively(engine, work) as ours:
        yield ours


def scrub(engine: Engine, tables: Collection[Table] = ()) -> None:
    """Leave no byte of deleted rows in the database's own files; in PostgreSQL, in those of `tables` (or
    all), which stand still meanwhile. Raises RecordsUnusable if that fails.
    """
    with _translated():
        if engine.dialect.name == "sqlite":
            sqlite.scrub(engine)
        else:
            postgresql.scrub(engine, tables or metadata.sorted_tables)


def tidy(engine: Engine, tables: Collection[Table] = ()) -> None:
    """After much was deleted: as `scrub` does in SQLite. In PostgreSQL nobody is held up, and what was
    deleted lies in its files until new rows are written over it; whatever is about people is sealed there.
    """
    with _translated():
        if engine.dialect.name == "sqlite":
            sqlite.scrub(engine)
        else:
            postgresql.tidy(engine, tables or metadata.sorted_tables)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise without_values(error) from None
    except FAILURES as error:
        raise RecordsUnusable(f"the records cannot be used: {said(error)}") from None
