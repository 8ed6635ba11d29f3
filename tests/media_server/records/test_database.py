"""The database of records, on both kinds: made once, brought up to date, refused when it is not ours, and its
errors quote nobody.
"""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from media_server.records import (
    RecordsUnusable,
    exclusively,
    manifest_keys,
    metadata,
    open_records,
    reading,
    scrub,
    tables,
    tidy,
    writing,
)
from media_server.records.migrating import newest_revision
from tests.media_server.records.children import open_and_add


def a_key(engine: Engine, kid: str, public_key: bytes = b"k" * 32) -> None:
    with writing(engine) as connection:
        connection.execute(insert(manifest_keys).values(kid=kid, public_key=public_key, node="n"))


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(manifest_keys)).scalar_one()


def test_the_migrations_lead_to_the_tables_that_the_code_uses(records: Engine) -> None:
    with reading(records) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_rules_that_the_code_counts_on(records: Engine) -> None:
    """Alembic compares no checks."""
    seen = inspect(records)
    made = {
        (table.name, check["name"])
        for table in metadata.sorted_tables
        for check in seen.get_check_constraints(table.name)
    }
    meant = {
        (table.name, str(rule.name))
        for table in metadata.sorted_tables
        for rule in table.constraints
        if isinstance(rule, CheckConstraint)
    }
    assert made == meant


def test_what_was_committed_is_there_when_it_is_opened_again(records: Engine, records_url: str) -> None:
    a_key(records, "one")
    again = open_records(records_url)
    assert count(again) == 1
    again.dispose()


def test_processes_that_start_at_once_agree_on_one_database(an_empty_place: str) -> None:
    spawning = multiprocessing.get_context("spawn")
    processes = [spawning.Process(target=open_and_add, args=(an_empty_place, f"k{n}")) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 2
    engine = open_records(an_empty_place)
    assert count(engine) == 2
    engine.dispose()


def test_an_exception_undoes_the_transaction(records: Engine) -> None:
    def failing() -> None:
        with writing(records) as connection:
            connection.execute(insert(manifest_keys).values(kid="one", public_key=b"", node="n"))
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert count(records) == 0


def test_a_reader_does_not_wait_for_a_writer(records: Engine) -> None:
    with writing(records) as connection:
        connection.execute(insert(manifest_keys).values(kid="one", public_key=b"", node="n"))
        assert count(records) == 0
    assert count(records) == 1


def test_a_reader_sees_one_moment_from_beginning_to_end(records: Engine) -> None:
    with reading(records) as reader:
        before = reader.execute(select(func.count()).select_from(manifest_keys)).scalar_one()
        a_key(records, "one")
        after = reader.execute(select(func.count()).select_from(manifest_keys)).scalar_one()
    assert (before, after) == (0, 0)
    assert count(records) == 1


def test_a_reader_cannot_write_over_what_others_rely_on(records: Engine) -> None:
    """On PostgreSQL it is refused, on SQLite undone."""
    with suppress(RecordsUnusable), reading(records) as reader:
        reader.execute(insert(manifest_keys).values(kid="one", public_key=b"", node="n"))
    assert count(records) == 0


def test_many_threads_write_at_once_and_nothing_is_lost(records: Engine) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: a_key(records, f"k{n}"), range(40)))
    assert count(records) == 40


def test_a_newer_versions_database_is_refused(records: Engine, records_url: str) -> None:
    with writing(records) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RecordsUnusable, match="newer version"):
        open_records(records_url)


def test_somebody_elses_database_is_left_alone(records: Engine, records_url: str) -> None:
    with writing(records) as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(RecordsUnusable, match="something else"):
        open_records(records_url)
    with writing(records) as connection:
        assert "alembic_version" not in inspect(connection).get_table_names()


def test_a_damaged_database_is_told_without_what_was_to_be_written(records: Engine) -> None:
    with writing(records) as connection:
        connection.execute(text("DROP TABLE manifest_keys"))
    with pytest.raises(RecordsUnusable, match=r"no such table|does not exist") as refused:
        a_key(records, "secret-kid")
    assert "secret-kid" not in str(refused.value)


def test_a_row_that_is_there_already_is_told_without_what_is_in_it(records: Engine) -> None:
    a_key(records, "secret-kid")
    with pytest.raises(IntegrityError, match=r"manifest_keys") as refused:
        a_key(records, "secret-kid")
    assert "secret-kid" not in str(refused.value)


def test_a_row_against_the_rules_is_told_without_what_is_in_it(records: Engine) -> None:
    with pytest.raises(IntegrityError, match=r"ck_ratings_score") as refused, writing(records) as connection:
        connection.execute(insert(tables.ratings).values(id="secret-id", month="secret-month", score=9))
    assert "secret" not in str(refused.value)


def test_a_value_that_cannot_be_written_is_not_quoted(records: Engine) -> None:
    with pytest.raises((RecordsUnusable, OverflowError)) as refused, writing(records) as connection:
        connection.execute(
            insert(tables.ratings).values(id="r", month="m", score=123456789012345678901234567890)
        )
    assert "123456789" not in str(refused.value)


def test_one_at_a_time_does_what_only_one_may_do(records: Engine, records_url: str) -> None:
    elsewhere = open_records(records_url)
    with exclusively(records, "purge") as first, exclusively(elsewhere, "purge") as second:
        assert (first, second) == (True, False)
        with exclusively(elsewhere, "resealing") as other:
            assert other
    with exclusively(elsewhere, "purge") as later:
        assert later
    elsewhere.dispose()


@pytest.mark.parametrize("clean", [scrub, tidy])
def test_what_lives_is_there_after_cleaning(records: Engine, clean: object) -> None:
    a_key(records, "one")
    a_key(records, "two")
    with writing(records) as connection:
        connection.execute(manifest_keys.delete().where(manifest_keys.c.kid == "one"))
    assert callable(clean)
    clean(records)
    clean(records, [manifest_keys])
    assert count(records) == 1


def test_a_transaction_waits_for_the_one_before_it_and_sees_what_that_did(records: Engine) -> None:
    """As with the head of the audit log: read for update, then written."""
    a_key(records, "one", b"\0")
    begun = threading.Event()

    def add_one() -> None:
        with writing(records) as connection:
            begun.set()
            row = connection.execute(select(manifest_keys.c.public_key).with_for_update()).scalar_one()
            connection.execute(manifest_keys.update().values(public_key=bytes([row[0] + 1])))

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(add_one) for _ in range(20)]:
            done.result()
    with reading(records) as connection:
        assert connection.execute(select(manifest_keys.c.public_key)).scalar_one() == b"\x14"


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///records.sqlite?password=hunter2",
        "mysql://user:hunter2@db/records",
        "postgresql://user:hunter2@db:port/records",
        "postgresql://user:hunter2@127.0.0.1:1/records",
        "postgresql://user:hunter2@127.0.0.1:1/records?hunter2=1",
        "postgresql://user:hunter2@/records?host=/nowhere",
    ],
)
def test_a_url_that_leads_to_no_database_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(RecordsUnusable) as refused:
        open_records(url)
    assert "hunter2" not in str(refused.value)


def test_what_the_steps_are_called_says_which_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", "media_server.records:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()
