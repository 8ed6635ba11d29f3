"""The whole login against an OpenID provider that others wrote and certified, made to behave like itsme.

npm's `oidc-provider` in a real node process; our HTTP server with the real relying party; a browser's
requests between them. What itsme does otherwise is in tests/media_server/login/test_development_provider.py.
"""

import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, DummyCookieJar
from aiohttp.test_utils import TestServer, unused_port

from auth import (
    Acr,
    ItsmeSettings,
    MemoryOneTime,
    PendingLogin,
    Private,
    ProviderAnswer,
    RelyingParty,
    RequestObject,
    RsaKeyRing,
)
from auth.itsme.settings import NATIONAL_NUMBER_CLAIM
from loadtest.server_process import dying_with_parent
from media_server.health import Health
from media_server.http_api import Parts, build_http
from media_server.login.app_codes import AppCode
from media_server.login.handlers import Login, LoginParts
from media_server.login.provider_http import AiohttpProvider
from media_server.metrics import Metrics
from media_server.settings import load
from tests.media_server.login.stand import SessionsInMemory, cookie, no_signalling, query_of

HOUSE = Path(__file__).parents[2]
INSTALLED = HOUSE / "build" / "oidc-provider"
PATIENCE_S = 20.0

ANNELIES: Mapping[str, Any] = {
    "family_name": "Verstraete",
    "given_name": "Annelies",
    "name": "Annelies Verstraete",
    "gender": "female",
    "locale": "NL",
    "birthdate": "2005-06-15",
    "phone_number": "+32 470000001",
    "email": "annelies@patients.example",
    NATIONAL_NUMBER_CLAIM: "05061500215",
}
CLIENT, SERVICE = "teleconsult-client", "TEST_LOGIN"


