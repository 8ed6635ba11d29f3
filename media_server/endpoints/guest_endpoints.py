"""Third parties: an interpreter, a relative, a colleague, invited by the doctor through a link for one
person.

A link lets its bearer into the waiting room only. Into the call they come when the doctor admits them, and
the patient agrees to their presence: see `third_parties`.
"""

import asyncio
import secrets
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Annotated, Protocol

from aiohttp import web
from pydantic import Field, RootModel
from sqlalchemy import insert, select, update

from auth import Operation, Private
from media_server.api import Answer, Call, Endpoint, NotFound, Parameter
from media_server.consultations import Consultation, InvitationRefused, NotInThisState, PutOut
from media_server.endpoints.models import Body, Name, Shown
from media_server.endpoints.services import Services, moment
from media_server.records import AuditEntry, append_audit, reading, tables, writing

LIFE = timedelta(hours=1)
_invitations = tables.invitations
_MOST_OPEN = 5


class Relationship(Enum):
    INTERPRETER = "interpreter"
    RELATIVE = "relative"
    COLLEAGUE = "colleague"


class InvitationState(Enum):
    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


class NewInvitation(Body):
    """Who is to come."""

    label: Relationship


class InvitationMade(Shown):
    """`url` is for one person, once, until `expires_at`; it is not shown again."""

    id: str
    url: str
    expires_at: datetime


class InvitationShown(Shown):
    """`participant`: who came by it."""

    id: str
    label: Relationship
    state: InvitationState
    participant: str | None = None


class InvitationsShown(RootModel[list[InvitationShown]]):
    """All of a consultation, oldest first."""


class Acceptance(Body):
    """`token`: what follows the `#` of the link."""

    token: Annotated[str, Field(min_length=20, max_length=100)]
    name: Name


class Accepted(Shown):
    consultation: str
    csrf_token: str


class GuestSessions(Protocol):
    async def begin_guest(self, guest: str, consultation: str) -> tuple[Private[str], str, int]:
        """(the cookie's value, the CSRF token, seconds that both are good for)."""
        ...

    def set_cookie(self, response: web.Response, cookie: Private[str], life_s: int) -> None: ...


