"""The demo's participants, against a server that answers for them."""

import asyncio
from pathlib import Path

from loadtest import demo
from loadtest.film import PATIENT, Format, film
from tests.loadtest.fake_server import a_server

SMALL = Format(width=160, height=120, frames_per_s=10, duration_s=2, bit_rate=60_000)


async def test_every_part_publishes_its_film_and_plays_on_until_cancelled(
    tmp_path: Path,
) -> None:
    part = demo.Part("doctor", "Demo doctor", PATIENT, SMALL)
    asked: list[tuple[str, str]] = []

    async def get_ticket(role: str, name: str) -> str:
        asked.append((role, name))
        return "ticket"

    ready = asyncio.Event()
    async with a_server() as server:
        playing = asyncio.create_task(
            demo.run(server.url, get_ticket, tmp_path, cast=(part,), on_ready=ready.set)
        )
        await asyncio.wait_for(ready.wait(), 20)
        (pc,) = server.pcs
        received = 0
        async with asyncio.timeout(10):
            while received < 10:
                reports = (await pc.getStats()).values()
                received = sum(r.packetsReceived for r in reports if r.type == "inbound-rtp")
        assert not playing.done()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    assert asked == [("doctor", "Demo doctor")]
    assert film(tmp_path / "demo", PATIENT, SMALL).exists()


async def test_a_part_whose_room_ended_joins_again_with_a_new_ticket(tmp_path: Path) -> None:
    part = demo.Part("doctor", "Demo doctor", PATIENT, SMALL)
    tickets = asyncio.Queue[str]()

    async def get_ticket(role: str, name: str) -> str:
        tickets.put_nowait(role)
        return "ticket"

    async with a_server() as server:
        server.close_after["join"] = 4410
        playing = asyncio.create_task(
            demo.run(server.url, get_ticket, tmp_path, cast=(part,), again_after_s=0.01)
        )
        for _ in range(3):
            await asyncio.wait_for(tickets.get(), 20)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
