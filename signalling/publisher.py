"""Keeps the store up to date about this node's rooms and sessions, without anybody waiting for it.

What changed is noted, and written by one task soon after: always the newest state, however many changes there
were. While the store is away the notes stay, so that it learns everything once it is back; no call notices.
"""

import asyncio
import logging
from collections.abc import Callable

from signalling.counters import Counters
from signalling.errors import Fenced, StoreUnavailable
from signalling.media import RoomId
from signalling.session import TokenHash
from signalling.settings import SignallingSettings
from signalling.store import Lease, RoomRecord, RoomStore, SessionRecord
from signalling.views import RoomState

log = logging.getLogger(__name__)


class StorePublisher:
    def __init__(
        self,
        store: RoomStore,
        settings: SignallingSettings,
        counters: Counters,
        look_up: Callable[[RoomId], tuple[Lease, RoomRecord] | None],
        saved_as_ended: Callable[[RoomId], None],
        fenced: Callable[[RoomId], None],
    ) -> None:
        """`look_up` gives a room as it is now, None when this node has it no longer."""
        self._store = store
        self._settings = settings
        self._counters = counters
        self._look_up = look_up
        self._saved_as_ended = saved_as_ended
        self._fenced = fenced
        # Bounded by the rooms and sessions there are: a room has one note however often it changes.
        self._rooms: dict[RoomId, None] = {}
        self._sessions: dict[TokenHash, SessionRecord | None] = {}
        self._revoked: dict[str, None] = {}
        self._noted = asyncio.Event()

    def room_changed(self, room: RoomId) -> None:
        self._rooms[room] = None
        self._noted.set()

    def session_began(self, record: SessionRecord) -> None:
        self._sessions[record.token] = record
        self._noted.set()

    def session_ended(self, token: TokenHash) -> None:
        self._sessions[token] = None
        self._noted.set()

    def revoked(self, subject: str) -> None:
        self._revoked[subject] = None
        self._noted.set()

    async def run(self) -> None:
        """Write whatever is noted, until cancelled."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            try:
                await self.flush()
            except StoreUnavailable:
                self._counters.store_failures += 1
                log.warning("store.unavailable", extra={"rooms": len(self._rooms)})
                await asyncio.sleep(self._settings.store_retry_s)
                self._noted.set()

    async def flush(self) -> None:
        """Write everything noted so far. Raises StoreUnavailable; what was not written stays noted."""
        while self._revoked:
            subject = next(iter(self._revoked))
            await self._store.revoke(subject, self._settings.session_record_s)
            self._revoked.pop(subject, None)
        while self._sessions:
            token, record = next(iter(self._sessions.items()))
            if record is None:
                await self._store.drop_session(token)
            else:
                await self._store.save_session(record, self._settings.session_record_s)
            if self._sessions.get(token, record) is record:  # else it changed while we wrote
                self._sessions.pop(token, None)
        while self._rooms:
            room = next(iter(self._rooms))
            del self._rooms[room]
            try:
                await self._write_room(room)
            except StoreUnavailable:
                self._rooms[room] = None
                raise

    async def _write_room(self, room: RoomId) -> None:
        found = self._look_up(room)
        if found is None:
            return
        lease, record = found
        try:
            if record.state is not RoomState.ENDED:
                await self._store.save_room(lease, record, self._settings.session_record_s)
                return
            if self._settings.ended_room_memory_s > 0:
                await self._store.save_room(lease, record, self._settings.ended_room_memory_s)
            else:
                await self._store.delete_room(lease)
            await self._store.release(lease)
            self._saved_as_ended(room)
        except Fenced:
            self._fenced(room)
