"""What signalling needs of tickets: one checked and used up, in return for what it says."""

from dataclasses import dataclass
from typing import Protocol

from signalling.media import ParticipantId, RoomId
from signalling.private import Private
from signalling.views import Role


@dataclass(frozen=True, slots=True)
class Admission:
    """What a valid ticket says. `admitted` False: waits until a doctor admits."""

    room: RoomId
    participant: ParticipantId
    role: Role
    name: Private[str]
    admitted: bool
    grants: tuple[str, ...] = ()


class TicketVerifier(Protocol):
    async def verify(self, ticket: str) -> Admission:
        """The ticket's content; from now on it is used. A doctor's ticket always says admitted.

        Raises TicketRefused (expired, used, foreign, forged), NoSuchRoom, or StoreUnavailable when it cannot
        be known whether the ticket was used.
        """
        ...
