"""Records in PostgreSQL, shared by all nodes."""

from sqlalchemy import URL, Engine, create_engine, text

from media_server.records.errors import FAILURES, RecordsUnusable, said
from media_server.records.migrating import bring_up_to_date
from media_server.records.tables import metadata

# Any number, as long as all versions of us agree: who brings the tables up to date waits for it.
_MIGRATION_LOCK = 0x7E1EC0
_CONNECT_S = 5
_STATEMENT_MS = 10_000


def open_engine(url: URL) -> Engine:
    """Raises RecordsUnusable."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,  # errors show no values
        pool_pre_ping=True,  # a connection that died with a restarted database is replaced, not handed out
        connect_args={"connect_timeout": _CONNECT_S, "options": f"-c statement_timeout={_STATEMENT_MS}"},
    )
    try:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            bring_up_to_date(connection, "in PostgreSQL")
    except FAILURES as error:
        engine.dispose()
        raise RecordsUnusable(f"cannot use the records in PostgreSQL: {said(error)}") from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def scrub(engine: Engine) -> None:
    """Write the tables anew from what lives. Its write-ahead log, archives and backups keep older pages for
    as long as the database's operator lets them: what must be gone from those, too, is sealed.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        try:
            for table in metadata.sorted_tables:
                connection.execute(text(f'VACUUM FULL "{table.name}"'))
        finally:
            connection.execute(text(f"SET statement_timeout = {_STATEMENT_MS}"))
