"""What nodes share about rooms: who owns one, what became of it, who may resume where. No media, no names.

A node is the only writer of the rooms it owns. It owns one by a lease, which another node may take after it
has run out; each taking has a higher `epoch`, and every write carries its lease, so that a node which slept
through its end (paused, cut off) is fenced: its writes are refused instead of undoing its successor's.

Everything has a life time. Every method may raise StoreUnavailable; then nothing is known to have changed.
Implementations: `memory_rooms` (one node); the contract is tests/signalling/test_store_contract.py.
"""

from dataclasses import dataclass
from typing import NewType, Protocol

from signalling.media import ParticipantId, RoomId
from signalling.session import SessionId, TokenHash
from signalling.views import Role, RoomEncryption, RoomState

NodeId = NewType("NodeId", str)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who owns a room. `url` is where that node's signalling is reached."""

    room: RoomId
    node: NodeId
    url: str
    epoch: int


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A participant as far as a successor of the node must know; names stay with the ticket."""

    participant: ParticipantId
    role: Role
    admitted: bool


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """What of a room outlives its node. `admitted`: by a doctor, not by ticket; `removed`: must knock."""

    room: RoomId
    state: RoomState
    encryption: RoomEncryption
    policy: str
    members: tuple[MemberRecord, ...] = ()
    admitted: frozenset[ParticipantId] = frozenset()
    removed: frozenset[ParticipantId] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Where a resume token belongs. The token itself is never stored."""

    token: TokenHash
    session: SessionId
    room: RoomId
    participant: ParticipantId
    node: NodeId


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A running server: where it is, how many participants it serves, whether it takes new rooms."""

    node: NodeId
    url: str
    participants: int
    draining: bool


class RoomStore(Protocol):
    # Tickets

    async def claim(self, jti: str, ttl_s: float) -> bool:
        """Use a ticket's id up: True the first time, then False for `ttl_s`, by when the ticket is dead."""
        ...

    # Ownership

    async def acquire(self, room: RoomId, node: NodeId, url: str, ttl_s: float) -> Lease:
        """The room's lease: a new one for `node` if nobody holds it, else the one there is, whoever has it.

        A node that holds it already gets its own lease again, prolonged. A new lease has a higher epoch than
        every earlier one of that room, also after an expiry or a release.
        """
        ...

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """Prolong. Also after it ran out, if nobody took the room since; False: another has it, let go."""
        ...

    async def release(self, lease: Lease) -> bool:
        """Give the room free, if it is still this lease's (compare and delete)."""
        ...

    async def owner(self, room: RoomId) -> Lease | None: ...

    # Rooms

    async def save_room(self, lease: Lease, record: RoomRecord, ttl_s: float) -> None:
        """Raises Fenced unless `lease` is the room's newest; run out is no matter if nobody took it since."""
        ...

    async def load_room(self, room: RoomId) -> RoomRecord | None: ...

    async def delete_room(self, lease: Lease) -> None:
        """Forget the record; the lease stays. Raises Fenced as `save_room` does. Idempotent."""
        ...

    # Sessions

    async def save_session(self, record: SessionRecord, ttl_s: float) -> None: ...

    async def find_session(self, token: TokenHash) -> SessionRecord | None: ...

    async def drop_session(self, token: TokenHash) -> None:
        """Idempotent."""
        ...

    # Nodes

    async def announce(self, record: NodeRecord, ttl_s: float) -> None:
        """A heartbeat: the node is there, as the record says, for `ttl_s`."""
        ...

    async def withdraw(self, node: NodeId) -> None:
        """Idempotent."""
        ...

    async def nodes(self) -> tuple[NodeRecord, ...]:
        """Those announced and not expired, by id."""
        ...
