"""What goes wrong in identity, split by whose fault it is."""

from enum import Enum
from typing import ClassVar


class AuthError(Exception):
    """Base of all that auth raises on purpose. Its text never holds a token, a name or a key."""


class KeysUnusable(AuthError):
    """The key folder cannot be read, written or trusted; the operator has to act."""


class BadGrant(AuthError, ValueError):
    """Somebody asked us to sign a right that the rules do not know, or a field that is out of bounds."""


class Refusal(Enum):
    """Why a ticket was refused: a closed set, fit for a metric's label."""

    MALFORMED = "malformed"
    FORGED = "forged"
    FOREIGN = "foreign"
    EXPIRED = "expired"
    EARLY = "early"
    REUSED = "reused"


class TicketRefused(AuthError):
    """The ticket gives no right to enter. `reason` is for metrics; the peer learns only "refused"."""

    reason: ClassVar[Refusal]

    def __init__(self) -> None:
        super().__init__(f"ticket refused: {self.reason.value}")


class TicketMalformed(TicketRefused):
    """Not a ticket: not a JWT, without key id, with missing, mistyped or impossible claims."""

    reason = Refusal.MALFORMED


class TicketForged(TicketRefused):
    """It names one of our keys, yet another algorithm or another key made its signature."""

    reason = Refusal.FORGED


class TicketForeign(TicketRefused):
    """Made for or by somebody else: another audience, another issuer, or a key not (or no longer) ours."""

    reason = Refusal.FOREIGN


class TicketExpired(TicketRefused):
    """Its time has passed."""

    reason = Refusal.EXPIRED


class TicketEarly(TicketRefused):
    """Its time has not come: a clock differs by more than the leeway."""

    reason = Refusal.EARLY


class TicketReused(TicketRefused):
    """It has already let somebody in."""

    reason = Refusal.REUSED


class SessionRefusal(Enum):
    """Why a session's token was refused: a closed set, fit for a metric's label."""

    MALFORMED = "malformed"
    FORGED = "forged"
    FOREIGN = "foreign"
    EXPIRED = "expired"
    EARLY = "early"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    REUSED = "reused"


class SessionRefused(AuthError):
    """Nobody is logged in by this token. `reason` is for metrics; the bearer learns only "not logged in"."""

    def __init__(self, reason: SessionRefusal) -> None:
        super().__init__(f"session refused: {reason.value}")
        self.reason = reason
