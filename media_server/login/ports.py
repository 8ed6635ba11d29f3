"""What logging in needs from the sessions: the Protocol that they fill in, and the values that pass.

itsme tells who somebody is. Whether that person is known here, and what a session of theirs looks like, is for
whoever implements `Sessions`; nothing of itsme's travels beyond `VerifiedIdentity`.
"""

from dataclasses import dataclass
from typing import NewType, Protocol

from auth import Private, Role, VerifiedIdentity

SessionId = NewType("SessionId", str)
"""Of a session, minted by the sessions; says nothing of the person. Travels from `log_in` to `tokens_for`."""


class LoginNotAllowed(Exception):
    """Base of why somebody whom itsme vouches for gets no session; the page is told `refused`."""


class NotKnown(LoginNotAllowed):
    """Nobody of this role is registered here by that identity: a doctor who is not in the registry."""


class TokensRefused(Exception):
    """The session or the refresh token is unknown, over or used up: the app has to log in anew."""


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """A session that has begun. `cookie` is what a page's session cookie holds, for `life_s` seconds."""

    session: SessionId
    cookie: Private[str]
    life_s: int


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What an app gets. `expires_in_s` is the access token's life."""

    access_token: Private[str]
    refresh_token: Private[str]
    expires_in_s: int


class Sessions(Protocol):
    async def log_in(self, identity: VerifiedIdentity, role: Role) -> SessionGrant:
        """Begin a session of this person. Raises LoginNotAllowed."""

    async def tokens_for(self, session: SessionId) -> TokenGrant:
        """The first tokens of a session that `log_in` began for an app. Raises TokensRefused."""

    async def refresh(self, refresh_token: Private[str]) -> TokenGrant:
        """New tokens; the refresh token is used up. Raises TokensRefused."""
