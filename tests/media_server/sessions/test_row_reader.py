"""Reading one row, fast: what it does when the database goes away."""

from pathlib import Path

import pytest
from sqlalchemy import text

from media_server.records import RecordsUnusable, open_records, tables, writing
from media_server.sessions.row_reader import RowReader
from tests.media_server.sessions.builders import Lodge
from tests.postgresql_server import PostgreSQLServer


def a_reader(lodge: Lodge) -> RowReader:
    return RowReader(lodge.engine, tables.sessions, "id", "person", "role")


def test_a_row_is_read_by_its_key_and_nothing_by_another(lodge: Lodge) -> None:
    session, reader = lodge.a_page().session, a_reader(lodge)
    assert reader.row(session.id) == (session.person, "patient")
    for key in ("s-nobody", "", "' OR 1=1 --", "%(key)s", "é"):
        assert reader.row(key) is None
    reader.close()


def test_it_sees_at_once_what_others_write(lodge: Lodge) -> None:
    reader = a_reader(lodge)
    for _ in range(3):
        session = lodge.a_page().session
        assert reader.row(session.id) is not None
    reader.close()


def test_what_cannot_be_read_is_told_without_the_key(lodge: Lodge) -> None:
    reader = RowReader(
        lodge.engine, tables.sessions.to_metadata(tables.metadata.__class__(), name="nowhere"), "id", "person"
    )
    with pytest.raises(RecordsUnusable) as refused:
        reader.row("a-secret-key")
    assert "a-secret-key" not in str(refused.value)
    reader.close()


def test_it_takes_nothing_from_the_pool(lodge: Lodge) -> None:
    readers = [a_reader(lodge) for _ in range(20)]  # more than the pool has
    for reader in readers:
        reader.row("s-nobody")
    with writing(lodge.engine) as connection:
        connection.execute(text("SELECT 1"))
    for reader in readers:
        reader.close()
        reader.close()


def test_it_connects_again_when_postgresql_was_restarted(
    postgresql: PostgreSQLServer, migrated_database: str, tmp_path: Path
) -> None:
    name = postgresql.fresh_database(migrated_database)
    engine = open_records(postgresql.url(name))
    lodge = Lodge(engine, tmp_path)
    session, reader = lodge.a_page().session, a_reader(lodge)
    assert reader.row(session.id) is not None
    with writing(engine) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
        )
    assert reader.row(session.id) is not None
    reader.close()
    engine.dispose()
    postgresql.drop_database(name)
