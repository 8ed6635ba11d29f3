"""What signalling needs of tickets: one checked, one made for a room that moves, each used once."""

from dataclasses import dataclass
from typing import Protocol

from signalling.media import ParticipantId, RoomId
from signalling.private import Private
from signalling.views import Role


@dataclass(frozen=True, slots=True)
class Admission:
    """What a valid ticket says. `admitted` False: waits until a doctor admits.

    `jti` is the ticket's id, which is used up on entry; `life_s`: so long it could be shown again. `login`:
    whatever vouches for the bearer, "" when nothing does.
    """

    room: RoomId
    participant: ParticipantId
    role: Role
    name: Private[str]
    admitted: bool
    grants: tuple[str, ...] = ()
    jti: str = ""
    life_s: float = 0.0
    login: str = ""


class Tickets(Protocol):
    def verify(self, ticket: str) -> Admission:
        """The ticket's content; it may have been used before. A doctor's ticket always says admitted.

        Raises TicketRefused (expired, foreign, forged), or NoSuchRoom.
        """
        ...

    def issue(self, admission: Admission) -> str:
        """A fresh ticket that says the same, for somebody whose room goes to another node."""
        ...
