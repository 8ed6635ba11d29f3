"""Signalling's tickets, made of auth's: the same in the words of the other package."""

import auth
from signalling import Admission, ParticipantId, Private, Role, RoomId, TicketRefused


class Admissions:
    """Implements `signalling.Tickets`."""

    def __init__(self, verifier: auth.TicketVerifier, issuer: auth.TicketIssuer) -> None:
        self._verifier = verifier
        self._issuer = issuer

    def verify(self, ticket: str) -> Admission:
        """The ticket's content. Raises TicketRefused."""
        try:
            checked = self._verifier.verify(ticket)
        except auth.TicketRefused as refused:
            raise TicketRefused(refused.reason.value) from None
        return Admission(
            room=RoomId(checked.room),
            participant=ParticipantId(checked.participant),
            role=Role(checked.role.value),
            name=Private(checked.name.reveal()),
            admitted=checked.admitted,
            grants=checked.grants,
            jti=checked.jti,
            life_s=checked.dead_in_s,
            login=checked.session or "",
        )

    def issue(self, admission: Admission) -> str:
        return self._issuer.issue(
            room=admission.room,
            role=auth.Role(admission.role.value),
            name=auth.Private(admission.name.reveal()),
            participant=admission.participant,
            admitted=admission.admitted,
            session=admission.login or None,
        )
