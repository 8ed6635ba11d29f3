"""Sessions as tokens: who is logged in, in which role, until when; a JWT signed with EdDSA, as tickets are.

A page's cookie holds one for the session's whole life. An app gets one for ten minutes at a time, and a
refresh token for the next (`session_refresh`). A token alone lets nobody in: whoever takes it asks the
records whether its session still stands, so that a revocation holds at once. It names our own ids and nothing
else: no number, no name.
"""

import hmac
import re
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Final, NewType

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth.errors import (
    BadGrant,
    SessionRefusal,
    SessionRefused,
    TicketForeign,
    TicketForged,
    TicketRefused,
)
from auth.ids import ID, Id
from auth.keyring import KeyRing
from auth.permissions import Role
from auth.private import Private
from auth.tickets import LEEWAY_S
from auth.tokens import read_token, sign_token

SessionId = NewType("SessionId", str)
PersonId = NewType("PersonId", str)
"""A patient's, a doctor's or a guest's; minted by us, says nothing of the person."""

SESSION_LIFE_S: Final[Mapping[Role, int]] = MappingProxyType(
    {
        Role.PATIENT: 4 * 3600,  # questions, waiting, the call
        Role.DOCTOR: 12 * 3600,  # a shift
        Role.GUEST: 2 * 3600,
    }
)
ACCESS_LIFE_S: Final = 600
LONGEST_SESSION_S: Final = max(SESSION_LIFE_S.values()) + LEEWAY_S
"""So long may a token of a session be good; the key ring has to keep its keys as long."""

_AUDIENCE = "teleconsult.session"
_TYPE = "teleconsult-session+jwt"
_MOST_SEEN = 10_000  # some 5 MB
_CSRF = re.compile(r"[A-Za-z0-9_-]{43}")


class SessionKind(Enum):
    """How the token travels: in a cookie, or in `Authorization: Bearer` (RFC 6750 §2.1)."""

    PAGE = "page"
    APP = "app"


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a token says. Times are Unix seconds."""

    session: SessionId
    person: PersonId
    role: Role
    kind: SessionKind
    expires_at: int


class _Claims(BaseModel):
    """The payload as it travels; unknown claims are ignored (RFC 7519 §4)."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    sub: Id
    sid: Id
    role: str
    kind: Annotated[str, Field(max_length=8)]
    iat: int
    exp: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A token whose signature was right."""

    claims: SessionClaims
    issued_at: int
    kid: str


def new_session_id() -> SessionId:
    """96 random bits."""
    return SessionId(f"s-{secrets.token_hex(12)}")


class SessionTokens:
    """Signs sessions' tokens and reads them again; on any thread."""

    def __init__(self, keys: KeyRing, *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def issue(
        self, *, session: SessionId, person: PersonId, role: Role, kind: SessionKind, ends_at: float
    ) -> tuple[Private[str], SessionClaims]:
        """A token valid from now: for a page until the session ends, for an app ten minutes at most.

        Raises BadGrant for ids out of bounds and for a session that has ended or would last too long.
        """
        if not (ID.fullmatch(session) and ID.fullmatch(person)):
            raise BadGrant("ids are 1 to 64 letters, digits and . _ ~ -")
        now = int(self._clock())
        if not now < ends_at <= now + SESSION_LIFE_S[role] + LEEWAY_S:
            raise BadGrant(f"a {role.value}'s session lasts at most {SESSION_LIFE_S[role]} s")
        longest = ACCESS_LIFE_S if kind is SessionKind.APP else SESSION_LIFE_S[role]
        claims = SessionClaims(session, person, role, kind, min(int(ends_at), now + longest))
        payload = {
            "sub": claims.person,
            "sid": claims.session,
            "role": claims.role.value,
            "kind": claims.kind.value,
            "iat": now,
            "exp": claims.expires_at,
        }
        return Private(sign_token(self._keys, payload, audience=_AUDIENCE, type_=_TYPE)), claims

    def read(self, token: str) -> SessionClaims:
        """What an authentic token says that is valid now. Raises SessionRefused."""
        claims, issued_at = self._authentic(token)
        now = self._clock()
        if now < issued_at - LEEWAY_S:
            raise SessionRefused(SessionRefusal.EARLY)
        if now >= claims.expires_at:
            raise SessionRefused(SessionRefusal.EXPIRED)
        return claims

    def _authentic(self, token: str) -> tuple[SessionClaims, int]:
        """The claims and when they were made; the clock is not looked at.

        The same token comes with every request, and its signature is right each time: it is looked at once,
        which saves most of what a request would cost. Its key is asked for every time.
        """
        seen = self._seen.get(token)
        if seen is not None and self._keys.verifying_key(seen.kid) is not None:
            return seen.claims, seen.issued_at
        claims, issued_at = self._verified(token)
        kid = jwt.get_unverified_header(token)["kid"]
        with self._lock:
            while len(self._seen) >= _MOST_SEEN:
                del self._seen[next(iter(self._seen))]  # the oldest
            self._seen[token] = _Seen(claims, issued_at, kid)
        return claims, issued_at

    def _verified(self, token: str) -> tuple[SessionClaims, int]:
        try:
            payload = read_token(self._keys, token, audience=_AUDIENCE, type_=_TYPE)
            claims = _Claims.model_validate(payload)
            role, kind = Role(claims.role), SessionKind(claims.kind)
        except TicketForged:
            raise SessionRefused(SessionRefusal.FORGED) from None
        except TicketForeign:
            raise SessionRefused(SessionRefusal.FOREIGN) from None
        except (TicketRefused, ValidationError, ValueError):
            raise SessionRefused(SessionRefusal.MALFORMED) from None
        # A longer life than ours would outlive its key.
        if not claims.iat < claims.exp <= claims.iat + SESSION_LIFE_S[role]:
            raise SessionRefused(SessionRefusal.MALFORMED)
        content = SessionClaims(SessionId(claims.sid), PersonId(claims.sub), role, kind, claims.exp)
        return content, claims.iat


def csrf_token(token: str) -> str:
    """What a page sends back in `X-CSRF-Token` to show that it could read our answer, 43 characters.

    Derived from the cookie's own content: bound to the session, nothing to store, and of no use in learning
    the cookie, which scripts cannot read. Another site's page can make a browser send the cookie, yet has
    neither. (OWASP, Cross-Site Request Forgery Prevention: a token bound to the session by an HMAC.)
    """
    digest = hmac.digest(token.encode(), b"teleconsult.csrf", "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def csrf_matches(token: str, sent: str) -> bool:
    """Whether `sent` is the CSRF token of the session token; takes as long whatever is wrong with it."""
    return _CSRF.fullmatch(sent) is not None and hmac.compare_digest(csrf_token(token), sent)
