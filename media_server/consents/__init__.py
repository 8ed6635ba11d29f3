"""The ledger of consents: who agreed to what, under which words, and who took it back. Append-only."""

from media_server.consents.entry import (
    ConsentKind,
    ConsentState,
    Entry,
    Word,
    guest_recipient,
    read_guest_recipient,
)
from media_server.consents.ledger import ChainBroken, Ledger, verify_chains
from media_server.consents.room_consents import RoomConsents

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "Ledger",
    "Entry",
    "Word",
    "ConsentKind",
    "ConsentState",
    "guest_recipient",
    "read_guest_recipient",
    "RoomConsents",
    "verify_chains",
    "ChainBroken",
]
