"""What a node owns: leases prolonged, itself announced, rooms given to others when it goes."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from signalling.counters import Counters
from signalling.errors import Fenced, StoreUnavailable
from signalling.events import RoomMoved
from signalling.live_rooms import LiveRoom, LiveRooms
from signalling.placement import Placement
from signalling.private import Private
from signalling.publisher import StorePublisher
from signalling.settings import SignallingSettings
from signalling.store import NodeRecord, Place, Renewal, RoomStore
from signalling.tickets import Tickets

log = logging.getLogger(__name__)

_RENEWALS_IN_A_LIFE = 4


class LeaseKeeper:
    def __init__(
        self,
        store: RoomStore,
        rooms: LiveRooms,
        publisher: StorePublisher,
        tickets: Tickets,
        placement: Placement,
        settings: SignallingSettings,
        counters: Counters,
        is_draining: Callable[[], bool],
        fenced: Callable[[LiveRoom], None],
    ) -> None:
        """`fenced` hears of a room that is another node's now."""
        self._store = store
        self._rooms = rooms
        self._publisher = publisher
        self._tickets = tickets
        self._placement = placement
        self._settings = settings
        self._counters = counters
        self._is_draining = is_draining
        self._fenced = fenced

    async def run(self) -> None:
        """Until cancelled. While the store is away calls go on, and the leases are tried again soon."""
        while True:
            try:
                await self._renew()
                await self.announce()
            except StoreUnavailable:
                self._counters.store_failures += 1
            await asyncio.sleep(self._settings.lease_s / _RENEWALS_IN_A_LIFE)

    async def announce(self) -> None:
        """Raises StoreUnavailable."""
        settings = self._settings
        full = len(self._rooms.rooms) >= settings.max_rooms
        record = NodeRecord(
            settings.node, settings.node_url, len(self._rooms.sessions), self._is_draining(), full
        )
        await self._store.announce(record, settings.lease_s)

    async def _renew(self) -> None:
        mine = [live for live in self._rooms.rooms.values() if live.moved_to is None]
        renewals = await self._store.renew([live.lease for live in mine], self._settings.lease_s)
        for live, renewal in zip(mine, renewals, strict=True):
            if self._rooms.rooms.get(live.id) is not live or live.moved_to is not None:
                continue  # it ended or was handed over while we waited
            if renewal is Renewal.LOST:
                self._fenced(live)
            elif renewal is Renewal.RESTORED:
                self._say_again(live)

    def _say_again(self, live: LiveRoom) -> None:
        """The store may have forgotten everything: what we know of this room and its sessions."""
        self._publisher.room_changed(live.id)
        for session in live.sessions.values():
            self._publisher.session_began(self._rooms.record_of(session))

    # Giving rooms away

    async def hand_over_all(self) -> None:
        """Give each room to another node, and tell its participants where to go. What cannot be given, for
        want of another node or of the store, stays.
        """
        for live in list(self._rooms.rooms.values()):
            with suppress(StoreUnavailable, Fenced):
                to = await self._placement.elsewhere()
                if to is not None and live.sessions:
                    await self._hand_over(live, to)

    async def _hand_over(self, live: LiveRoom, to: Place) -> None:
        record = self._rooms.record_for_heir(live)
        await self._store.save_room(live.lease, record, self._settings.session_record_s)
        # The other node prolongs it once somebody has come: the slowest has the whole drain for that.
        lease = await self._store.hand_over(live.lease, to, self._settings.lease_s + self._settings.drain_s)
        self._rooms.hand_over(live, to)
        log.info("room.handed_over", extra={"room": live.id, "node": to.node, "epoch": lease.epoch})
        for session in list(live.sessions.values()):
            ticket = self._tickets.issue(live.room.admission_of(session.participant))
            self._rooms.tell(live, (session.participant,), RoomMoved(url=to.url, ticket=Private(ticket)))
