"""Rotation of the key of sealed fields: all open at any time, and an old key goes when nothing needs it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from typer.testing import CliRunner, Result

from media_server.cli import app
from media_server.records import CannotOpen, FieldKeys, tables, writing
from media_server.records.resealing import (
    SETTLED_S,
    delete_unused,
    fields_of,
    reseal,
    sealed_tables,
    to_reseal,
    unopened,
)
from media_server.records.sealed_fields import NOTICED_S
from tests.media_server.records.rows import SECRET, House


class Clock:
    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(records: Engine, tmp_path: Path, clock: Clock) -> House:
    """With one row at least in each table that has sealed fields."""
    house = House(records, FieldKeys.open(tmp_path / "keys", clock))
    house.patient()
    house.doctor()
    house.consultation()
    house.content()
    house.report()
    house.draft()
    return house


def test_the_house_has_a_row_in_each_table_with_sealed_fields(house: House) -> None:
    assert {place.split("/")[0] for place in house.opened()} == {table.name for table in sealed_tables()}
    assert len(sealed_tables()) == 9


def test_every_field_is_sealed_with_the_new_key_and_says_what_it_said(house: House) -> None:
    before = house.opened()
    old, new = house.keys.newest, house.keys.rotate()
    assert fields_of(house.engine, old) == to_reseal(house.engine, house.keys) == len(before)
    assert reseal(house.engine, house.keys).fields == len(before)
    assert (fields_of(house.engine, old), fields_of(house.engine, new)) == (0, len(before))
    assert to_reseal(house.engine, house.keys) == 0
    assert house.opened() == before
    assert all(said.startswith(SECRET) for said in before.values())


def test_a_second_time_there_is_nothing_to_do(house: House) -> None:
    house.keys.rotate()
    reseal(house.engine, house.keys)
    assert reseal(house.engine, house.keys).fields == 0


def test_progress_is_told_from_nothing_to_all(house: House) -> None:
    house.keys.rotate()
    told: list[tuple[int, int]] = []
    reseal(house.engine, house.keys, lambda done, total: told.append((done, total)))
    count = len(house.opened())
    assert told[0] == (0, count)
    assert told[-1] == (count, count)
    assert told == sorted(told)


def test_more_rows_than_one_step_takes_are_all_sealed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_server.records.resealing._BATCH", 3)
    for number in range(10):
        house.patient(f"pt-more-{number}")
    house.keys.rotate()
    count = len(house.opened())
    assert reseal(house.engine, house.keys).fields == count
    assert to_reseal(house.engine, house.keys) == 0


def test_one_that_was_broken_off_is_finished_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media_server.records.resealing._BATCH", 1)
    house.keys.rotate()
    count = len(house.opened())

    class BrokenOff(Exception):
        pass

    def break_off(done: int, _total: int) -> None:
        if done == 4:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        reseal(house.engine, house.keys, break_off)
    assert to_reseal(house.engine, house.keys) == count - 4
    assert reseal(house.engine, house.keys).fields == count - 4


def test_a_row_that_somebody_holds_is_left_for_the_next_time(house: House) -> None:
    if house.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    house.keys.rotate()
    count = len(house.opened())
    with writing(house.engine) as connection:
        connection.execute(
            select(tables.patients).where(tables.patients.c.id == "pt-1").with_for_update()
        ).all()
        assert reseal(house.engine, house.keys).fields == count - 1
    assert reseal(house.engine, house.keys).fields == 1


def test_a_field_that_does_not_open_is_left_as_it_is_counted_and_named(house: House) -> None:
    moved = house.sealed(tables.patients, "pt-2")
    with writing(house.engine) as connection:
        connection.execute(update(tables.patients).values(sealed=moved))
    house.keys.rotate()
    done = reseal(house.engine, house.keys)
    assert done.unopened == 1
    assert done.fields > 5
    assert house.row(tables.patients, "pt-1").sealed == moved
    assert list(unopened(house.engine, house.keys)) == ["patients/sealed/pt-1"]
    with pytest.raises(CannotOpen):
        house.opened()


# --- Old keys ---


def test_an_old_key_is_deleted_when_nothing_is_sealed_with_it_and_all_know_the_new_one(
    house: House, clock: Clock
) -> None:
    old, new = house.keys.newest, house.keys.rotate()
    reseal(house.engine, house.keys)
    assert delete_unused(house.engine, house.keys) == ()
    clock.now_s += SETTLED_S + 1
    assert delete_unused(house.engine, house.keys) == (old,)
    assert house.keys.known() == (new,)
    assert len(house.opened()) > 5


def test_an_old_key_stays_as_long_as_one_field_needs_it(house: House, clock: Clock) -> None:
    """Such as one that a running server sealed before it noticed the new key."""
    late = house.sealed(tables.doctors, "d-1")
    old, _ = house.keys.newest, house.keys.rotate()
    reseal(house.engine, house.keys)
    with writing(house.engine) as connection:
        connection.execute(update(tables.doctors).values(sealed=late))
    clock.now_s += SETTLED_S + 1
    assert delete_unused(house.engine, house.keys) == ()
    assert old in house.keys.known()
    reseal(house.engine, house.keys)
    assert delete_unused(house.engine, house.keys) == (old,)


def test_an_old_key_stays_with_a_field_that_does_not_open(house: House, clock: Clock) -> None:
    with writing(house.engine) as connection:
        connection.execute(update(tables.patients).values(sealed=house.sealed(tables.patients, "pt-2")))
    house.keys.rotate()
    reseal(house.engine, house.keys)
    clock.now_s += SETTLED_S + 1
    assert delete_unused(house.engine, house.keys) == ()


def test_a_server_that_runs_reads_and_writes_all_through_a_rotation(
    house: House, clock: Clock, tmp_path: Path
) -> None:
    server = House(house.engine, FieldKeys.open(tmp_path / "keys", clock))

    def still_works(step: str) -> None:
        server.patient(f"pt-{step}")
        clock.now_s += NOTICED_S
        assert all(said.startswith(SECRET) for said in server.opened().values())

    still_works("before")
    old = house.keys.newest
    house.keys.rotate()
    server.patient("pt-unnoticed")
    assert fields_of(house.engine, old) == to_reseal(house.engine, house.keys)
    still_works("rotated")
    reseal(house.engine, house.keys)
    still_works("resealed")
    clock.now_s += SETTLED_S + 1
    reseal(house.engine, house.keys)
    assert delete_unused(house.engine, house.keys) == (old,)
    still_works("deleted")


# --- The command ---


Command = Callable[..., Result]


@pytest.fixture
def teleconsult(records_url: str, tmp_path: Path, house: House) -> Command:
    """In a data folder with the keys of the house, which were made long ago."""
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("TELECONSULT_")
    }
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    (data / "keys" / "fields").symlink_to(tmp_path / "keys")
    ours = {"TELECONSULT_DATABASE_URL": records_url, "TELECONSULT_DATA_DIR": str(data)}
    return lambda *arguments: CliRunner().invoke(app, ["records", *arguments], env=environment | ours)


def test_the_command_rotates_deletes_and_verifies(house: House, clock: Clock, teleconsult: Command) -> None:
    old, count = house.keys.newest, len(house.opened())
    done = teleconsult("rotate-key", "--settle", "0")
    clock.now_s += NOTICED_S
    assert len(house.opened()) == count
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"key {house.keys.newest} seals",
        f"{count} fields sealed again",
        f"key {old} deleted",
    ]
    verified = teleconsult("verify")
    assert verified.exit_code == 0, verified.stderr
    assert verified.stdout.startswith("1 audit entry, 0 consents; newest audit hash ")
    assert verified.stdout.endswith("\nsound\n")


def test_the_command_keeps_the_old_key_when_told_to_and_goes_on_when_told_to(
    house: House, clock: Clock, teleconsult: Command
) -> None:
    old = house.keys.newest
    assert teleconsult("rotate-key", "--keep-old").exit_code == 0
    clock.now_s += NOTICED_S
    house.opened()
    new = house.keys.newest
    assert house.keys.known() == (old, new)
    assert teleconsult("rotate-key", "--resume", "--settle", "0").exit_code == 0
    clock.now_s += NOTICED_S
    house.keys.seal("", b"")
    assert house.keys.known() == (new,)


def test_the_command_names_what_was_tampered_with(house: House, teleconsult: Command) -> None:
    with writing(house.engine) as connection:
        connection.execute(update(tables.patients).values(sealed=house.sealed(tables.patients, "pt-2")))
        connection.execute(update(tables.audit_head).values(number=1))
    verified = teleconsult("verify")
    assert verified.exit_code == 1
    assert "audit entry 1 is missing" in verified.stdout
    assert "sealed field patients/sealed/pt-1 does not open" in verified.stdout
    assert "sound" not in verified.stdout


def test_the_command_makes_no_database_by_looking(tmp_path: Path) -> None:
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("TELECONSULT_")
    }
    ours = {"TELECONSULT_DATA_DIR": str(tmp_path / "data")}
    looked = CliRunner().invoke(app, ["records", "verify"], env=environment | ours)
    assert looked.exit_code == 1
    assert "there are no records" in looked.stderr
    assert not (tmp_path / "data").exists()
