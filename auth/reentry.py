"""Reentry: who proves to have been a participant of a room comes back as the same one, not as a twin.

For entrances without a login, where nothing else tells that a page which was loaded again is the same person.
It is no right to enter: it only chooses the participant id of a ticket that one gets in any case. It may be
used often and is kept in the page; in no URL and no log.
"""

import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, ValidationError

from auth.errors import TicketRefused
from auth.ids import Id
from auth.keyring import KeyRing
from auth.permissions import Role
from auth.tokens import read_token, sign_token

REENTRY_LIFE_S = 2 * 3600
"""Longer than a consultation. Rotating the keys may end it sooner; one is a new participant then."""

_AUDIENCE = "teleconsult.reentry"
_TYPE = "teleconsult-reentry+jwt"


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    sub: Id
    room: Id
    role: str
    iat: int
    exp: int


class Reentries:
    """Gives reentries out and reads them again."""

    def __init__(self, keys: KeyRing, *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def issue(self, *, room: str, role: Role, participant: str) -> str:
        """For a participant of whom a ticket was issued just now, so that the ids are known to be good."""
        now = int(self._clock())
        claims = {
            "sub": participant,
            "room": room,
            "role": role.value,
            "iat": now,
            "exp": now + REENTRY_LIFE_S,
        }
        return sign_token(self._keys, claims, audience=_AUDIENCE, type_=_TYPE)

    def participant(self, value: str, *, room: str, role: Role) -> str | None:
        """Who comes back to this room in this role; None when `value` does not say so, for any reason."""
        try:
            claims = _Claims.model_validate(read_token(self._keys, value, audience=_AUDIENCE, type_=_TYPE))
        except (TicketRefused, ValidationError):
            return None
        if self._clock() >= claims.exp or (claims.room, claims.role) != (room, role.value):
            return None
        return claims.sub
