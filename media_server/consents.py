"""Consents as participants give them in a call, until the ledger of consents takes this over.

Each word becomes an entry with a hash over what was said, when, by whom and to which text. Nothing keeps them
but the room, while it exists, and the manifest of a recording, which carries the grants that it rests on.
Implements `signalling.Consents`.
"""

import json
import secrets
from collections.abc import Callable
from hashlib import sha256

from signalling import Consent, ConsentId, ConsentKind, ConsentState, ParticipantId, RoomId


class SpokenConsents:
    """`clock_us`: Unix microseconds."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us = clock_us

    async def record(
        self,
        room: RoomId,
        participant: ParticipantId,
        kind: ConsentKind,
        state: ConsentState,
        text_version: str | None,
    ) -> Consent:
        id = ConsentId(secrets.token_urlsafe(16))
        at_us = self._clock_us()
        said: dict[str, str | int | None] = {
            "at_us": at_us,
            "id": id,
            "kind": kind.value,
            "participant": participant,
            "room": room,
            "state": state.value,
            "text_version": text_version,
        }
        return Consent(id, consent_hash(said), participant, kind, state, at_us, text_version)


def consent_hash(said: dict[str, str | int | None]) -> str:
    """SHA-256, hexadecimal, of the entry in canonical JSON: keys sorted, no spaces, UTF-8 unescaped.

    `said`: at_us, id, kind, participant, room, state, text_version; a manifest has all of them.
    """
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(canonical.encode("utf-8")).hexdigest()
