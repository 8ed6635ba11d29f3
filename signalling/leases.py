"""What a node owns: leases prolonged, itself announced, rooms given to others when it goes."""

import asyncio
import logging
from collections.abc import Callable

from signalling.counters import Counters
from signalling.errors import Fenced, StoreUnavailable
from signalling.events import RoomMoved
from signalling.live_rooms import LiveRoom, LiveRooms
from signalling.media import RoomId
from signalling.placement import Placement
from signalling.private import Private
from signalling.publisher import StorePublisher
from signalling.settings import SignallingSettings
from signalling.store import Lease, NodeRecord, Place, Renewal, RoomStore
from signalling.tickets import Tickets
from signalling.views import RoomState

log = logging.getLogger(__name__)

_RENEWALS_IN_A_LIFE = 4
_SAY_AGAIN_ROUNDS = 30
_AT_ONCE = 16
_AGAIN_S = 0.3


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
        self._given: dict[RoomId, Lease] = {}

    async def run(self) -> None:
        """Until cancelled. While the store is away calls go on, and the leases are tried again soon."""
        rounds = 0
        while True:
            try:
                await self._renew(say_again=rounds % _SAY_AGAIN_ROUNDS == 0)
                await self._renew_for_heirs()
                await self.announce()
            except StoreUnavailable:
                self._counters.store_failures += 1
            rounds += 1
            await asyncio.sleep(self._settings.lease_s / _RENEWALS_IN_A_LIFE)

    async def announce(self) -> None:
        """Raises StoreUnavailable."""
        settings = self._settings
        full = len(self._rooms.rooms) >= settings.max_rooms
        record = NodeRecord(
            settings.node, settings.node_url, len(self._rooms.sessions), self._is_draining(), full
        )
        await self._store.announce(record, settings.lease_s)

    async def _renew(self, *, say_again: bool) -> None:
        mine = [live for live in self._rooms.rooms.values() if not live.moving]
        renewals = await self._store.renew([live.lease for live in mine], self._settings.lease_s)
        for live, renewal in zip(mine, renewals, strict=True):
            if self._rooms.rooms.get(live.id) is not live or live.moving:
                continue  # it ended or is being handed over since we asked
            if renewal is Renewal.LOST:
                self._fenced(live)
            elif renewal is Renewal.RESTORED or say_again:
                self._say_again(live)

    def _say_again(self, live: LiveRoom) -> None:
        """The store may have forgotten everything, or its last writes: what we know of this room."""
        self._publisher.room_changed(live.id)
        for session in live.sessions.values():
            self._publisher.session_began(self._rooms.record_of(session))

    async def _renew_for_heirs(self) -> None:
        """Until somebody has come there; an heir that is gone or goes itself is let lose the room."""
        self._given = {room: lease for room, lease in self._given.items() if room in self._rooms.rooms}
        if self._given:
            taking = {record.node for record in await self._store.nodes() if not record.draining}
            leases = [lease for lease in self._given.values() if lease.node in taking]
            await self._store.renew(leases, self._settings.lease_s)

    # Giving rooms away

    async def hand_over_all(self) -> None:
        """Give each room to another node, and tell its participants where to go; again and again, until all
        are given or there is no other node. What nobody is in stays.
        """
        try:
            while left := self._to_give():
                try:
                    await self.announce()  # first: nobody else should send us rooms meanwhile
                    if await self._placement.elsewhere() is None:
                        return
                    for start in range(0, len(left), _AT_ONCE):
                        await asyncio.gather(*(self._try(live) for live in left[start : start + _AT_ONCE]))
                except StoreUnavailable:
                    self._counters.store_failures += 1
                await asyncio.sleep(_AGAIN_S)
        finally:
            for live in self._to_give():
                self._rooms.stay(live)

    def _to_give(self) -> list[LiveRoom]:
        return [
            live
            for live in self._rooms.rooms.values()
            if live.moved_to is None and live.sessions and live.room.state is not RoomState.ENDED
        ]

    async def _try(self, live: LiveRoom) -> None:
        """Raises nothing: one room that cannot be given does not keep the others."""
        # Also after a failure: it may be carried out yet, and nothing must be written that contradicts it.
        live.moving = True
        try:
            await self._hand_over(live)
        except (StoreUnavailable, Fenced):
            self._counters.store_failures += 1
        except Exception as error:  # our bug, which must be seen, and costs this one room
            log.error("room.not_handed_over", extra={"room": live.id, "error": type(error).__name__})

    async def _hand_over(self, live: LiveRoom) -> None:
        to = await self._placement.elsewhere()
        if to is None:
            raise StoreUnavailable
        settings = self._settings
        try:
            record = self._rooms.record_for_heir(live)
            lease = await self._store.hand_over(
                live.lease, to, settings.lease_s, record, settings.session_record_s
            )
        except Fenced:
            # An earlier try was carried out after we had given it up, or the room was lost before.
            owner = await self._store.owner(live.id)
            if owner is None or owner.node == settings.node:
                raise
            lease, to = owner, Place(owner.node, owner.url)
        self._given[live.id] = lease
        self._rooms.hand_over(live, to)
        log.info("room.handed_over", extra={"room": live.id, "node": to.node, "epoch": lease.epoch})
        admissions = [live.room.admission_of(participant) for participant in live.sessions]
        for admission in admissions:
            moved = RoomMoved(url=to.url, ticket=Private(self._tickets.issue(admission)))
            self._rooms.tell(live, (admission.participant,), moved)
