"""The database of records: made once, private, brought up to date, and refused when it is not ours."""

import multiprocessing
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, insert, select, text

from media_server.records import (
    RecordsUnusable,
    manifest_keys,
    metadata,
    open_records,
    reading,
    scrub,
    sqlite_url,
    writing,
)


def opened(folder: Path, name: str = "records.sqlite") -> Engine:
    return open_records(sqlite_url(folder / name))


def a_key(engine: Engine, kid: str, public_key: bytes = b"k" * 32) -> None:
    with writing(engine) as connection:
        connection.execute(insert(manifest_keys).values(kid=kid, public_key=public_key, node="n"))


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(manifest_keys)).scalar_one()


def test_it_and_its_further_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    engine = opened(tmp_path / "data")
    a_key(engine, "one")
    files = list((tmp_path / "data").iterdir())
    assert {path.name for path in files} >= {"records.sqlite", "records.sqlite-wal", "records.sqlite-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("secure_delete", 1), ("foreign_keys", 1), ("synchronous", 2)],
)
def test_every_connection_keeps_the_promises(tmp_path: Path, pragma: str, value: object) -> None:
    engine = opened(tmp_path)
    with reading(engine) as first, reading(engine) as second:
        for connection in (first, second):
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_the_migrations_lead_to_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    with reading(opened(tmp_path)) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE name = 'recordings'")
        ).scalar_one()
    checks = [
        str(check.sqltext) for check in metadata.tables["recordings"].constraints if hasattr(check, "sqltext")
    ]
    assert len(checks) == 3
    assert all(check in made for check in checks)


def test_what_was_committed_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    a_key(opened(tmp_path), "one")
    assert count(opened(tmp_path)) == 1


def _open_and_add(path: Path, name: str) -> None:
    a_key(open_records(sqlite_url(path)), name)


def test_processes_that_start_at_once_agree_on_one_database(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    path = tmp_path / "records.sqlite"
    processes = [spawning.Process(target=_open_and_add, args=(path, f"k{n}")) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    assert count(opened(tmp_path)) == 4


def test_an_exception_undoes_the_transaction(tmp_path: Path) -> None:
    engine = opened(tmp_path)

    def failing() -> None:
        with writing(engine) as connection:
            connection.execute(insert(manifest_keys).values(kid="one", public_key=b"", node="n"))
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert count(engine) == 0


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    with writing(engine) as connection:
        connection.execute(insert(manifest_keys).values(kid="one", public_key=b"", node="n"))
        assert count(engine) == 0
    assert count(engine) == 1


def test_names_that_a_url_would_trip_over_are_plain_files(tmp_path: Path) -> None:
    opened(tmp_path, "50% of?mode=memory#.sqlite")
    assert (tmp_path / "50% of?mode=memory#.sqlite").exists()


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.write_bytes(b"precious words " * 100)
    with pytest.raises(RecordsUnusable, match=r"records\.sqlite: file is not a database"):
        opened(tmp_path)
    assert path.read_bytes() == b"precious words " * 100


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as theirs:
        theirs.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(RecordsUnusable, match="something else"):
        opened(tmp_path)
    with sqlite3.connect(tmp_path / "records.sqlite") as theirs:
        assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_newer_versions_database_is_refused(tmp_path: Path) -> None:
    with writing(opened(tmp_path)) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RecordsUnusable, match="newer version"):
        opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordsUnusable, match="cannot use the records"):
        opened(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "url", ["postgresql://user:hunter2@db/records", "hunter2", "sqlite://", "sqlite:///:memory:"]
)
def test_a_url_that_is_no_sqlite_file_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(RecordsUnusable) as refused:
        open_records(url)
    assert "hunter2" not in str(refused.value)


def test_a_damaged_database_is_told_without_what_was_to_be_written(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE manifest_keys"))
    with pytest.raises(RecordsUnusable, match="no such table") as refused:
        a_key(engine, "secret-kid")
    assert "secret-kid" not in str(refused.value)


def test_scrubbing_says_when_a_reader_holds_old_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media_server.records.sqlite._BUSY_S", 0)
    monkeypatch.setattr("media_server.records.sqlite._PRAGMAS", ("busy_timeout = 50", "secure_delete = ON"))
    engine = opened(tmp_path)
    with reading(engine) as reader:
        reader.execute(select(manifest_keys)).all()
        a_key(engine, "one")
        with pytest.raises(RecordsUnusable, match="could not be overwritten"):
            scrub(engine)
    scrub(engine)
    assert (tmp_path / "records.sqlite-wal").stat().st_size == 0


def test_a_copy_of_the_file_is_whole_after_scrubbing(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    a_key(engine, "one")
    scrub(engine)
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "records.sqlite", tmp_path / "copy")
    assert count(opened(tmp_path / "copy")) == 1
