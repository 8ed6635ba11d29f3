"""What has ended by the clock alone is written down as ended: sessions forgotten, lapsed doctors off duty.

Nothing depends on it being done soon: who asks for a session or for a doctor on duty looks at the clock, too.
"""

import asyncio
import logging

from sqlalchemy import Engine

from media_server.forever import forever
from media_server.people import Doctors
from media_server.records import exclusively
from media_server.sessions.store import SessionStore

log = logging.getLogger(__name__)

EVERY_S = 300.0


class Housekeeping:
    """On every node; one of them does it."""

    def __init__(self, engine: Engine, store: SessionStore, doctors: Doctors) -> None:
        self._engine = engine
        self._store = store
        self._doctors = doctors

    async def run(self) -> None:
        await forever("housekeeping", lambda: asyncio.to_thread(self.once), EVERY_S)

    def once(self) -> bool:
        """Whether it was this node that did it; blocking. Raises RecordsUnusable."""
        with exclusively(self._engine, "housekeeping") as ours:
            if not ours:
                return False
            for doctor in self._doctors.take_lapsed_off_duty():
                log.info("duty.lapsed", extra={"doctor": doctor})
            forgotten = self._store.forget_ended()
        if forgotten:
            log.info("sessions.forgotten", extra={"count": forgotten})
        return True
