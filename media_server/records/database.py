"""The database of records: opened, brought up to date, and really rid of what was deleted.

SQLite in a file of ours, or PostgreSQL; what differs between them is in `sqlite` and `postgresql`. Blocking:
called on threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError

from media_server.records import postgresql, sqlite
from media_server.records.errors import FAILURES, RecordsUnusable, said
from media_server.records.sqlite import WRITES


def open_records(url: URL | str) -> Engine:
    """The database with its tables as this version wants them; SQLite's file is made, with mode 0600.

    Any number of processes may do this at once. Raises RecordsUnusable.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise RecordsUnusable("the records' URL cannot be read") from None
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite.open_engine(parsed)
        case "postgresql":
            return postgresql.open_engine(parsed)
        case _:
            raise RecordsUnusable(
                "records are kept in SQLite (sqlite:///PATH) or PostgreSQL (postgresql://…)"
            )


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
        engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


def scrub(engine: Engine) -> None:
    """Leave no byte of deleted rows in the database's own files. Raises RecordsUnusable if that fails."""
    with _translated():
        if engine.dialect.name == "sqlite":
            sqlite.scrub(engine)
        else:
            postgresql.scrub(engine)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except FAILURES as error:
        raise RecordsUnusable(f"the records cannot be used: {said(error)}") from None
