"""Signalling's ticket verifier, made of auth's: the same ticket in the words of the other package."""

import auth
from signalling import Admission, ParticipantId, Private, Role, RoomId, TicketRefused


class Admissions:
    """Implements `signalling.TicketVerifier`."""

    def __init__(self, verifier: auth.TicketVerifier) -> None:
        self._verifier = verifier

    async def verify(self, ticket: str) -> Admission:
        """The ticket's content; from now on it is used. Raises TicketRefused, StoreUnavailable."""
        try:
            checked = await self._verifier.verify(ticket)
        except auth.TicketRefused as refused:
            raise TicketRefused(refused.reason.value) from None
        return Admission(
            room=RoomId(checked.room),
            participant=ParticipantId(checked.participant),
            role=Role(checked.role.value),
            name=Private(checked.name.reveal()),
            admitted=checked.admitted,
            grants=checked.grants,
        )
