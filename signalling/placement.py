"""Which node gets a new room: of two healthy ones, drawn at random, the one with fewer participants.

Two random choices keep the fullest node within a small constant of the average (Mitzenmacher 2001), without
everybody rushing to the one that was the emptiest a second ago.
"""

import random
from collections.abc import Callable, Sequence

from signalling.errors import StoreUnavailable
from signalling.media import RoomId
from signalling.store import NodeId, NodeRecord, Place, RoomStore

PLACED_S = 120.0
"""A room stays placed for longer than any ticket lives that says so."""


class Placement:
    def __init__(
        self,
        store: RoomStore,
        here: Place,
        sample: Callable[[Sequence[NodeRecord], int], Sequence[NodeRecord]] = random.sample,
    ) -> None:
        self._store = store
        self._here = here
        self._sample = sample

    async def place(self, room: RoomId) -> str:
        """The URL of the node where this room is, or shall be. While the store is away: this one's."""
        try:
            healthy = await self._healthy()
            chosen = self._choose(healthy) or self._here
            place = await self._store.place(room, chosen, [record.node for record in healthy], PLACED_S)
        except StoreUnavailable:
            return self._here.url
        return place.url

    async def elsewhere(self) -> Place | None:
        """Another node that takes a room of ours; None: there is none. Raises StoreUnavailable."""
        return self._choose([record for record in await self._healthy() if record.node != self._here.node])

    async def _healthy(self) -> list[NodeRecord]:
        return [record for record in await self._store.nodes() if not (record.draining or record.full)]

    def _choose(self, nodes: Sequence[NodeRecord]) -> Place | None:
        if not nodes:
            return None
        best = min(self._sample(nodes, min(2, len(nodes))), key=lambda record: record.participants)
        return Place(NodeId(best.node), best.url)
