"""Who makes a request: the session behind its cookie (pages) or its Bearer token (apps, RFC 6750 §2.1).

A browser sends a cookie along whoever's page asks. So a request that changes something and comes with one has
to show that it is our page's: by its Origin, and by the CSRF token that only our pages can have read.
"""

from aiohttp import web

from auth import SessionKind, SessionRefused, csrf_matches, csrf_token
from media_server.api import Caller, CsrfRefused, NotLoggedIn
from media_server.browser_rules import check_origin
from media_server.sessions.cookie import cookie_name
from media_server.sessions.store import Session, SessionStore
from media_server.settings import Settings

CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1


class SessionCallers:
    """Implements `api.Callers`."""

    def __init__(self, settings: Settings, store: SessionStore) -> None:
        self._settings = settings
        self._store = store
        self._cookie = cookie_name(settings.secure)

    async def caller(self, request: web.Request) -> Caller | None:
        """Raises NotLoggedIn for a Bearer token that is not good (any more), ForeignOrigin and CsrfRefused
        for what may be another page's doing.

        A cookie that is not good is as none: a browser keeps sending it, also to log in again.
        """
        if "Authorization" in request.headers:
            return await self._of_app(request.headers["Authorization"])
        if request.method not in _SAFE:
            check_origin(request, self._settings)
        cookie = request.cookies.get(self._cookie)
        if not cookie:
            return None
        try:
            session = await self._store.ask(cookie, SessionKind.PAGE)
        except SessionRefused:
            return None
        if request.method in _SAFE:
            return _caller(session, csrf_token(cookie))
        sent = request.headers.get(CSRF_HEADER, "")
        if not csrf_matches(cookie, sent):
            raise CsrfRefused(f"send {CSRF_HEADER} with the value of csrf_token from /v1/me")
        return _caller(session, sent)

    async def _of_app(self, authorization: str) -> Caller:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise NotLoggedIn("send Authorization: Bearer with an access token")
        try:
            return _caller(await self._store.ask(token.strip(), SessionKind.APP), None)
        except SessionRefused:
            raise NotLoggedIn("the access token is not valid, or no longer") from None


def _caller(session: Session, csrf: str | None) -> Caller:
    return Caller(session.person, session.role, session.id, session.expires_at_us, session.consultation, csrf)