class GuestEndpoints:
    def __init__(self, services: Services, sessions: GuestSessions) -> None:
        self._services = services
        self._sessions = sessions

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/consultations/{consultation}/invitations"
        return (
            Endpoint(
                "POST",
                at,
                Operation.INVITE,
                "A link for one guest, for an hour",
                self._invite,
                body=NewInvitation,
                answer=InvitationMade,
                status=201,
                refusals={409: ("state",), 403: ("invitation",)},
            ),
            Endpoint(
                "GET",
                at,
                Operation.LIST_INVITATIONS,
                "Who was invited, and who came",
                self._list,
                answer=InvitationsShown,
            ),
            Endpoint(
                "DELETE",
                f"{at}/{{invitation}}",
                Operation.REVOKE_INVITATION,
                "Take a link back; whoever came by it is put out",
                self._revoke,
                path_parameters=(Parameter("invitation", "The invitation's id"),),
            ),
            Endpoint(
                "POST",
                "/invitations/accept",
                Operation.ACCEPT_INVITATION,
                "Come by a link: begins a guest's session",
                self._accept,
                body=Acceptance,
                answer=Accepted,
                refusals={403: ("invitation",), 429: ("too-many-requests",)},
            ),
        )

    async def _invite(self, call: Call[NewInvitation]) -> Answer:
        if call.about.state.over:
            raise NotInThisState("the consultation is over")
        token = secrets.token_urlsafe(32)
        id_, expires_us = await asyncio.to_thread(self._write, call, token)
        # After the `#`: browsers send it to nobody, and it is in no log.
        url = f"{self._services.origin}/guest#{token}"
        return Answer(InvitationMade(id=id_, url=url, expires_at=moment(expires_us)), status=201)

    def _write(self, call: Call[NewInvitation], token: str) -> tuple[str, int]:
        services, consultation, now = self._services, call.about, self._services.clock_us()
        id_, expires_us = f"i-{secrets.token_hex(12)}", now + LIFE // timedelta(microseconds=1)
        with writing(services.engine) as connection:
            services.store.get_within(connection, consultation.id, for_update=True)
            earlier = connection.execute(
                select(_invitations.c.id).where(_invitations.c.consultation == consultation.id)
            ).all()
            if len(earlier) >= _MOST_OPEN:
                raise InvitationRefused(f"at most {_MOST_OPEN} invitations to a consultation")
            connection.execute(
                insert(_invitations).values(
                    id=id_,
                    consultation=consultation.id,
                    token_hash=_hash(token),
                    label=call.body.label.value,
                    created_at_us=now,
                    expires_at_us=expires_us,
                )
            )
            services.store.note(connection, consultation, call.who.person, "doctor", "guest.invited")
        return id_, expires_us

    async def _list(self, call: Call[None]) -> Answer:
        return Answer(InvitationsShown(await asyncio.to_thread(self._read, call.about)))

    def _read(self, consultation: Consultation) -> list[InvitationShown]:
        now = self._services.clock_us()
        with reading(self._services.engine) as connection:
            rows = connection.execute(
                select(_invitations)
                .where(_invitations.c.consultation == consultation.id)
                .order_by(_invitations.c.created_at_us)
            ).all()
        return [
            InvitationShown(
                id=row.id,
                label=Relationship(row.label),
                state=_state(row.used_at_us, row.revoked_at_us, row.expires_at_us, now),
                participant=row.participant,
            )
            for row in rows
        ]

    async def _revoke(self, call: Call[None]) -> Answer:
        guest = await asyncio.to_thread(self._take_back, call)
        if guest is not None:
            await self._services.news.tell(PutOut(call.about.id, guest))
        return Answer()

    def _take_back(self, call: Call[None]) -> str | None:
        """Who came by it, as a participant. Raises NotFound."""
        services = self._services
        with writing(services.engine) as connection:
            row = connection.execute(
                select(_invitations.c.participant, _invitations.c.revoked_at_us)
                .where(
                    _invitations.c.id == call.path["invitation"],
                    _invitations.c.consultation == call.about.id,
                )
                .with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFound("there is no such invitation")
            if row.revoked_at_us is None:
                connection.execute(
                    update(_invitations)
                    .where(_invitations.c.id == call.path["invitation"])
                    .values(revoked_at_us=services.clock_us())
                )
                services.store.note(connection, call.about, call.who.person, "doctor", "guest.uninvited")
        participant: str | None = row.participant
        return participant

    async def _accept(self, call: Call[Acceptance]) -> web.Response:
        guest = f"g-{secrets.token_hex(12)}"
        consultation = await asyncio.to_thread(self._use, call.body, guest)
        cookie, csrf, life_s = await self._sessions.begin_guest(guest, consultation)
        accepted = Accepted(consultation=consultation, csrf_token=csrf)
        response = web.Response(
            text=accepted.model_dump_json(),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
        self._sessions.set_cookie(response, cookie, life_s)
        return response

    def _use(self, acceptance: Acceptance, guest: str) -> str:
        """The consultation that the guest may wait for. Raises InvitationRefused, whatever the cause."""
        services, now = self._services, self._services.clock_us()
        refused = InvitationRefused("this link was used, has expired, or was taken back; ask for another")
        with writing(services.engine) as connection:
            row = connection.execute(
                select(_invitations)
                .where(_invitations.c.token_hash == _hash(acceptance.token))
                .with_for_update()
            ).one_or_none()
            state = None
            if row is not None:
                state = _state(row.used_at_us, row.revoked_at_us, row.expires_at_us, now)
            if row is None or state is not InvitationState.OPEN:
                raise refused
            consultation = services.store.get_within(connection, row.consultation)
            if consultation.state.over:
                raise refused
            connection.execute(
                update(_invitations)
                .where(_invitations.c.id == row.id)
                .values(
                    used_at_us=now,
                    participant=services.participant(consultation, guest),
                    sealed=services.keys.seal(_place(row.id), acceptance.name.encode()),
                )
            )
            entry = AuditEntry(now, guest, "guest", "guest.came", subject=consultation.id)
            append_audit(connection, entry)
        return consultation.id


def revoke_invitation(services: Services, invitation: str) -> None:
    """Whoever came by it, or might, gets no ticket any more; blocking."""
    with writing(services.engine) as connection:
        connection.execute(
            update(_invitations)
            .where(_invitations.c.id == invitation, _invitations.c.revoked_at_us.is_(None))
            .values(revoked_at_us=services.clock_us())
        )


def guest_name(services: Services, consultation: Consultation, guest: str) -> Private[str]:
    """As the guest gave it; blocking. Raises InvitationRefused once it was taken back or purged."""
    participant = services.participant(consultation, guest)
    with reading(services.engine) as connection:
        row = connection.execute(
            select(_invitations.c.id, _invitations.c.sealed).where(
                _invitations.c.consultation == consultation.id,
                _invitations.c.participant == participant,
                _invitations.c.revoked_at_us.is_(None),
            )
        ).one_or_none()
    if row is None or row.sealed is None:
        raise InvitationRefused("the invitation was taken back")
    return Private(services.keys.open_sealed(_place(row.id), row.sealed).decode())


def _state(used: int | None, revoked: int | None, expires: int, now: int) -> InvitationState:
    if revoked is not None:
        return InvitationState.REVOKED
    if used is not None:
        return InvitationState.USED
    return InvitationState.OPEN if now < expires else InvitationState.EXPIRED


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _place(id: str) -> str:
    return f"invitations/sealed/{id}"
