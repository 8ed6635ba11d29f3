"""A call for a machine without a camera: two built-in participants send their films and receive the other's.

`run` joins both and stays until cancelled; who opens the pages meanwhile sees them (`teleconsult demo`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from loadtest.client import Client, Publication, Source
from loadtest.errors import ClientError, Refused
from loadtest.film import DOCTOR, PATIENT, STANDARD, Format, Look, film
from loadtest.film_track import play

GetTicket = Callable[[str, str], Awaitable[str]]
AGAIN_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    role: str
    name: str
    look: Look
    form: Format = STANDARD


CAST = (Part("doctor", "Demo doctor", DOCTOR), Part("patient", "Demo patient", PATIENT))


async def run(
    url: str,
    get_ticket: GetTicket,
    data_dir: Path,
    *,
    cast: tuple[Part, ...] = CAST,
    on_ready: Callable[[], None] = lambda: None,
    again_after_s: float = AGAIN_AFTER_S,
) -> None:
    """Play every part until cancelled; a participant that loses its session joins again with a new ticket.

    `url`: the signalling WebSocket's. `get_ticket(role, name)` gives a ticket for the demo's room.
    `data_dir`: where the films are kept between runs. `on_ready` is called once all have published.
    Raises OSError when the films cannot be written.
    """
    films = {
        part.role: await asyncio.to_thread(film, data_dir / "demo", part.look, part.form) for part in cast
    }
    published: set[str] = set()

    def told(role: str) -> None:
        if role not in published:
            published.add(role)
            if len(published) == len(cast):
                on_ready()

    async with asyncio.TaskGroup() as participants:
        for part in cast:
            participants.create_task(
                _play(part, url, get_ticket, films[part.role], told, again_after_s), name=part.role
            )


async def _play(
    part: Part,
    url: str,
    get_ticket: GetTicket,
    path: Path,
    published: Callable[[str], None],
    again_after_s: float,
) -> None:
    while True:
        try:
            async with Client(url, await get_ticket(part.role, part.name), auto_subscribe=False) as client:
                await client.until(lambda room: room.admitted, timeout_s=None)
                with suppress(Refused):  # where the policy has no recording
                    await client.consent("recording", "granted")
                video, audio = play(path)
                await client.publish(Publication(video, Source.CAMERA), Publication(audio, Source.MICROPHONE))
                published(part.role)
                await client.until_disconnected()
        except ClientError:
            pass  # the room ended, the server went away or is about to
        await asyncio.sleep(again_after_s)
