"""What logging in needs from the sessions: the Protocol that they fill in, and the values that pass.

itsme tells who somebody is. Whether that person is known here, and what their session looks like, is for
whoever implements `Sessions`; nothing of itsme's travels beyond `VerifiedIdentity`.
"""

from dataclasses import dataclass
from typing import Protocol

from auth import Private, Role, SessionId, SessionKind, VerifiedIdentity


class LoginNotAllowed(Exception):
    """Base of why somebody whom itsme vouches for gets no session; the browser is told `refused`."""


class NotKnown(LoginNotAllowed):
    """Nobody of this role is registered here by that identity: a doctor who is not in the registry."""


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """A session that has begun. `cookie` is what a page's session cookie holds for `life_s` seconds; an app
    has none, and asks for its tokens with `session`.
    """

    session: SessionId
    cookie: Private[str] | None
    life_s: int


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What an app gets. `expires_in_s` is the access token's life."""

    access_token: Private[str]
    refresh_token: Private[str]
    expires_in_s: int


class Sessions(Protocol):
    """Any of these may raise StoreUnavailable and RecordsUnusable."""

    async def log_in(self, identity: VerifiedIdentity, role: Role, kind: SessionKind) -> SessionGrant:
        """Begin a session of this person. Raises LoginNotAllowed."""

    async def tokens_for(self, session: SessionId) -> TokenGrant:
        """The first tokens of an app's session; asked for once. Raises SessionRefused."""

    async def refresh(self, refresh_token: Private[str]) -> TokenGrant:
        """New tokens; the refresh token is used up. Raises SessionRefused."""
