"""Logging in over HTTP. Keeps nothing between requests but what the stores hold for minutes.

What itsme answers is judged by the relying party; what it means for the person, by the sessions. A browser
that comes back is sent on in any case, told no more than `refused`, `failed` or `expired`.
"""

import logging
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth import (
    LOGIN_LIFE_S,
    PUBLISHED_MAX_AGE_S,
    LoginExpired,
    LoginFailed,
    LoginRefused,
    OneTime,
    Private,
    ProviderUnreachable,
    RelyingParty,
    RsaKeyRing,
    SessionRefused,
    VerifiedIdentity,
)
from media_server.browser_rules import check_origin
from media_server.development_provider import DevelopmentProvider
from media_server.errors import BadBody, BodyNotJson
from media_server.login.app_codes import AppCode, give, redeem
from media_server.login.destination import HOME, Destination, Outcome, parse
from media_server.login.errors import GrantRefused
from media_server.login.ports import LoginNotAllowed, SessionGrant, Sessions, TokenGrant
from media_server.records import RecordsUnusable
from media_server.settings import Settings
from signalling import StoreUnavailable

log = logging.getLogger(__name__)

NO_TRACE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def session_cookie(secure: bool) -> str:
    """The name of a page's session cookie. The prefix binds it to this very host (RFC 6265bis §4.1.3.2)."""
    return "__Host-teleconsult" if secure else "teleconsult"


class NumberInSession(Exception):
    """A session was to be begun whose cookie shows the national number: our own mistake, caught in time."""


