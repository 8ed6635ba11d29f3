"""The demonstration's two participants: what the load tester's demo needs of a server that runs in this
process.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine

import auth
from auth import Private, Role
from media_server.settings import Settings
from media_server.walk_in import DEFAULT_ROOM

log = logging.getLogger(__name__)

Companion = Callable[[Settings, auth.TicketIssuer, str], Coroutine[None, None, None]]


def companion_for(seconds: float) -> Companion:
    """What plays beside the server for so long (infinity: until it is stopped); then the server ends."""

    async def play(settings: Settings, issuer: auth.TicketIssuer, origin: str) -> None:
        # The load tester stands outside the server and is imported only where one asks for it.
        from loadtest import demo

        async def ticket(role: str, name: str) -> str:
            return issuer.issue(room=DEFAULT_ROOM, role=Role(role), name=Private(name))

        url = f"{origin.replace('http', 'ws', 1)}/v1/signal"
        try:
            # Making the films, the first time, is no part of the play.
            async with asyncio.timeout(None) as limit:

                def playing() -> None:
                    log.info("demo.playing")
                    if math.isfinite(seconds):
                        limit.reschedule(asyncio.get_running_loop().time() + seconds)

                await demo.run(url, ticket, settings.data_dir, on_ready=playing)
        except TimeoutError:
            log.info("demo.ended")

    return play
