"""Specifies signalling.consent_writer: what the ledger is told, in which order, and what if it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from signalling.consent_writer import ConsentWriter
from signalling.counters import Counters
from signalling.errors import TryAgain
from signalling.media import ParticipantId
from signalling.settings import SignallingSettings
from signalling.views import ConsentState
from tests.signalling.people import ROOM
from tests.signalling.rig import eventually
from tests.signalling.test_recording_server import FakeLedger

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")
SETTINGS = SignallingSettings(store_retry_s=0.001)
GRANTED, REFUSED, WITHDRAWN = ConsentState.GRANTED, ConsentState.REFUSED, ConsentState.WITHDRAWN


@asynccontextmanager
async def a_writer(
    ledger: FakeLedger, settings: SignallingSettings = SETTINGS
) -> AsyncIterator[ConsentWriter]:
    writer = ConsentWriter(ledger, settings, Counters())
    running = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_grant_is_the_ledgers_entry() -> None:
    ledger = FakeLedger()
    async with a_writer(ledger) as writer:
        consent = await writer.grant(ROOM, ANN, "v2")
        assert (consent.participant, consent.state, consent.text_version) == (ANN, GRANTED, "v2")


async def test_a_no_is_written_once_the_ledger_is_back_and_only_once() -> None:
    ledger = FakeLedger(away=True)
    async with a_writer(ledger) as writer:
        writer.refuse(ROOM, ANN, WITHDRAWN, None)
        writer.refuse(ROOM, BOB, REFUSED, "v2")
        await eventually(lambda: ledger.tried > 3)
        assert writer.unwritten == 2
        ledger.away = False
        await eventually(lambda: writer.unwritten == 0)
        assert ledger.written == [(ANN, WITHDRAWN, None), (BOB, REFUSED, "v2")]


async def test_what_was_said_first_is_written_first() -> None:
    ledger = FakeLedger(held=asyncio.Event())
    async with a_writer(ledger) as writer:
        writer.refuse(ROOM, ANN, WITHDRAWN, None)
        granting = asyncio.create_task(writer.grant(ROOM, ANN, None))
        await eventually(lambda: ledger.tried == 1)
        assert ledger.held is not None
        ledger.held.set()
        await granting
        assert [state for _, state, _ in ledger.written] == [WITHDRAWN, GRANTED]


async def test_for_one_person_the_ledger_is_asked_for_one_thing_at_a_time() -> None:
    ledger = FakeLedger(held=asyncio.Event())
    async with a_writer(ledger) as writer:
        granting = asyncio.create_task(writer.grant(ROOM, ANN, None))
        await eventually(lambda: ledger.tried == 1)
        with pytest.raises(TryAgain):
            await writer.grant(ROOM, ANN, None)
        writer.refuse(ROOM, ANN, None, None)
        await asyncio.sleep(0)
        assert ledger.tried == 1
        assert ledger.held is not None
        ledger.held.set()
        with pytest.raises(TryAgain):  # a no came meanwhile
            await granting
        await eventually(lambda: writer.unwritten == 0)
        assert [state for _, state, _ in ledger.written] == [GRANTED, WITHDRAWN]


async def test_one_persons_slow_entry_delays_no_other() -> None:
    ledger = FakeLedger(held=asyncio.Event(), slow_for=ANN)
    async with a_writer(ledger) as writer:
        granting = asyncio.create_task(writer.grant(ROOM, ANN, None))
        await eventually(lambda: ledger.tried == 1)
        assert (await writer.grant(ROOM, BOB, None)).participant == BOB
        granting.cancel()


async def test_a_ledger_that_takes_too_long_is_given_up_and_may_be_asked_again() -> None:
    ledger = FakeLedger(held=asyncio.Event())
    async with a_writer(ledger, replace(SETTINGS, consent_timeout_s=0.01)) as writer:
        with pytest.raises(TryAgain):
            await writer.grant(ROOM, ANN, None)
        ledger.held = None
        assert (await writer.grant(ROOM, ANN, None)).state is GRANTED


async def test_a_withdrawal_not_written_yet_is_not_forgotten_for_a_later_refusal() -> None:
    ledger = FakeLedger(away=True)
    async with a_writer(ledger) as writer:
        writer.refuse(ROOM, ANN, WITHDRAWN, None)
        writer.refuse(ROOM, ANN, REFUSED, None)
        ledger.away = False
        await eventually(lambda: writer.unwritten == 0)
        assert [state for _, state, _ in ledger.written] == [WITHDRAWN]


async def test_what_the_room_had_already_is_not_written() -> None:
    ledger = FakeLedger()
    async with a_writer(ledger) as writer:
        writer.refuse(ROOM, ANN, None, None)
        await writer.flush()
        assert ledger.written == []
