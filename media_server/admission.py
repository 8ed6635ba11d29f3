"""Signalling's ticket verifier, made of auth's: the same ticket in the words of the other package."""

import time

import auth
from media_server.metrics import Metrics
from signalling.errors import TicketRefused
from signalling.media import ParticipantId, RoomId
from signalling.private import Private
from signalling.tickets import Admission
from signalling.views import Role


class Admissions:
    """Implements `signalling.TicketVerifier`."""

    def __init__(self, verifier: auth.TicketVerifier, metrics: Metrics) -> None:
        self._verifier = verifier
        self._metrics = metrics

    async def verify(self, ticket: str) -> Admission:
        """The ticket's content; from now on it is used. Raises TicketRefused, StoreUnavailable."""
        started = time.perf_counter()
        try:
            checked = await self._verifier.verify(ticket)
        except auth.TicketRefused as refused:
            self._metrics.ticket_refused(refused.reason)
            raise TicketRefused(refused.reason.value) from None
        self._metrics.join_step("ticket", time.perf_counter() - started)
        return Admission(
            room=RoomId(checked.room),
            participant=ParticipantId(checked.participant),
            role=Role(checked.role.value),
            name=Private(checked.name.reveal()),
            admitted=checked.admitted,
            grants=checked.grants,
        )
