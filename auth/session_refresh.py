"""Refresh tokens: opaque, used once each, and a used one that comes back ends the session (RFC 9700 §4.14.2).

`SESSION.SECRET.MARK`: the secret is 256 bits, the records hold its token's SHA-256 alone. The mark is ours,
so that any token we ever gave out for a session is told from a guess: an old one, of whatever generation, is
then known to have been copied, while nobody ends another's session by inventing tokens for it.

The next token is derived from the one it replaces, with a key that only our nodes have. So the same question
has the same answer: an app whose answer was lost may ask once more within `GRACE_S` and stays logged in.
RFC 9700 knows no such grace. What it costs: a thief who uses a token within those seconds after its owner
did gets the same successor, and is found out one rotation later, when one of the two comes second with it. A
thief who comes later, or first and is then followed by the owner after the grace, is found out at once. What
it spares: patients losing their session in the middle of a consultation to one lost packet, on networks
where that happens all the time.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final

from auth.errors import SessionRefusal, SessionRefused
from auth.ids import ID
from auth.private import Private
from auth.sessions import SessionId

GRACE_S: Final = 10.0

KeyedHash = Callable[[str, str], bytes]
"""Of a kind and a value, 32 bytes that only our nodes can compute."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_MARK = re.compile(r"[A-Za-z0-9_-]{22}")


class Verdict(Enum):
    """What is to be done with a refresh token of ours."""

    ROTATE = "rotate"
    REPEAT = "repeat"  # the answer of just now, once more
    REUSED = "reused"  # somebody has a copy: the session ends


@dataclass(frozen=True, slots=True)
class RefreshState:
    """What the records hold of a session's refresh tokens. Unix seconds."""

    current_hash: bytes
    previous_hash: bytes | None = None
    refreshed_at: float | None = None

    def judge(self, token_hash: bytes, now: float) -> Verdict:
        """Of an authentic token of this session."""
        if hmac.compare_digest(token_hash, self.current_hash):
            return Verdict.ROTATE
        # Absolute: the other node's clock may be a little ahead.
        just_now = self.refreshed_at is not None and abs(now - self.refreshed_at) < GRACE_S
        previous = self.previous_hash or b""
        if just_now and hmac.compare_digest(token_hash, previous):
            return Verdict.REPEAT
        return Verdict.REUSED

    def rotated(self, successor_hash: bytes, now: float) -> "RefreshState":
        return RefreshState(successor_hash, self.current_hash, now)


class RefreshTokens:
    """Makes refresh tokens and recognises them."""

    def __init__(self, keyed_hash: KeyedHash) -> None:
        self._keyed_hash = keyed_hash

    def first(self, session: SessionId) -> Private[str]:
        return self._token(session, secrets.token_bytes(32))

    def successor(self, token: Private[str]) -> Private[str]:
        """The token that replaces an authentic one; always the same."""
        text = token.reveal()
        return self._token(self.session_of(token), self._keyed_hash("refresh-successor", text))

    def session_of(self, token: Private[str]) -> SessionId:
        """The session that the token was given out for. Raises SessionRefused for what we never gave out."""
        session, secret, mark = ["", "", "", *token.reveal().rsplit(".", 2)][-3:]
        if not (ID.fullmatch(session) and _SECRET.fullmatch(secret) and _MARK.fullmatch(mark)):
            raise SessionRefused(SessionRefusal.MALFORMED)
        if not hmac.compare_digest(mark, self._mark(session, secret)):
            raise SessionRefused(SessionRefusal.FORGED)
        return SessionId(session)

    def _token(self, session: SessionId, secret: bytes) -> Private[str]:
        text = _base64url(secret)
        return Private(f"{session}.{text}.{self._mark(session, text)}")

    def _mark(self, session: str, secret: str) -> str:
        return _base64url(self._keyed_hash("refresh-mark", f"{session}.{secret}")[:16])


def refresh_hash(token: Private[str]) -> bytes:
    """What the records hold instead of the token; 256 random bits need no slow hash."""
    return sha256(token.reveal().encode()).digest()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
