"""Records in an SQLite file: private, durable, and really rid of what was deleted."""

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from media_server.records import (
    RecordsUnusable,
    manifest_keys,
    open_records,
    reading,
    scrub,
    sqlite_url,
    writing,
)
from tests.media_server.records.test_database import a_key, count


def opened(folder: Path, name: str = "records.sqlite") -> Engine:
    return open_records(sqlite_url(folder / name))


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


def test_names_that_a_url_would_trip_over_are_plain_files(tmp_path: Path) -> None:
    opened(tmp_path, "50% of?mode=memory#.sqlite")
    assert (tmp_path / "50% of?mode=memory#.sqlite").exists()


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.write_bytes(b"precious words " * 100)
    with pytest.raises(RecordsUnusable, match=r"records\.sqlite: file is not a database"):
        opened(tmp_path)
    assert path.read_bytes() == b"precious words " * 100


def test_a_file_of_something_else_is_left_as_it_was(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.sqlite") as theirs:
        theirs.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(RecordsUnusable, match="something else"):
        opened(tmp_path)
    with sqlite3.connect(tmp_path / "records.sqlite") as theirs:
        assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordsUnusable, match="cannot use the records"):
        opened(tmp_path / "file" / "data")


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


def test_no_byte_of_what_was_deleted_is_left_in_any_file(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    for number in range(50):
        a_key(engine, f"k{number}", b"precious-%d-" % number * 50)
    with writing(engine) as connection:
        connection.execute(manifest_keys.delete().where(manifest_keys.c.kid != "k7"))
    scrub(engine)
    bytes_left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert bytes_left.count(b"precious-7-") == 50
    assert bytes_left.count(b"precious-") == 50


def test_a_copy_of_the_file_is_whole_after_scrubbing(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    a_key(engine, "one")
    scrub(engine)
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "records.sqlite", tmp_path / "copy")
    assert count(opened(tmp_path / "copy")) == 1
