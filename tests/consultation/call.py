"""The call of a consultation, over the real WebSocket and the real media path.

async with in_the_room(doctor, consultation) as hers, in_the_room(patient, consultation) as his:
    await hers.admit(his.room.me)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiortc.mediastreams import AudioStreamTrack

from loadtest import Client, Publication, Source
from tests.consultation.person import Person


@asynccontextmanager
async def in_the_room(person: Person, consultation: str, **options: Any) -> AsyncIterator[Client]:
    """With a ticket of the endpoint's."""
    ticket = await person.post(f"/consultations/{consultation}/ticket", {})
    assert ticket.status == 200, ticket
    async with Client(ticket.json["url"], ticket.json["ticket"], **options) as client:
        yield client


@asynccontextmanager
async def a_call(doctor: Person, patient: Person, consultation: str) -> AsyncIterator[tuple[Client, Client]]:
    """(the doctor's side, the patient's), the patient let in, the doctor heard."""
    async with in_the_room(doctor, consultation) as hers, in_the_room(patient, consultation) as his:
        await hers.publish(Publication(AudioStreamTrack(), Source.MICROPHONE))
        await hers.admit(his.room.me)
        await his.until(lambda room: room.admitted)
        yield hers, his


async def record(hers: Client, his: Client) -> None:
    """Everybody agrees in the room; returns when it is being recorded."""
    await his.consent("recording", "granted")
    await hers.consent("recording", "granted")
    await hers.recording("start")
    await hers.until(lambda room: room.recording == "on")


async def within_a_second(true: Callable[[], Awaitable[bool]]) -> None:
    """Until it is so, at most a hundred looks, ten milliseconds apart: a second, on a machine that has time;
    a busy one is not called slow for being busy. Raises AssertionError.
    """
    for _ in range(100):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it is not so after a second")


async def until_heard(listener: Client) -> int:
    """Until RTP arrives of somebody; how many packets there were."""
    async with asyncio.timeout(15):
        while not (heard := sum((await listener.packets()).values())):  # noqa: ASYNC110  no event
            await asyncio.sleep(0.02)
    return heard
