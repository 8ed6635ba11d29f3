"""Tickets: short-lived, single-use rights to join one room, as JWT (RFC 7519) signed with EdDSA (RFC 8037).

Pure but for key, clock and random id. Whoever lets the bearer in has to use the ticket's `jti` up, for all
nodes of the service.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth.errors import (
    BadGrant,
    TicketEarly,
    TicketExpired,
    TicketMalformed,
)
from auth.ids import ID, Id, new_participant_id
from auth.keyring import KeyRing
from auth.permissions import Action, Role, grants, may
from auth.private import Private
from auth.tokens import read_token, sign_token

AUDIENCE = "teleconsult.signal"
TICKET_LIFE_S = 60
LEEWAY_S = 3  # clocks of nodes kept by NTP differ by less
LONGEST_TICKET_S = TICKET_LIFE_S + LEEWAY_S

_TYPE = "teleconsult-ticket+jwt"
_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a valid ticket says. Times are Unix seconds.

    `dead_in_s`: from now until no node takes it any more; so long its `jti` must be remembered once used.
    `session`: the login that it was given to, whose end is the bearer's end in the room, too; None: no login.
    """

    room: str
    participant: str
    role: Role
    name: Private[str]
    admitted: bool
    grants: tuple[str, ...]
    jti: str
    expires_at: int
    dead_in_s: float
    session: str | None = None


class _Claims(BaseModel):
    """The payload as it travels; unknown claims are ignored (RFC 7519 §4)."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    sub: Id
    room: Id
    role: str
    name: Annotated[str, Field(min_length=1, max_length=_NAME_CHARACTERS)]
    admitted: bool
    grants: list[Annotated[str, Field(max_length=32)]] = Field(max_length=32)
    jti: Annotated[str, Field(min_length=16, max_length=64)]
    iat: int
    nbf: int
    exp: int
    sid: Id | None = None  # as in OpenID Connect Front-Channel Logout §3


class TicketIssuer:
    """Signs tickets with the ring's newest key."""

    def __init__(
        self, keys: KeyRing, *, life_s: int = TICKET_LIFE_S, clock: Callable[[], float] = time.time
    ) -> None:
        if not 0 < life_s <= TICKET_LIFE_S:
            raise ValueError(f"a ticket lives 1 to {TICKET_LIFE_S} s")
        self._keys = keys
        self._clock = clock
        self.life_s = life_s

    def issue(
        self,
        *,
        room: str,
        role: Role,
        name: Private[str],
        participant: str | None = None,
        admitted: bool = True,
        session: str | None = None,
    ) -> str:
        """One ticket, valid from now for `life_s`. `participant`: a returning person's id, None for a new
        one; `session`: the login that asks for it.

        Raises BadGrant for ids or names out of bounds, and for a waiting ticket in a role that never waits.
        """
        if not ID.fullmatch(room):
            raise BadGrant(
                "a room id is 1 to 64 letters, digits and . _ ~ -, and begins with a letter or digit"
            )
        participant = new_participant_id() if participant is None else participant
        if not ID.fullmatch(participant):
            raise BadGrant("a participant id is 1 to 64 letters, digits and . _ ~ -")
        if not admitted and may(role, Action.ENTER_UNASKED):
            raise BadGrant(f"a {role.value} never waits to be admitted")
        now = int(self._clock())
        claims: dict[str, object] = {
            "sub": participant,
            "room": room,
            "role": role.value,
            "name": shown_name(name),
            "admitted": admitted,
            "grants": list(grants(role)),
            "jti": secrets.token_urlsafe(18),
            "iat": now,
            "nbf": now,
            "exp": now + self.life_s,
        }
        if session is not None:
            claims["sid"] = session
        return sign_token(self._keys, claims, audience=AUDIENCE, type_=_TYPE)


def shown_name(name: Private[str]) -> str:
    """The name as others will see it: white space made single, bounded. Raises BadGrant (without quoting
    it).
    """
    text = " ".join(name.reveal().split())
    # Beside control characters this refuses the bidirectional overrides, which make one name read as another.
    if not text or len(text) > _NAME_CHARACTERS or not text.isprintable():
        raise BadGrant(f"a name is 1 to {_NAME_CHARACTERS} printable characters")
    return text


class TicketVerifier:
    """Checks tickets; any number of times."""

    def __init__(self, keys: KeyRing, *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def verify(self, ticket: str) -> Ticket:
        """The ticket's content. Raises a TicketRefused."""
        claims = self._authentic(ticket)
        now = self._clock()
        if now < claims.nbf - LEEWAY_S:
            raise TicketEarly
        if now >= claims.exp + LEEWAY_S:
            raise TicketExpired
        return _content(claims, now)

    def _authentic(self, ticket: str) -> _Claims:
        """The claims, once key, algorithm, type, signature, audience and issuer are right; time is not
        looked at.
        """
        payload = read_token(self._keys, ticket, audience=AUDIENCE, type_=_TYPE)
        try:
            return _Claims.model_validate(payload)
        except ValidationError:
            raise TicketMalformed from None


def _content(claims: _Claims, now: float) -> Ticket:
    """What the claims mean. Raises TicketMalformed for what we would not have signed."""
    try:
        role = Role(claims.role)
    except ValueError:
        raise TicketMalformed from None
    # A longer life than ours would outlive its key, and its mark in the store of used ids.
    if not claims.iat <= claims.nbf <= claims.exp <= claims.iat + TICKET_LIFE_S:
        raise TicketMalformed
    if not claims.admitted and may(role, Action.ENTER_UNASKED):
        raise TicketMalformed
    return Ticket(
        room=claims.room,
        participant=claims.sub,
        role=role,
        name=Private(claims.name),
        admitted=claims.admitted,
        grants=tuple(claims.grants),
        jti=claims.jti,
        expires_at=claims.exp,
        dead_in_s=claims.exp + LEEWAY_S - now,
        session=claims.sid,
    )
