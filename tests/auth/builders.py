"""A hand-turned clock, and a ring in a folder of its own."""

from pathlib import Path
from typing import Any

import jwt

from auth import LONGEST_TICKET_S, KeyRing

NOON = 1_800_000_000.0


class HandClock:
    """Unix time that moves when told."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def a_ring(folder: Path, clock: HandClock) -> KeyRing:
    return KeyRing.open(folder / "keys", longest_life_s=LONGEST_TICKET_S, clock=clock)


def content_of(ticket: str) -> dict[str, Any]:
    """The claims, unverified."""
    return jwt.decode(ticket, options={"verify_signature": False})


def resigned(ticket: str, ring: KeyRing, *, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """The same ticket with other claims, signed again with the ring's own key; None removes a claim."""
    key = ring.signing_key()
    claims = {k: v for k, v in (content_of(ticket) | changed).items() if v is not None}
    headers = {"kid": key.kid, "typ": jwt.get_unverified_header(ticket)["typ"]} | (header or {})
    return jwt.encode(claims, key.private, "EdDSA", headers=headers)
