"""Records in PostgreSQL, shared by all nodes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine, Table, create_engine, text

from media_server.records.errors import FAILURES, RecordsUnusable, said
from media_server.records.migrating import bring_up_to_date

# Any numbers, as long as all versions of us agree. The first is waited for by who brings the tables up to
# date; the second goes before the hash of the name of some work that one process does at a time.
_MIGRATION_LOCK = 0x7E1EC0
_WORK_LOCKS = 0x7E1EC1

_CONNECT_S = 5
_POOL_S = 10
_SESSION = {
    "statement_timeout": "10s",
    # A node that stands still, or is gone, must not keep what it has locked from the others.
    "idle_in_transaction_session_timeout": "30s",
}
_PARAMETERS = {
    "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
    "connect_timeout": _CONNECT_S,
    # Of a server that is gone without a word we hear within half a minute (tcp(7)).
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def open_engine(url: URL) -> Engine:
    """Raises RecordsUnusable."""
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,  # errors show no values
            pool_pre_ping=True,  # a connection that died with the database is replaced, not handed out
            pool_timeout=_POOL_S,
            connect_args={name: value for name, value in _PARAMETERS.items() if name not in url.query},
        )
        try:
            with engine.begin() as connection:
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                bring_up_to_date(connection, "in PostgreSQL")
        except BaseException:
            engine.dispose()
            raise
    except FAILURES as error:
        raise RecordsUnusable(f"DATABASE_URL: cannot use the records in PostgreSQL: {said(error)}") from None
    return engine


def scrub(engine: Engine, tables: Iterable[Table]) -> None:
    """Write the tables anew from what lives; nobody else uses them meanwhile. Its write-ahead log, archives
    and backups keep older pages for as long as the database's operator lets them: what must be gone from
    those, too, is sealed.
    """
    _vacuum(engine, tables, "VACUUM FULL")


def tidy(engine: Engine, tables: Iterable[Table]) -> None:
    """Let the room of deleted rows be used again, in nobody's way."""
    _vacuum(engine, tables, "VACUUM")


@contextmanager
def exclusively(engine: Engine, work: str) -> Iterator[bool]:
    """An advisory lock, which ends with our connection at the latest."""
    which = {"kind": _WORK_LOCKS, "work": work}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ours = connection.execute(
            text("SELECT pg_try_advisory_lock(:kind, hashtext(:work))"), which
        ).scalar_one()
        try:
            yield ours
        finally:
            if ours:
                connection.execute(text("SELECT pg_advisory_unlock(:kind, hashtext(:work))"), which)


def _vacuum(engine: Engine, tables: Iterable[Table], how: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        try:
            for table in tables:
                connection.execute(text(f'{how} "{table.name}"'))
        finally:
            connection.execute(text("RESET statement_timeout"))
