"""Whoever's login has ended is out of the room as well: logged out, revoked by an operator, expired, or ended
because a refresh token was used twice; at whichever node that happened.
"""

import asyncio
import logging

import signalling
from media_server.forever import forever
from media_server.sessions.store import SessionStore

log = logging.getLogger(__name__)

EVERY_S = 0.4
"""So that it is done within a second: the records are asked about all who are here at once."""


class LiveLogins:
    def __init__(self, store: SessionStore, rooms: signalling.SignallingServer) -> None:
        self._store = store
        self._rooms = rooms

    async def run(self) -> None:
        """Until cancelled. While the records are away everybody stays."""
        await forever("live-logins", self.look, EVERY_S)

    async def look(self) -> None:
        """Once. Raises RecordsUnusable."""
        here = self._rooms.logins()
        if not here:
            return
        for login in await asyncio.to_thread(self._store.ended_among, here.keys()):
            for room, participant in here[login]:
                self._rooms.cut_off(room, participant, login)
                log.info("login.cut_off", extra={"room": room, "participant": participant})
