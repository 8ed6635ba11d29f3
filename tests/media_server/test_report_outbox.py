"""The outbox of reports in SQL does what the contract says, on both databases, and keeps no sent report."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from media_server.records import FieldKeys, reading, tables, writing
from media_server.report_outbox import SqlOutbox
from media_server.reports import OutboxState, OutboxStore, Trouble
from tests.media_server.reports.outbox_contract import (
    NOW_US,
    RECEIPT,
    OutboxStoreContract,
    a_queued,
    the_claim,
)

CONSULTATIONS = [f"c-{number}" for number in range(1, 21)]


@pytest.fixture
def outbox_store(records: Engine, tmp_path: Path) -> OutboxStore:
    with writing(records) as connection:
        connection.execute(
            insert(tables.patients).values(
                id="pt-1", subject_index=b"1", sealed=b"1", created_at_us=1, verified_at_us=1
            )
        )
        for id_ in CONSULTATIONS:
            connection.execute(
                insert(tables.consultations).values(
                    id=id_,
                    patient="pt-1",
                    state="arrived",
                    language="nl",
                    priority=0,
                    questionnaire_version="1",
                    missed_calls=0,
                    rated=False,
                    sealed=b"1",
                    created_at_us=1,
                )
            )
    return SqlOutbox(records, FieldKeys.open(tmp_path / "keys"))


class TestSqlOutbox(OutboxStoreContract):
    pass


def kept(records: Engine) -> list[bytes | None]:
    with reading(records) as connection:
        return list(connection.execute(select(tables.reports.c.sealed)).scalars())


async def test_a_report_lies_sealed_while_it_waits(outbox_store: OutboxStore, records: Engine) -> None:
    queued = a_queued()
    await outbox_store.add(queued)
    (sealed,) = kept(records)
    assert sealed is not None
    assert queued.report.body not in sealed


@pytest.mark.parametrize("end", ["delivered", "cancelled", "taken back"])
async def test_what_need_not_be_sent_any_more_is_erased(
    outbox_store: OutboxStore, records: Engine, end: str
) -> None:
    queued = a_queued()
    await outbox_store.add(queued)
    match end:
        case "delivered":
            await outbox_store.delivered(await the_claim(outbox_store), RECEIPT, NOW_US)
        case "cancelled":
            await outbox_store.cancelled(await the_claim(outbox_store), NOW_US)
        case "taken back":
            assert await outbox_store.cancel(queued.report.id, NOW_US)
    assert kept(records) == [None]


async def test_what_could_not_be_sent_is_kept_for_the_doctor(
    outbox_store: OutboxStore, records: Engine
) -> None:
    await outbox_store.add(a_queued())
    await outbox_store.failed(await the_claim(outbox_store), Trouble.REFUSED, NOW_US)
    assert kept(records) != [None]


async def test_the_newest_report_of_a_consultation_is_the_one_that_counts(
    outbox_store: SqlOutbox, records: Engine
) -> None:
    queued = a_queued()
    consultation = queued.report.consultation
    assert await asyncio.to_thread(outbox_store.state_of, consultation) is None
    await outbox_store.add(queued)
    assert await asyncio.to_thread(outbox_store.state_of, consultation) is OutboxState.QUEUED
    await outbox_store.delivered(await the_claim(outbox_store), RECEIPT, NOW_US)
    assert await asyncio.to_thread(outbox_store.state_of, consultation) is OutboxState.DELIVERED
