"""The ledger as signalling asks for it: what participants say in a room of being recorded."""

import asyncio

import signalling
from media_server.consents.entry import ConsentKind, ConsentState, Entry, Word
from media_server.consents.ledger import Ledger
from media_server.records import RecordsUnusable


class RoomConsents:
    """Implements `signalling.Consents`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def record(
        self,
        room: signalling.RoomId,
        participant: signalling.ParticipantId,
        kind: signalling.ConsentKind,
        state: signalling.ConsentState,
        text_version: str | None,
    ) -> signalling.Consent:
        word = Word(
            consultation=room,
            participant=participant,
            kind=ConsentKind(kind.value),
            state=ConsentState(state.value),
            actor=participant,
            role="participant",
            text_version=text_version,
        )
        try:
            # A thread that was begun goes on when we are cancelled: its word is then written, and known when
            # the same is asked again.
            return for_room(await asyncio.to_thread(self._ledger.append, word))
        except RecordsUnusable as error:
            raise signalling.ConsentsUnavailable from error


def for_room(entry: Entry) -> signalling.Consent:
    """In signalling's words."""
    return signalling.Consent(
        id=signalling.ConsentId(entry.id),
        hash=entry.hash,
        participant=signalling.ParticipantId(entry.word.participant),
        kind=signalling.ConsentKind(entry.word.kind.value),
        state=signalling.ConsentState(entry.word.state.value),
        at_us=entry.at_us,
        text_version=entry.word.text_version,
    )
