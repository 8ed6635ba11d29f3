"""Tickets are used once: the store remembers for all nodes, this one for the rooms that it has."""

from collections.abc import Callable

from signalling.errors import StoreUnavailable, TicketRefused
from signalling.memory_rooms import Expiring
from signalling.store import RoomStore
from signalling.tickets import Admission


class UsedTickets:
    """`clock` gives monotonic seconds."""

    def __init__(self, store: RoomStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._mine: Expiring[str, bool] = Expiring(clock)

    async def use_up(self, admission: Admission) -> None:
        """For a room that is here. Raises TicketRefused when the ticket was used.

        While the store is away our own memory does: nowhere else would the ticket have opened this room.
        """
        if self._mine.get(admission.jti):
            raise TicketRefused("reused")
        self._mine.set(admission.jti, True, admission.life_s)  # before we wait: it may be shown again
        try:
            fresh = await self._store.claim(admission.jti, admission.life_s)
        except StoreUnavailable:
            return
        if not fresh:
            raise TicketRefused("reused")