class _TokenRequest(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    code: Annotated[str, Field(max_length=128)] | None = None
    code_verifier: Annotated[str, Field(max_length=128)] | None = None
    refresh_token: Annotated[str, Field(max_length=4096)] | None = None


@dataclass(frozen=True, slots=True)
class LoginParts:
    """What logging in stands on. `origin` is where browsers reach us."""

    settings: Settings
    origin: str
    relying_party: RelyingParty
    keys: RsaKeyRing
    sessions: Sessions
    codes: OneTime[AppCode]
    development_provider: DevelopmentProvider | None = None
    random: Callable[[int], bytes] = secrets.token_bytes


class Login:
    """The handlers; `add_login_routes` gives them their addresses."""

    def __init__(self, parts: LoginParts) -> None:
        self._parts = parts
        self.development_provider = parts.development_provider
        self._secure = parts.settings.secure
        self._browser_cookie = "__Host-teleconsult-login" if self._secure else "teleconsult-login"

    async def begin(self, request: web.Request) -> web.Response:
        """`GET /v1/auth/itsme/login`: on to itsme. Raises BadQuery."""
        destination, locales = parse(list(request.query.items()), self._parts.settings.app_links)
        # On one's own machine the page may have been reached by another name than itsme sends back to, and a
        # cookie is of one name only.
        if not self._secure and request.host != urlsplit(self._parts.origin).netloc:
            return _redirect(f"{self._parts.origin}{request.path_qs}")
        given = request.cookies.get(self._browser_cookie, "")
        # One that is there is kept, so that logins in two tabs don't disturb each other.
        browser = Private(given if _BROWSER.fullmatch(given) else self._new_secret())
        try:
            url = await self._parts.relying_party.begin(browser, destination.to_json(), locales)
        except (LoginFailed, ProviderUnreachable, StoreUnavailable) as error:
            return self._ended(destination, Outcome.FAILED, error)
        log.info("login.begun", extra={"role": destination.role, "kind": destination.kind})
        response = _redirect(url.reveal())
        response.set_cookie(
            self._browser_cookie,
            browser.reveal(),
            max_age=round(LOGIN_LIFE_S),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",  # Strict would keep it back when itsme's site sends the browser here
        )
        return response

    async def callback(self, request: web.Request) -> web.Response:
        """`GET /v1/auth/itsme/callback`: back from itsme."""
        given = request.cookies.get(self._browser_cookie)
        browser = None if given is None else Private(given)
        try:
            returned = await self._parts.relying_party.returned(list(request.query.items()), browser)
        except LoginExpired:
            return self._ended(None, Outcome.EXPIRED)
        except (LoginFailed, StoreUnavailable) as error:
            return self._ended(None, Outcome.FAILED, error)
        destination = Destination.from_json(returned.context)
        try:
            identity = await self._parts.relying_party.identify(returned)
            grant = await self._parts.sessions.log_in(identity, destination.role, destination.kind)
            _check_without_number(grant, identity)
            response = await self._arrived(destination, grant)
        except (LoginRefused, LoginNotAllowed) as error:
            return self._ended(destination, Outcome.REFUSED, error)
        except (LoginFailed, ProviderUnreachable, StoreUnavailable, RecordsUnusable) as error:
            return self._ended(destination, Outcome.FAILED, error)
        extra = {"result": "ok", "role": destination.role, "kind": destination.kind, "session": grant.session}
        log.info("login.ended", extra=extra)
        return response

    async def token(self, request: web.Request) -> web.Response:
        """`POST /v1/auth/token`: an app's code, or its refresh token, for tokens."""
        check_origin(request, self._parts.settings)
        if request.content_type != "application/json":
            raise BodyNotJson("send Content-Type: application/json")
        try:
            asked = _TokenRequest.model_validate_json(await request.read())
        except ValidationError:
            raise BadBody("give code and code_verifier, or refresh_token") from None
        tokens = await self._tokens(asked)
        body = {
            "access_token": tokens.access_token.reveal(),
            "refresh_token": tokens.refresh_token.reveal(),
            "token_type": "Bearer",
            "expires_in": tokens.expires_in_s,
        }
        return web.json_response(body, headers=NO_TRACE)

    async def jwks(self, _request: web.Request) -> web.Response:
        """`GET /.well-known/jwks.json`: our public keys, for itsme."""
        headers = {"Cache-Control": f"public, max-age={PUBLISHED_MAX_AGE_S}"}
        return web.json_response(self._parts.keys.jwks(), headers=headers)

    async def _tokens(self, asked: _TokenRequest) -> TokenGrant:
        sessions = self._parts.sessions
        try:
            match asked:
                case _TokenRequest(code=str(code), code_verifier=str(verifier), refresh_token=None):
                    session = await redeem(self._parts.codes, Private(code), Private(verifier))
                    return await sessions.tokens_for(session)
                case _TokenRequest(code=None, code_verifier=None, refresh_token=str(token)):
                    return await sessions.refresh(Private(token))
                case _:
                    raise BadBody("give code and code_verifier, or refresh_token")
        except SessionRefused as error:
            log.info("login.tokens_refused", extra={"reason": error.reason})
            raise GrantRefused("the session is over, or its refresh token was used before") from None

    async def _arrived(self, destination: Destination, grant: SessionGrant) -> web.Response:
        if destination.app is not None:
            code = Private(self._new_secret())
            stands_for = AppCode(grant.session, destination.app.code_challenge)
            await give(self._parts.codes, code, stands_for)
            return _redirect(destination.with_code(code.reveal()))
        assert grant.cookie is not None, "a page's session has a cookie"
        response = _redirect(destination.return_to)
        response.set_cookie(
            session_cookie(self._secure),
            grant.cookie.reveal(),
            max_age=grant.life_s,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    def _ended(
        self, destination: Destination | None, outcome: Outcome, error: Exception | None = None
    ) -> web.Response:
        """Without a session. Where nobody knows who came back, that is to the front page."""
        about: dict[str, Any] = {"result": outcome}
        if destination is not None:
            about |= {"role": destination.role, "kind": destination.kind}
        if error is not None:
            reason = error.fault.value if isinstance(error, LoginFailed) else type(error).__name__
            about |= {"reason": reason}
        log.info("login.ended", extra=about)
        where = f"{HOME}?login={outcome.value}" if destination is None else destination.after(outcome)
        return _redirect(where)

    def _new_secret(self) -> str:
        return urlsafe_b64encode(self._parts.random(32)).rstrip(b"=").decode("ascii")


def _redirect(where: str) -> web.Response:
    """303, so that nothing is sent along (RFC 9700 §4.12)."""
    return web.Response(status=303, headers=NO_TRACE | {"Location": where})


def _check_without_number(grant: SessionGrant, identity: VerifiedIdentity) -> None:
    """A cookie is kept in browsers and their backups: it must not tell the number. Raises NumberInSession."""
    if identity.national_number is None or grant.cookie is None:
        return
    number = identity.national_number.reveal().encode()
    cookie = grant.cookie.reveal().encode()
    if any(number in text for text in (cookie, *map(_decoded, cookie.split(b".")))):
        raise NumberInSession


def _decoded(segment: bytes) -> bytes:
    try:
        return urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except (NotBase64, ValueError):
        return b""
