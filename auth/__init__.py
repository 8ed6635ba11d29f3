"""Identity: keys, tickets, permissions. Knows no media and nothing of a room's inside."""

from auth.errors import (
    AuthError,
    BadGrant,
    KeysUnusable,
    Refusal,
    TicketEarly,
    TicketExpired,
    TicketForeign,
    TicketForged,
    TicketMalformed,
    TicketRefused,
)
from auth.ids import new_participant_id
from auth.keyring import Key, KeyRing, KeyState, Kid
from auth.permissions import Action, Role, grants, may
from auth.private import Private
from auth.reentry import REENTRY_LIFE_S, Reentries
from auth.tickets import (
    AUDIENCE,
    LEEWAY_S,
    LONGEST_TICKET_S,
    TICKET_LIFE_S,
    Ticket,
    TicketIssuer,
    TicketVerifier,
    shown_name,
)
from auth.tokens import ISSUER

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "Private",
    "Role",
    "Action",
    "may",
    "grants",
    "KeyRing",
    "Key",
    "Kid",
    "KeyState",
    "TicketIssuer",
    "TicketVerifier",
    "Ticket",
    "new_participant_id",
    "shown_name",
    "Reentries",
    "REENTRY_LIFE_S",
    "AUDIENCE",
    "ISSUER",
    "TICKET_LIFE_S",
    "LEEWAY_S",
    "LONGEST_TICKET_S",
    "AuthError",
    "KeysUnusable",
    "BadGrant",
    "TicketRefused",
    "Refusal",
    "TicketMalformed",
    "TicketForged",
    "TicketForeign",
    "TicketExpired",
    "TicketEarly",
]
