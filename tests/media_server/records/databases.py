"""Fixtures for tests that hold on both databases; `tests/conftest.py` gives them to every test.

`records`: an open, empty database; the test runs once over SQLite and once over PostgreSQL. `records_url`:
how to open it, for tests of whoever opens it themselves.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import Engine

from media_server.records import metadata, open_records, sqlite_url
from tests.postgresql_server import PostgreSQLServer, running_postgresql

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """Started for the first test that wants it."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=KINDS)
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database that is up to date, of this test alone."""
    if request.param == "postgresql":
        reused: Reused = request.getfixturevalue("reused_database")
        return reused.emptied()
    path = tmp_path / "records" / "records.sqlite"
    path.parent.mkdir(mode=0o700)
    shutil.copy(request.getfixturevalue("migrated_file"), path)
    return sqlite_url(path).render_as_string(hide_password=False)


@pytest.fixture
def records(records_url: str) -> Iterator[Engine]:
    engine = open_records(records_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied: a tenth of the time that the migrations take."""
    path = tmp_path_factory.mktemp("migrated") / "records.sqlite"
    open_records(sqlite_url(path)).dispose()
    return path


@pytest.fixture(scope="session")
def reused_database(postgresql: PostgreSQLServer, migrated_database: str) -> "Reused":
    return Reused(postgresql, migrated_database)


class Reused:
    """One database for test after test, emptied in between: a tenth of the time that a new one takes. A test
    that has changed its tables takes it with it.
    """

    def __init__(self, server: PostgreSQLServer, template: str) -> None:
        self._server = server
        self._template = template
        self._name: str | None = None
        self._tables = self._tables_of(template)

    def emptied(self) -> str:
        """Its URL. Whoever is still connected is thrown out."""
        if self._name is not None:
            self._server.ask(_EVERYBODY_OUT.format(name=sql.Literal(self._name)))
            if self._tables_of(self._name) != self._tables:
                self._server.drop_database(self._name)
                self._name = None
        if self._name is None:
            self._name = self._server.fresh_database(self._template)
        else:
            self._server.ask(_EMPTY, self._name)
        return self._server.url(self._name)

    def _tables_of(self, database: str) -> object:
        columns = self._server.ask(_COLUMNS, database)
        versioned = any(table == "alembic_version" for table, _ in columns)
        return columns, versioned and self._server.ask(_VERSION, database)


_EVERYBODY_OUT = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {name}")
_COLUMNS = sql.SQL(
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY table_name, column_name"
)
_VERSION = sql.SQL("SELECT version_num FROM alembic_version")
_EMPTY = sql.SQL(
    "".join(f'DELETE FROM "{table.name}";' for table in reversed(metadata.sorted_tables))
    + f"INSERT INTO audit_head (id, number, hash) VALUES (1, 0, '{'0' * 64}')"
)


@pytest.fixture(scope="session")
def migrated_database(postgresql: PostgreSQLServer) -> str:
    """To be copied by PostgreSQL itself."""
    name = postgresql.fresh_database()
    open_records(postgresql.url(name)).dispose()
    return name


@pytest.fixture(params=KINDS)
def an_empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that nothing was ever done with."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "new" / "records.sqlite").render_as_string(hide_password=False)
        return
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    name = server.fresh_database()
    yield server.url(name)
    server.drop_database(name)
