"""Our HTTP server with its login, a provider behind it, and a browser in front."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer, unused_port

from auth import (
    ItsmeSettings,
    MemoryOneTime,
    Private,
    ProviderHttp,
    RelyingParty,
    Role,
    RsaKeyRing,
    SessionId,
    SessionKind,
    SessionRefusal,
    SessionRefused,
    VerifiedIdentity,
)
from media_server.health import Health
from media_server.http_api import Parts, build_http
from media_server.login.app_codes import AppCode
from media_server.login.handlers import Login, LoginParts
from media_server.login.ports import NotKnown, SessionGrant, TokenGrant
from media_server.metrics import Metrics
from media_server.settings import Settings, load
from tests.auth.builders import HandClock
from tests.auth.itsme.fake_itsme import FakeItsme

LINK = "https://consult.example/app/return"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
APP_QUERY = {
    "role": "patient",
    "return_to": LINK,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "the-apps-own-state",
}


@dataclass
class SessionsInMemory:
    """Implements `Sessions`: patients are welcome, doctors where `doctors` has their number."""

    doctors: set[str] = field(default_factory=set)
    cookie_of: Callable[[VerifiedIdentity], str] = lambda _: "opaque.session.token"
    began: list[tuple[VerifiedIdentity, Role, SessionKind]] = field(default_factory=list)
    refreshable: set[str] = field(default_factory=set)

    async def log_in(self, identity: VerifiedIdentity, role: Role, kind: SessionKind) -> SessionGrant:
        number = identity.national_number
        if role is Role.DOCTOR and (number is None or number.reveal() not in self.doctors):
            raise NotKnown
        self.began.append((identity, role, kind))
        cookie = Private(self.cookie_of(identity)) if kind is SessionKind.PAGE else None
        return SessionGrant(SessionId(f"s-{len(self.began)}"), cookie, 3600)

    async def tokens_for(self, session: SessionId) -> TokenGrant:
        self.refreshable.add(f"refresh-{session}")
        return TokenGrant(Private(f"access-{session}"), Private(f"refresh-{session}"), 600)

    async def refresh(self, refresh_token: Private[str]) -> TokenGrant:
        if refresh_token.reveal() not in self.refreshable:
            raise SessionRefused(SessionRefusal.REUSED)
        self.refreshable.remove(refresh_token.reveal())
        return TokenGrant(Private("access-2"), Private("refresh-2"), 600)


def redirect_uri(settings: Settings, port: int) -> str:
    return f"{settings.origin(port)}/v1/auth/itsme/callback"


class Site:
    """What one test looks at. `browser` keeps cookies and follows nothing by itself."""

    def __init__(self, settings: Settings, port: int, itsme: FakeItsme, sessions: SessionsInMemory) -> None:
        self.settings = settings
        self.port = port
        self.itsme = itsme
        self.sessions = sessions
        self.browser = ClientSession(f"http://127.0.0.1:{port}", cookie_jar=CookieJar(unsafe=True))

    async def get(self, path: str, **options: Any) -> ClientResponse:
        return await self.browser.get(path, allow_redirects=False, **options)

    async def begin(self, **query: str) -> ClientResponse:
        return await self.get("/v1/auth/itsme/login", params={"role": "patient", **query})

    async def come_back(self, query: list[tuple[str, str]]) -> ClientResponse:
        return await self.get("/v1/auth/itsme/callback", params=query)

    async def log_in(self, **query: str) -> ClientResponse:
        """All of it, the person agreeing; our answer to the browser that came back."""
        begun = await self.begin(**query)
        assert begun.status == 303, await begun.text()
        return await self.come_back(self.itsme.consent(Private(begun.headers["Location"])))

    async def token(self, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = {"Content-Type": "application/json"} | headers
        response = await self.browser.post("/v1/auth/token", data=json.dumps(body), headers=sent)
        answer: dict[str, Any] = json.loads(await response.text())
        return response.status, answer


@asynccontextmanager
async def a_site(
    folder: Path,
    keys: RsaKeyRing,
    *,
    sessions: SessionsInMemory | None = None,
    http: Callable[[FakeItsme], ProviderHttp] = lambda itsme: itsme,
    **given: Any,
) -> AsyncIterator[Site]:
    port = unused_port()
    settings = load(
        environment={"TELECONSULT_DATA_DIR": str(folder), "TELECONSULT_APP_LINKS": LINK},
        http_port=port,
        **given,
    )
    itsme_settings = ItsmeSettings.of(
        "https://idp.itsme.test/v2",
        client_id="teleconsult-client",
        service_code="TELECONSULT_LOGIN",
        redirect_uri=redirect_uri(settings, port),
    )
    clock = HandClock()
    itsme = FakeItsme(itsme_settings, keys, clock)
    own = sessions or SessionsInMemory()
    relying_party = RelyingParty(
        itsme_settings, keys, MemoryOneTime(clock=clock), http(itsme), clock=clock, monotonic=clock
    )
    codes = MemoryOneTime[AppCode](clock=clock)
    login = Login(LoginParts(settings, settings.origin(port), relying_party, keys, own, codes))
    metrics = Metrics()
    parts = Parts(no_signalling, dict, {}, Health("node", metrics.ready), metrics, None, login)
    server = TestServer(build_http(settings, parts, port), port=port)
    await server.start_server()
    site = Site(settings, port, itsme, own)
    try:
        yield site
    finally:
        await site.browser.close()
        await server.close()


async def no_signalling(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def cookie(response: ClientResponse, name: str) -> dict[str, str]:
    """The attributes of a cookie that is set, its value under an empty name."""
    for line in response.headers.getall("Set-Cookie", []):
        first, *rest = [part.strip() for part in line.split(";")]
        if first.startswith(f"{name}="):
            pairs = (part.partition("=") for part in rest)
            return {"": first.partition("=")[2]} | {each.lower(): value for each, _, value in pairs}
    return {}
