"""The purge beside a running server: it goes on through trouble, tells what it sees, and is alone at it."""

import asyncio
import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine

from media_server.metric_rows import Kind
from media_server.purge import PURGING, PurgeJob
from media_server.purge.job import CLEAN_EVERY_US
from media_server.records import FieldKeys, exclusively, open_records, tables, writing
from tests.media_server.records.rows import BEGAN_US, DAY_US, House

DUE_US = BEGAN_US + DAY_US


class Clock:
    now_us = DUE_US

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(records: Engine, tmp_path: Path) -> House:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.consultation()
    return house


def shown(job: PurgeJob) -> dict[str, float]:
    return {row.name: row.value for row in job.rows()}


async def test_it_purges_again_and_again_until_it_is_cancelled(house: House, clock: Clock) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        """Another consultation's time comes meanwhile, twice."""
        waited.append(seconds)
        if len(waited) == 3:
            raise asyncio.CancelledError
        house.consultation(f"c-{len(waited)}-more")

    job = PurgeJob(house.engine, clock, every_s=7, wait=wait)
    with pytest.raises(asyncio.CancelledError):
        await job.run()
    assert waited == [7, 7, 7]
    assert shown(job) == {
        "purge_blocked": 0,
        "purged_consultations": 3,
        "reports_abandoned": 0,
        "purge_failures": 0,
    }


async def test_a_report_in_the_way_raises_an_alarm_until_it_is_gone(
    house: House, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    house.report("failed")
    job = PurgeJob(house.engine, clock)
    with caplog.at_level(logging.INFO, "media_server.purge"):
        await job.once()
        await job.once()
    assert shown(job)["purge_blocked"] == 1
    assert [row.kind for row in job.rows() if row.name == "purge_blocked"] == [Kind.GAUGE]
    alarms = [record for record in caplog.records if record.message == "purge.blocked"]
    assert [(record.levelname, vars(record)["consultations"]) for record in alarms] == [("ERROR", 1)]
    with writing(house.engine) as connection:
        connection.execute(tables.reports.update().values(state="cancelled"))
    with caplog.at_level(logging.INFO, "media_server.purge"):
        await job.once()
    assert shown(job) == {
        "purge_blocked": 0,
        "purged_consultations": 1,
        "reports_abandoned": 0,
        "purge_failures": 0,
    }
    assert caplog.records[-1].levelname == "INFO"


async def test_every_node_shows_what_is_blocked_also_the_one_that_does_not_purge(
    house: House, clock: Clock
) -> None:
    house.report("queued")
    job = PurgeJob(house.engine, clock)
    with exclusively(house.engine, PURGING):
        assert await job.once() is None
    assert shown(job)["purge_blocked"] == 1


async def test_nodes_that_purge_at_once_do_it_once(house: House, clock: Clock, records_url: str) -> None:
    for number in range(20):
        house.consultation(f"c-{number}-more")
    engines = [open_records(records_url) for _ in range(3)]
    jobs = [PurgeJob(engine, clock) for engine in engines]
    await asyncio.gather(*(job.once() for job in jobs))
    assert sum(shown(job)["purged_consultations"] for job in jobs) == 21
    for engine in engines:
        engine.dispose()


async def test_trouble_is_counted_and_the_next_time_it_goes_on(
    house: House, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with writing(house.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE outcomes RENAME TO elsewhere")
    job = PurgeJob(house.engine, clock)
    assert await job.once() is None
    assert shown(job) == {
        "purge_blocked": 0,
        "purged_consultations": 0,
        "reports_abandoned": 0,
        "purge_failures": 1,
    }
    assert [record.message for record in caplog.records] == ["purge.failed"]
    with writing(house.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO outcomes")
    await job.once()
    assert shown(job) == {
        "purge_blocked": 0,
        "purged_consultations": 1,
        "reports_abandoned": 0,
        "purge_failures": 1,
    }


async def test_the_files_are_cleaned_after_a_purge_but_once_an_hour_at_most(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned: list[int] = []
    monkeypatch.setattr("media_server.purge.job.tidy", lambda _engine, _tables: cleaned.append(clock.now_us))
    job = PurgeJob(house.engine, clock)
    await job.once()
    assert cleaned == [DUE_US]
    clock.now_us += 1
    house.consultation("c-2")
    await job.once()
    await job.once()
    assert cleaned == [DUE_US]
    clock.now_us = DUE_US + CLEAN_EVERY_US
    await job.once()
    await job.once()
    assert cleaned == [DUE_US, DUE_US + CLEAN_EVERY_US]