@contextmanager
def certified_provider(redirect_uri: str, jwks_uri: str) -> Iterator[str]:
    """Its issuer."""
    assert (INSTALLED / ".installed").exists(), "run: make build/oidc-provider/.installed"
    given = {
        "clientId": CLIENT,
        "serviceCode": SERVICE,
        "redirectUri": redirect_uri,
        "jwksUri": jwks_uri,
        "accounts": {"annelies": ANNELIES},
    }
    with subprocess.Popen(
        ["node", str(HOUSE / "tests/interop/oidc_provider/server.mjs"), str(INSTALLED)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=dying_with_parent(),
    ) as node:
        try:
            assert node.stdin is not None
            assert node.stdout is not None
            node.stdin.write(json.dumps(given).encode() + b"\n")
            node.stdin.flush()
            line = next((each for each in node.stdout if each.startswith(b"{")), b"")
            assert line, "the provider did not start; run it by hand to see why"
            yield f"http://127.0.0.1:{json.loads(line)['port']}/v2"
        finally:
            node.kill()
            node.wait(PATIENCE_S)


class Noted(AiohttpProvider):
    """The way to the provider, and which addresses of it were called."""

    def __init__(self, session: ClientSession) -> None:
        super().__init__(session)
        self.called: list[str] = []

    async def get(self, url: str, bearer: Private[str] | None = None) -> ProviderAnswer:
        self.called.append(url)
        return await super().get(url, bearer)


class Site:
    """Our server, and the browser of somebody who logs in to it."""

    def __init__(
        self,
        sessions: SessionsInMemory,
        relying_party: RelyingParty,
        browser: ClientSession,
        called: list[str],
    ) -> None:
        self.sessions = sessions
        self.relying_party = relying_party
        self.browser = browser
        self.called = called

    async def begin(self) -> ClientResponse:
        asked = {"role": "patient", "return_to": "/patient", "ui_locales": "nl"}
        return await self.browser.get("/v1/auth/itsme/login", params=asked, allow_redirects=False)

    async def at_the_provider(self, **choice: str) -> str:
        """Log in up to the address of ours that the provider sends the browser back to."""
        where = (await self.begin()).headers["Location"]
        while not urlsplit(where).path.startswith("/v1/auth/itsme/callback"):
            at_choice = urlsplit(where).path.startswith("/interaction/")
            options: Any = {"params": choice} if at_choice else {}
            step = await self.browser.get(where, allow_redirects=False, **options)
            assert step.status in (302, 303), await step.text()
            where = urljoin(where, step.headers["Location"])
        return where

    async def come_back(self, where: str) -> ClientResponse:
        return await self.browser.get(where, allow_redirects=False)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> RsaKeyRing:
    return RsaKeyRing.open(tmp_path_factory.mktemp("itsme-keys"))


@pytest.fixture(scope="module")
def port() -> int:
    return unused_port()


@pytest.fixture(scope="module")
def issuer(port: int) -> Iterator[str]:
    ours = f"http://127.0.0.1:{port}"
    with certified_provider(f"{ours}/v1/auth/itsme/callback", f"{ours}/.well-known/jwks.json") as issuer:
        yield issuer


@asynccontextmanager
async def a_site(
    folder: Path,
    keys: RsaKeyRing,
    port: int,
    issuer: str,
    request_object: RequestObject = RequestObject.SIGNED,
    *,
    always_ask_userinfo: bool = False,
) -> AsyncIterator[Site]:
    settings = load(environment={"TELECONSULT_DATA_DIR": str(folder)}, http_port=port)
    origin = settings.origin(port)
    pinned = ItsmeSettings.of(
        issuer,
        client_id=CLIENT,
        service_code=SERVICE,
        redirect_uri=f"{origin}/v1/auth/itsme/callback",
        request_object=request_object,
        always_ask_userinfo=always_ask_userinfo,
    )
    sessions = SessionsInMemory()
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        http = Noted(session)
        relying_party = RelyingParty(pinned, keys, MemoryOneTime[PendingLogin](), http)
        codes = MemoryOneTime[AppCode]()
        login = Login(LoginParts(settings, origin, relying_party, keys, sessions, codes))
        metrics = Metrics()
        parts = Parts(no_signalling, dict, {}, Health("node", metrics.ready), metrics, None, login)
        server = TestServer(build_http(settings, parts, port), port=port)
        await server.start_server()
        async with ClientSession(origin, cookie_jar=CookieJar(unsafe=True)) as browser:
            try:
                yield Site(sessions, relying_party, browser, http.called)
            finally:
                await server.close()


@pytest.mark.parametrize("request_object", RequestObject)
async def test_a_patient_logs_in_with_nested_tokens_and_the_national_number(
    tmp_path: Path, keys: RsaKeyRing, port: int, issuer: str, request_object: RequestObject
) -> None:
    async with a_site(tmp_path, keys, port, issuer, request_object) as site:
        before = time.time()
        arrived = await site.come_back(await site.at_the_provider(person="annelies"))
        assert (arrived.status, arrived.headers["Location"]) == (303, "/patient")
        assert cookie(arrived, "teleconsult")[""]
        [(identity, _, _)] = site.sessions.began
        assert identity.national_number == Private("05061500215")
        assert identity.family_name == Private("Verstraete")
        assert len(identity.subject.reveal()) == 36
        assert (identity.issuer, identity.acr, identity.locale) == (issuer, Acr.ADVANCED, "nl")
        assert before <= identity.verified_at <= time.time()


async def test_userinfo_is_nested_too_and_of_the_same_person(
    tmp_path: Path, keys: RsaKeyRing, port: int, issuer: str
) -> None:
    async with a_site(tmp_path, keys, port, issuer, always_ask_userinfo=True) as site:
        await site.come_back(await site.at_the_provider(person="annelies"))
        assert f"{issuer}/userinfo" in site.called
        assert [identity.email for identity, _, _ in site.sessions.began] == [
            Private("annelies@patients.example")
        ]


async def test_a_code_that_was_used_is_refused(
    tmp_path: Path, keys: RsaKeyRing, port: int, issuer: str
) -> None:
    async with a_site(tmp_path, keys, port, issuer) as site:
        back = await site.at_the_provider(person="annelies")
        assert (await site.come_back(back)).headers["Location"] == "/patient"
        assert (await site.come_back(back)).headers["Location"] == "/?login=expired", "our state is used up"
        fresh = query_of(await site.at_the_provider(person="annelies"))["state"]
        replayed = back.replace(query_of(back)["state"], fresh)
        assert (await site.come_back(replayed)).headers["Location"] == "/patient?login=failed"
        assert len(site.sessions.began) == 1


async def test_whoever_refuses_there_is_refused_here(
    tmp_path: Path, keys: RsaKeyRing, port: int, issuer: str
) -> None:
    async with a_site(tmp_path, keys, port, issuer) as site:
        ended = await site.come_back(await site.at_the_provider(refuse="1"))
        assert ended.headers["Location"] == "/patient?login=refused"
        assert site.sessions.began == []


async def test_what_it_says_of_itself_is_what_we_pinned(
    tmp_path: Path, keys: RsaKeyRing, port: int, issuer: str
) -> None:
    async with a_site(tmp_path, keys, port, issuer) as site:
        assert await site.relying_party.check_discovery() == ()
