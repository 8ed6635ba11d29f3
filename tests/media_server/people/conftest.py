"""A house over each kind of database. PostgreSQL's is emptied for each test: quicker than a new one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, update

from media_server.records import open_records, sqlite_url, tables, writing
from tests.media_server.people.builders import House
from tests.postgresql_server import PostgreSQLServer


@pytest.fixture(scope="package")
def shared_database(postgresql: PostgreSQLServer, migrated_database: str) -> Iterator[Engine]:
    name = postgresql.fresh_database(migrated_database)
    engine = open_records(postgresql.url(name))
    yield engine
    engine.dispose()
    postgresql.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "records.sqlite")
        engine = open_records(sqlite_url(tmp_path / "records.sqlite"))
        yield engine
        engine.dispose()
        return
    engine = request.getfixturevalue("shared_database")
    with writing(engine) as connection:
        for table in (tables.patients, tables.doctors, tables.sessions, tables.audit):
            connection.execute(delete(table))
        connection.execute(update(tables.audit_head).values(number=0, hash="0" * 64))
    yield engine


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> House:
    return House(engine, tmp_path / "field-keys")
