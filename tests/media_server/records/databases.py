"""Fixtures for tests that hold on both databases; `tests/conftest.py` gives them to every test.

`records`: an open, empty database; the test runs once over SQLite and once over PostgreSQL. `records_url`:
how to open it, for tests of whoever opens it themselves.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from media_server.records import open_records, sqlite_url
from tests.postgresql_server import PostgreSQLServer, running_postgresql

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """Started for the first test that wants it."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=KINDS)
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database that is up to date, of this test alone."""
    if request.param == "sqlite":
        path = tmp_path / "records" / "records.sqlite"
        path.parent.mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield sqlite_url(path).render_as_string(hide_password=False)
        return
    template = request.getfixturevalue("migrated_database")
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    name = server.fresh_database(template)
    yield server.url(name)
    server.drop_database(name)


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
