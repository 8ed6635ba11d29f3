"""Tickets without a login, for trying the service out on one's own machine: `POST /v1/walk-in/ticket`."""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth import Private, Reentries, Role, TicketIssuer, new_participant_id
from media_server.browser_rules import check_origin
from media_server.errors import BadBody, BodyNotJson, ForeignOrigin
from media_server.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_ROOM = "demo"
_DEFAULT_NAMES = {Role.PATIENT: "Patient", Role.DOCTOR: "Doctor", Role.GUEST: "Guest"}


class WalkInRequest(BaseModel):
    """Who wants to enter; `reentry` is an earlier answer's, so as to be the same participant as then. Unknown
    members are ignored.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    role: Role
    name: Annotated[str, Field(max_length=200)] | None = None
    room: Annotated[str, Field(max_length=64)] | None = None
    reentry: Annotated[str, Field(max_length=4096)] | None = None


class WalkIn:
    """Hands out tickets for any room and role. The settings allow it on loopback only."""

    def __init__(
        self,
        settings: Settings,
        issuer: TicketIssuer,
        reentries: Reentries,
        place: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        """`place` finds the URL of the node for a room; None: there is only this one, by whatever name the
        page came.
        """
        self._settings = settings
        self._issuer = issuer
        self._reentries = reentries
        self._place = place

    async def handle(self, request: web.Request) -> web.Response:
        """`{role, name?, room?, reentry?}` to `{ticket, url, expires_in, participant, reentry}`."""
        check_origin(request, self._settings)
        # A form of another site can send neither this type nor, in browsers of today, an unmarked request.
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise ForeignOrigin("walk-in tickets are for our own pages")
        if request.content_type != "application/json":
            raise BodyNotJson("send Content-Type: application/json")
        try:
            wanted = WalkInRequest.model_validate_json(await request.read())
        except ValidationError:
            raise BadBody("give role patient, doctor or guest, and optionally name and room") from None
        room, role = wanted.room or DEFAULT_ROOM, wanted.role
        # A page that was loaded again takes its old place (which is then closed with 4409): else a frozen
        # twin of the person would stay until nobody resumes it.
        before = self._reentries.participant(wanted.reentry, room=room, role=role) if wanted.reentry else None
        participant = before or new_participant_id()
        ticket = self._issuer.issue(
            room=room,
            role=role,
            name=Private(wanted.name or _DEFAULT_NAMES[role]),
            participant=participant,
            admitted=role is Role.DOCTOR or self._settings.walk_in_admitted,
        )
        log.info(
            "walk_in.ticket", extra={"participant": participant, "role": role, "again": before is not None}
        )
        return web.json_response(
            {
                "ticket": ticket,
                "url": await self._place(room) if self._place else self._own_url(request),
                "expires_in": self._issuer.life_s,
                "participant": participant,
                "reentry": self._reentries.issue(room=room, role=role, participant=participant),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _own_url(self, request: web.Request) -> str:
        return f"{'wss' if self._settings.secure else 'ws'}://{request.host}/v1/signal"
