"""`POST /v1/auth/logout`: the session ends on all nodes, and the page's cookie goes."""

import asyncio

from aiohttp import web

from auth import PersonId, Role, SessionId
from media_server.api import Callers
from media_server.people import Doctors
from media_server.sessions.cookie import clear_session_cookie
from media_server.sessions.store import SessionStore


def add_logout_route(
    router: web.UrlDispatcher, callers: Callers, store: SessionStore, doctors: Doctors, *, secure: bool
) -> None:
    def end(session: SessionId, person: PersonId, role: Role) -> None:
        store.revoke(session, "logout")
        # Nobody waits for a doctor who has left; one who is still there with another device stays.
        if role is Role.DOCTOR and not store.standing_of(person):
            doctors.go_off_duty(person)

    async def logout(request: web.Request) -> web.Response:
        """204 also for a page that was logged in no longer: what it wanted is so."""
        caller = await callers.caller(request)
        if caller is not None:
            await asyncio.to_thread(end, SessionId(caller.session), PersonId(caller.person), caller.role)
        response = web.Response(status=204, headers={"Cache-Control": "no-store"})
        clear_session_cookie(response, secure=secure)
        return response

    router.add_post("/v1/auth/logout", logout)
