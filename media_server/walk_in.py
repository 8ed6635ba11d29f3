"""Tickets without a login, for trying the service out on one's own machine: `POST /v1/walk-in/ticket`."""

import logging
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth import Private, Role, TicketIssuer, new_participant_id
from media_server.browser_rules import check_origin
from media_server.errors import BadBody, BodyNotJson, ForeignOrigin
from media_server.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_ROOM = "demo"
_DEFAULT_NAMES = {Role.PATIENT: "Patient", Role.DOCTOR: "Doctor", Role.GUEST: "Guest"}


class WalkInRequest(BaseModel):
    """Who wants to enter. Unknown members are ignored."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    role: Role
    name: Annotated[str, Field(max_length=200)] | None = None
    room: Annotated[str, Field(max_length=64)] | None = None


class WalkIn:
    """Hands out tickets for any room and role. The settings allow it on loopback only."""

    def __init__(self, settings: Settings, issuer: TicketIssuer) -> None:
        self._settings = settings
        self._issuer = issuer

    async def handle(self, request: web.Request) -> web.Response:
        """`{role, name?, room?}` to `{ticket, url, expires_in, participant}`."""
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
        participant = new_participant_id()
        ticket = self._issuer.issue(
            room=wanted.room or DEFAULT_ROOM,
            role=wanted.role,
            name=Private(wanted.name or _DEFAULT_NAMES[wanted.role]),
            participant=participant,
            admitted=wanted.role is Role.DOCTOR or self._settings.walk_in_admitted,
        )
        log.info("walk_in.ticket", extra={"participant": participant, "role": wanted.role})
        return web.json_response(
            {
                "ticket": ticket,
                "url": f"{'wss' if self._settings.secure else 'ws'}://{request.host}/v1/signal",
                "expires_in": self._issuer.life_s,
                "participant": participant,
            },
            headers={"Cache-Control": "no-store"},
        )
