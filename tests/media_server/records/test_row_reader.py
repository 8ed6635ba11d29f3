"""Rows read fast: as SQLAlchemy would read them, and what happens when the database goes away."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import Engine, bindparam, insert, select, text

from media_server.records import RecordsUnusable, RowReader, ask_rows, open_records, tables, writing
from tests.postgresql_server import PostgreSQLServer

DOCTORS = tables.doctors
BY_ID = select(DOCTORS).where(DOCTORS.c.id == bindparam("key"))
CONNECTED_TO = sql.SQL("SELECT count(*) FROM pg_stat_activity WHERE datname = {name}")
A_DOCTOR: Mapping[str, Any] = {
    "id": "dr-1",
    "person_number": "10000047",
    "nihdi": "10000047004",
    "national_number_index": b"\x00\xff",
    "sealed": b"sealed",
    "languages": ["nl", "fr"],
    "created_at_us": 2**50,
    "updated_at_us": 1,
}


def add(records: Engine, **changes: object) -> None:
    with writing(records) as connection:
        connection.execute(insert(DOCTORS).values({**A_DOCTOR, **changes}))


def test_a_row_is_read_as_sqlalchemy_reads_it(records: Engine) -> None:
    add(records)
    with records.connect() as connection:
        read = connection.execute(BY_ID, {"key": "dr-1"}).one()
    assert RowReader(records, BY_ID).row(key="dr-1") == tuple(read)
    assert read.languages == ["nl", "fr"]


def test_nothing_is_found_by_another_key(records: Engine) -> None:
    add(records)
    reader = RowReader(records, BY_ID)
    for key in ("dr-2", "", "' OR 1=1 --", "%(key)s", "é"):
        assert reader.row(key=key) is None


def test_values_that_stand_in_the_statement_need_not_be_given(records: Engine) -> None:
    for number in range(3):
        add(
            records,
            id=f"dr-{number}",
            person_number=str(number),
            national_number_index=bytes([number]),
        )
    newest = (
        select(DOCTORS.c.id).where(DOCTORS.c.id != bindparam("not")).order_by(DOCTORS.c.id.desc()).limit(1)
    )
    assert RowReader(records, newest).rows(**{"not": "dr-2"}) == [("dr-1",)]


def test_it_sees_at_once_what_others_write(records: Engine) -> None:
    reader = RowReader(records, BY_ID)
    assert reader.row(key="dr-1") is None
    add(records)
    assert reader.row(key="dr-1") is not None


def test_what_cannot_be_read_is_told_without_the_key(records: Engine) -> None:
    nowhere = DOCTORS.to_metadata(tables.metadata.__class__(), name="nowhere")
    reader = RowReader(records, select(nowhere.c.id).where(nowhere.c.id == bindparam("key")))
    with pytest.raises(RecordsUnusable) as refused:
        reader.row(key="a-secret-key")
    assert "a-secret-key" not in str(refused.value)


def test_it_takes_nothing_from_the_pool(records: Engine) -> None:
    def read() -> None:
        RowReader(records, BY_ID).row(key="dr-1")

    threads = [threading.Thread(target=read) for _ in range(20)]  # more than the pool has
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with writing(records) as connection:
        connection.execute(text("SELECT 1"))


async def test_in_the_event_loop_sqlite_is_asked_at_once_and_postgresql_on_a_thread(records: Engine) -> None:
    on_a_thread = records.dialect.name == "postgresql"
    answered_by = await ask_rows(records, threading.current_thread)
    assert (answered_by is not threading.current_thread()) is on_a_thread
    reader = RowReader(records, BY_ID)
    assert await asyncio.gather(*(ask_rows(records, lambda: reader.row(key="dr-1")) for _ in range(20))) == (
        [None] * 20
    )


def test_nobody_is_connected_once_the_engine_is_disposed_of(
    postgresql: PostgreSQLServer, migrated_database: str
) -> None:
    name = postgresql.fresh_database(migrated_database)
    engine = open_records(postgresql.url(name))
    RowReader(engine, BY_ID).row(key="dr-1")
    assert postgresql.ask(CONNECTED_TO.format(name=sql.Literal(name))) == [(1,)]
    engine.dispose()
    while postgresql.ask(CONNECTED_TO.format(name=sql.Literal(name))) != [(0,)]:
        pass  # PostgreSQL's process sees a little later that we are gone
    postgresql.drop_database(name)


def test_it_connects_again_when_postgresql_was_restarted(
    postgresql: PostgreSQLServer, migrated_database: str
) -> None:
    name = postgresql.fresh_database(migrated_database)
    engine = open_records(postgresql.url(name))
    add(engine)
    reader = RowReader(engine, BY_ID)
    assert reader.row(key="dr-1") is not None
    with writing(engine) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
        )
    assert reader.row(key="dr-1") is not None
    engine.dispose()
    postgresql.drop_database(name)
