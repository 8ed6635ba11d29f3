"""`WaitingQueue` in this process's memory."""

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from signalling.memory_rooms import Expiring
from signalling.waiting import ClaimerId, Waiting, WaitingId


@dataclass(frozen=True, slots=True)
class _Place:
    waiting: Waiting
    since_ms: int
    order: int

    @property
    def rank(self) -> tuple[int, int, int]:
        return -self.waiting.priority, self.since_ms, self.order


class MemoryWaiting:
    """Implements `WaitingQueue`. `clock` gives seconds, Unix time if it is to be compared with `since_ms`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._orders = itertools.count()
        self._places: Expiring[WaitingId, _Place] = Expiring(clock)
        self._claims: Expiring[ClaimerId, WaitingId] = Expiring(clock)
        self._claimers: set[ClaimerId] = set()

    async def push(self, waiting: Waiting, ttl_s: float) -> None:
        before = self._places.get(waiting.id)
        if before is None:
            since_ms = int(self._clock() * 1000) if waiting.since_ms is None else waiting.since_ms
            before = _Place(waiting, since_ms, next(self._orders))
        self._places.set(waiting.id, replace(before, waiting=waiting), ttl_s)

    async def position(self, id_: WaitingId) -> int | None:
        queue = self._queue()
        mine = queue.get(id_)
        if mine is None:
            return None
        same = (place for place in queue.values() if place.waiting.language == mine.waiting.language)
        return sum(place.rank <= mine.rank for place in same)

    async def claim(
        self,
        claimer: ClaimerId,
        languages: Collection[str],
        ttl_s: float,
        only: WaitingId | None = None,
        least_priority: int = 0,
    ) -> Waiting | None:
        mine = self._claims.get(claimer)
        place = self._places.get(mine) if mine is not None else None
        if place is None:
            fitting = (
                each
                for id_, each in self._queue().items()
                if (_fits(each.waiting, languages, least_priority) if only is None else id_ == only)
            )
            place = min(fitting, key=lambda each: each.rank, default=None)
        if place is None:
            return None
        self._claims.set(claimer, place.waiting.id, ttl_s)
        self._claimers.add(claimer)
        return place.waiting

    async def give_back(self, claimer: ClaimerId, id_: WaitingId) -> None:
        if self._claims.get(claimer) == id_:
            self._claims.pop(claimer)
            self._claimers.discard(claimer)

    async def finish(self, claimer: ClaimerId, id_: WaitingId) -> None:
        if self._claims.get(claimer) == id_:
            self._places.pop(id_)
            await self.give_back(claimer, id_)

    async def remove(self, id_: WaitingId) -> None:
        self._places.pop(id_)
        for claimer in list(self._claimers):
            await self.give_back(claimer, id_)

    def _queue(self) -> dict[WaitingId, _Place]:
        """Those who are not claimed."""
        claimed = {self._claims.get(claimer) for claimer in self._claimers}
        return {p.waiting.id: p for p in self._places.values() if p.waiting.id not in claimed}


def _fits(waiting: Waiting, languages: Collection[str], least_priority: int) -> bool:
    return waiting.language in languages and waiting.priority >= least_priority
