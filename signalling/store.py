"""What nodes share about rooms: who owns one, what became of it, who may resume where. No media, no names.

A node is the only writer of the rooms it owns. It owns one by a lease, which another node may take after it
has run out; each taking has a higher `epoch`, and every write carries its lease, so that a node which slept
through its end (paused, cut off) is fenced: its writes are refused instead of undoing its successor's.

Everything has a life time. Every method may raise StoreUnavailable; then nothing is known to have changed.
Implementations: `memory_rooms` (one node), `redis_rooms` (several); the contract of both is
tests/signalling/test_store_contract.py.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NewType, Protocol

from signalling.consents import Consent
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
class Place:
    """Where a room is, or will be opened by whoever joins it first."""

    node: NodeId
    url: str


class Renewal(Enum):
    """What became of a lease: prolonged; made anew, after it had run out or the store had lost it; or another
    node's, so that its holder has to let go.
    """

    KEPT = "kept"
    RESTORED = "restored"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A participant as far as a successor of the node must know; names stay with the ticket."""

    participant: ParticipantId
    role: Role
    admitted: bool


@dataclass(frozen=True, slots=True)
class RunningRecording:
    """A recording that goes on at the next node: who asked for it, what its recorder calls it, and until when
    (Unix seconds) somebody has to have followed.
    """

    by: ParticipantId
    name: str
    until: float


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """What of a room outlives its node. `admitted`: by a doctor, not by ticket; `removed`: must knock.

    `consents`: what was granted and not withdrawn. `recording`: only of a room that is being handed over.
    """

    room: RoomId
    state: RoomState
    encryption: RoomEncryption
    policy: str
    members: tuple[MemberRecord, ...] = ()
    admitted: frozenset[ParticipantId] = frozenset()
    removed: frozenset[ParticipantId] = frozenset()
    consents: tuple[Consent, ...] = ()
    recording: RunningRecording | None = None


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
    """A running server: where it is, how many participants it serves, why it takes no new rooms if so."""

    node: NodeId
    url: str
    participants: int
    draining: bool = False
    full: bool = False


def revocation_of(consent: Consent) -> str:
    """Under which a consent is revoked that was taken back where its room no longer is."""
    return f"consent:{consent.id}"


class RoomStore(Protocol):
    # Tickets

    async def claim(self, jti: str, ttl_s: float) -> bool:
        """Use a ticket's id up: True the first time, then False for `ttl_s`, by when the ticket is dead."""
        ...

    # Ownership

    async def acquire(self, room: RoomId, node: NodeId, url: str, ttl_s: float) -> Lease:
        """The room's lease: a new one for `node` if nobody holds it, else the one there is, whoever has it.

        A node that holds it already gets its own lease again, prolonged. A new lease has a higher epoch than
        every earlier one of that room, also after an expiry, a release, or a loss of the whole store.
        Raises StoreSettling while a store that was away listens first to those who own rooms.
        """
        ...

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Renewal]:
        """Prolong, also after they ran out or were lost, what nobody took since; in the same order."""
        ...

    async def hand_over(
        self, lease: Lease, to: Place, ttl_s: float, record: RoomRecord, record_s: float
    ) -> Lease:
        """In one step write the record and give the room to another node, which finds the lease its own when
        somebody joins there. Raises Fenced when it is not this lease's to give.
        """
        ...

    async def release(self, lease: Lease) -> bool:
        """Give the room free, if it is still this lease's (compare and delete)."""
        ...

    async def owner(self, room: RoomId) -> Lease | None: ...

    async def place(self, room: RoomId, here: Place, among: Collection[NodeId], ttl_s: float) -> Place:
        """Where the room is; if it is nowhere, where it was placed before, as long as that node is `among`
        the given ones; else it is placed `here`, and stays so for `ttl_s`.
        """
        ...

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

    # Revocations

    async def revoke(self, subject: str, ttl_s: float) -> None:
        """Say to all nodes that what this id names (a session, a token's `jti`) counts no longer."""
        ...

    async def revoked(self, subject: str) -> bool: ...
