"""`RoomStore` in this process's memory: for a service of one node, and the model that others are tested by.

Nothing here waits, so that each method is one step as far as other tasks can see.
"""

import heapq
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from signalling.errors import Fenced
from signalling.media import RoomId
from signalling.session import TokenHash
from signalling.store import Lease, NodeId, NodeRecord, Place, Renewal, RoomRecord, SessionRecord

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """A dictionary whose entries end. Expired ones are removed whenever something is set."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: dict[K, tuple[float, V]] = {}
        self._ends: list[tuple[float, int, K]] = []
        self._order = 0  # tells apart keys that end at the same moment: they need not be comparable

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return entry[1] if entry is not None and entry[0] > self._clock() else None

    def set(self, key: K, value: V, ttl_s: float) -> None:
        self._sweep()
        end = self._clock() + ttl_s
        self._entries[key] = (end, value)
        self._order += 1
        heapq.heappush(self._ends, (end, self._order, key))
        if len(self._ends) > 2 * len(self._entries) + 64:  # prolonged entries leave their old ends behind
            self._ends = [(end, order, key) for order, (key, (end, _)) in enumerate(self._entries.items())]
            self._order = len(self._ends)
            heapq.heapify(self._ends)

    def pop(self, key: K) -> None:
        self._entries.pop(key, None)

    def values(self) -> list[V]:
        now = self._clock()
        return [value for end, value in self._entries.values() if end > now]

    def __len__(self) -> int:
        return len(self._entries)

    def _sweep(self) -> None:
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            _, _, key = heapq.heappop(self._ends)
            entry = self._entries.get(key)
            if entry is not None and entry[0] <= now:
                del self._entries[key]


@dataclass(slots=True)
class _Owned:
    lease: Lease
    until: float


class MemoryRooms:
    """Implements `RoomStore`. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._epoch = 0  # one for all rooms: it rises for each of them, and no room needs one kept for ever
        self._tickets: Expiring[str, bool] = Expiring(clock)
        self._owned: dict[RoomId, _Owned] = {}
        self._placed: Expiring[RoomId, Place] = Expiring(clock)
        self._rooms: Expiring[RoomId, RoomRecord] = Expiring(clock)
        self._sessions: Expiring[TokenHash, SessionRecord] = Expiring(clock)
        self._nodes: Expiring[NodeId, NodeRecord] = Expiring(clock)
        self._revoked: Expiring[str, bool] = Expiring(clock)

    async def claim(self, jti: str, ttl_s: float) -> bool:
        if self._tickets.get(jti):
            return False
        self._tickets.set(jti, True, ttl_s)
        return True

    async def acquire(self, room: RoomId, node: NodeId, url: str, ttl_s: float) -> Lease:
        now = self._clock()
        owned = self._owned.get(room)
        if owned is not None and owned.until > now:
            if owned.lease.node == node:
                owned.until = now + ttl_s
            return owned.lease
        self._forget_long_expired(now)
        return self._grant(room, Place(node, url), ttl_s)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Renewal]:
        return [self._renew(lease, ttl_s) for lease in leases]

    def _renew(self, lease: Lease, ttl_s: float) -> Renewal:
        owned = self._owned.get(lease.room)
        if owned is None or owned.lease.epoch != lease.epoch:
            return Renewal.LOST
        now = self._clock()
        renewal = Renewal.KEPT if owned.until > now else Renewal.RESTORED
        owned.until = now + ttl_s
        return renewal

    async def hand_over(
        self, lease: Lease, to: Place, ttl_s: float, record: RoomRecord, record_s: float
    ) -> Lease:
        self._check(lease)
        self._rooms.set(lease.room, record, record_s)
        return self._grant(lease.room, to, ttl_s)

    async def release(self, lease: Lease) -> bool:
        owned = self._owned.get(lease.room)
        if owned is None or owned.lease.epoch != lease.epoch:
            return False
        del self._owned[lease.room]
        return True

    async def owner(self, room: RoomId) -> Lease | None:
        owned = self._owned.get(room)
        return owned.lease if owned is not None and owned.until > self._clock() else None

    async def place(self, room: RoomId, here: Place, among: Collection[NodeId], ttl_s: float) -> Place:
        owner = await self.owner(room)
        if owner is not None:
            return Place(owner.node, owner.url)
        before = self._placed.get(room)
        if before is not None and before.node in among:
            return before
        self._placed.set(room, here, ttl_s)
        return here

    async def save_room(self, lease: Lease, record: RoomRecord, ttl_s: float) -> None:
        self._check(lease)
        self._rooms.set(lease.room, record, ttl_s)

    async def load_room(self, room: RoomId) -> RoomRecord | None:
        return self._rooms.get(room)

    async def delete_room(self, lease: Lease) -> None:
        self._check(lease)
        self._rooms.pop(lease.room)

    async def save_session(self, record: SessionRecord, ttl_s: float) -> None:
        self._sessions.set(record.token, record, ttl_s)

    async def find_session(self, token: TokenHash) -> SessionRecord | None:
        return self._sessions.get(token)

    async def drop_session(self, token: TokenHash) -> None:
        self._sessions.pop(token)

    async def announce(self, record: NodeRecord, ttl_s: float) -> None:
        self._nodes.set(record.node, record, ttl_s)

    async def withdraw(self, node: NodeId) -> None:
        self._nodes.pop(node)

    async def nodes(self) -> tuple[NodeRecord, ...]:
        return tuple(sorted(self._nodes.values(), key=lambda record: record.node))

    async def revoke(self, subject: str, ttl_s: float) -> None:
        self._revoked.set(subject, True, ttl_s)

    async def revoked(self, subject: str) -> bool:
        return self._revoked.get(subject) is not None

    def _grant(self, room: RoomId, to: Place, ttl_s: float) -> Lease:
        self._epoch += 1
        lease = Lease(room, to.node, to.url, self._epoch)
        self._owned[room] = _Owned(lease, self._clock() + ttl_s)
        return lease

    def _check(self, lease: Lease) -> None:
        owned = self._owned.get(lease.room)
        if owned is None or owned.lease.epoch != lease.epoch:
            raise Fenced

    def _forget_long_expired(self, now: float) -> None:
        # A lease that ran out may still be renewed by its holder, so it is kept well beyond any pause; a node
        # that neither renews nor releases for an hour is gone.
        if len(self._owned) % 256 == 255:
            self._owned = {room: owned for room, owned in self._owned.items() if owned.until > now - 3600}
