"""The provider that stands in for itsme: it does what itsme does, checks us as well, and says what it is."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestServer, unused_port
from jwcrypto.jwk import JWKSet

from auth import Acr, ItsmeSettings, PendingLogin, Private, RsaKeyRing
from auth.identifiers import parse_national_number
from auth.itsme.authorization import authorization_url, client_assertion, parameters, token_form
from media_server.development_provider import DOCTORS, PATIENTS, PERSONS, Person, Registration
from media_server.development_provider.provider import (
    CODE_LIFE_S,
    AskedWrongly,
    CallRefused,
    Provider,
    UnknownClient,
)
from media_server.development_provider.tokens import ProviderKeys
from media_server.health import Health
from media_server.http_api import Parts, build_http
from media_server.login.service import open_login
from media_server.metrics import Metrics
from media_server.settings import load
from tests.auth.builders import HandClock
from tests.media_server.login.stand import SessionsInMemory, cookie, no_signalling, query_of

# --- The whole login: our server asks itself, over real HTTP both ways ---


class Demo:
    """The server as `ITSME_ENVIRONMENT=development` runs it, and a browser that follows what it is told."""

    def __init__(self, port: int, sessions: SessionsInMemory) -> None:
        self.sessions = sessions
        self.browser = ClientSession(f"http://127.0.0.1:{port}", cookie_jar=CookieJar(unsafe=True))

    async def screen(self, **query: str) -> tuple[str, Mapping[str, str]]:
        """What is seen after choosing to log in."""
        asked = {"role": "patient", "return_to": "/patient", **query}
        response = await self.browser.get("/v1/auth/itsme/login", params=asked)
        return await response.text(), response.headers

    async def press(self, screen: str, **pressed: str) -> Any:
        """Our answer to the browser that comes back after a button of the screen was pressed."""
        [action] = re.findall(r'action="([^"]+)"', screen)
        [choice] = re.findall(r'name="choice" value="([^"]+)"', screen)
        chosen = await self.browser.post(action, data={"choice": choice, **pressed}, allow_redirects=False)
        if chosen.status != 303:
            return chosen
        return await self.browser.get(chosen.headers["Location"], allow_redirects=False)


@asynccontextmanager
async def demo(folder: Path, **given: Any) -> AsyncIterator[Demo]:
    port = unused_port()
    environment = {"TELECONSULT_DATA_DIR": str(folder)}
    settings = load(environment=environment, itsme_environment="development", http_port=port, **given)
    sessions = SessionsInMemory(doctors={str(doctor.national_number) for doctor in DOCTORS})
    async with open_login(settings, port, sessions, None) as login:
        metrics = Metrics()
        parts = Parts(no_signalling, dict, {}, Health("node", metrics.ready), metrics, None, login)
        server = TestServer(build_http(settings, parts, port), port=port)
        await server.start_server()
        here = Demo(port, sessions)
        try:
            yield here
        finally:
            await here.browser.close()
            await server.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: its keys take long to make."""
    return tmp_path_factory.mktemp("demo")


@pytest.mark.parametrize("form", ["signed", "encrypted"])
async def test_each_test_person_logs_in_as_who_they_are(folder: Path, form: str) -> None:
    async with demo(folder, itsme_request_object=form) as site:
        for person in PERSONS.values():
            role = "doctor" if person.registration else "patient"
            screen, _ = await site.screen(role=role, return_to=f"/{role}")
            arrived = await site.press(screen, person=person.key)
            assert arrived.headers["Location"] == f"/{role}"
            assert cookie(arrived, "teleconsult")[""]
            identity, as_role, _ = site.sessions.began[-1]
            assert as_role.value == role
            assert (identity.given_name, identity.family_name) == (
                Private(person.given_name),
                Private(person.family_name),
            )
            number = None if person.national_number is None else Private(person.national_number)
            assert (identity.national_number, identity.acr) == (number, Acr.ADVANCED)
        subjects = {identity.subject for identity, _, _ in site.sessions.began}
        assert len(subjects) == len(PERSONS)


async def test_whoever_refuses_is_refused(folder: Path) -> None:
    async with demo(folder) as site:
        screen, _ = await site.screen()
        ended = await site.press(screen, refuse="yes")
        assert ended.headers["Location"] == "/patient?login=refused"


async def test_a_choice_is_made_once_and_by_nobody_without_a_login(folder: Path) -> None:
    async with demo(folder) as site:
        screen, _ = await site.screen()
        await site.press(screen, person="emma")
        again = await site.press(screen, person="emma")
        assert again.status == 400
        assert "over" in await again.text()
        assert (await site.press(screen, person="nobody")).status == 400


async def test_the_screen_says_that_it_is_not_itsme_and_runs_no_script(folder: Path) -> None:
    async with demo(folder) as site:
        screen, headers = await site.screen()
        assert "<strong>This is not itsme.</strong>" in screen
        assert all(person.name in screen for person in PERSONS.values())
        assert not re.search(r"<script|<style|\son\w+=|style=", screen)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["Cache-Control"] == "no-store"
        for sheet in re.findall(r'<link rel="stylesheet" href="(/development[^"]+)"', screen):
            assert (await site.browser.get(sheet)).content_type == "text/css"


async def test_nobody_gets_near_it_by_another_name_than_this_machines(folder: Path) -> None:
    async with demo(folder) as site:
        path = "/development-provider/v2/.well-known/openid-configuration"
        assert (await site.browser.get(path)).status == 200
        for headers in ({"Host": "evil.example"}, {"X-Forwarded-For": "203.0.113.7"}):
            assert (await site.browser.get(path, headers=headers)).status == 403


# --- The persons ---


def test_there_are_three_of_each_kind_and_a_child_and_each_is_good_for_something_else() -> None:
    assert (len(PATIENTS), len(DOCTORS), len(PERSONS)) == (4, 3, 7)
    kinds = {
        None if p.national_number is None else parse_national_number(p.national_number).kind for p in PATIENTS
    }
    assert len(kinds) == 3, "of the register, BIS, and none"
    assert {doctor.registration for doctor in DOCTORS} == set(Registration)


@pytest.mark.parametrize("person", PERSONS.values(), ids=lambda person: person.key)
def test_their_numbers_have_right_check_digits_and_fit_them(person: Person) -> None:
    if person.national_number is None:
        return
    number = parse_national_number(person.national_number)
    born = number.born.reveal()
    assert (born.year, born.month, born.day) == tuple(map(int, person.birthdate.split("-")))
    sex = number.sex.reveal()
    assert sex is not None
    assert sex.value == person.gender


# --- What it refuses, as itsme does ---

SETTINGS = ItsmeSettings.of(
    "http://127.0.0.1:8080/development-provider/v2",
    client_id="teleconsult-development",
    service_code="TELECONSULT_DEVELOPMENT",
    redirect_uri="http://127.0.0.1:8080/v1/auth/itsme/callback",
)
LOGIN = PendingLogin(
    nonce=Private("n"),
    code_verifier=Private("v" * 64),
    browser="",
    acr=Acr.ADVANCED,
    started_at=0,
    context="",
)


NONE: Mapping[str, str] = {}

provider_keys = cache(ProviderKeys)


class Counterpart:
    """A relying party's messages to the provider, each with something changed."""

    def __init__(self, ring: RsaKeyRing) -> None:
        self.clock = HandClock()
        self.ring = ring
        self.provider = Provider(SETTINGS, provider_keys(), clock=self.clock, random=token_bytes)
        self.published = JWKSet.from_json(json.dumps(ring.jwks()))

    def ask(self, **changed: str | None) -> str:
        """Without a request object, so that single parameters can be changed."""
        wanted = parameters(SETTINGS, LOGIN, Private("the-state"), None) | changed
        query = {name: value for name, value in wanted.items() if value is not None}
        return self.provider.ask(query, self.published)

    def code(self) -> str:
        location = self.provider.agree(self.ask(), PATIENTS[0])
        assert location is not None
        return query_of(location)["code"]

    def call(
        self, code: str, *, assertion: Private[str] | None = None, changed: Mapping[str, str] = NONE
    ) -> Mapping[str, Any]:
        own = client_assertion(SETTINGS, self.ring.signing(), token_bytes(8).hex(), self.clock.now)
        form = token_form(SETTINGS, LOGIN, Private(code), assertion or own)
        given = {name: value.reveal() for name, value in form.items()} | dict(changed)
        return self.provider.token(given, self.published)


@pytest.fixture
def counterpart(ring: RsaKeyRing) -> Counterpart:
    return Counterpart(ring)


def test_a_code_has_36_characters_and_is_good_once_for_three_minutes(counterpart: Counterpart) -> None:
    code = counterpart.code()
    assert len(code) == 36
    assert counterpart.call(code)["id_token"].count(".") == 4
    late = counterpart.code()
    counterpart.clock.now += CODE_LIFE_S
    for gone in (code, late):
        with pytest.raises(CallRefused) as refused:
            counterpart.call(gone)
        assert (refused.value.error, refused.value.status) == ("invalid_grant", 400)


@pytest.mark.parametrize("changed", [{"client_id": "another"}, {"redirect_uri": "https://evil.example/"}])
def test_for_others_there_is_a_page_and_no_redirect(
    counterpart: Counterpart, changed: dict[str, str]
) -> None:
    with pytest.raises(UnknownClient):
        counterpart.ask(**changed)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request": "not.a.token"}, "invalid_request_object"),
    ],
)
def test_what_is_asked_wrongly_comes_back_as_an_error(
    counterpart: Counterpart, changed: dict[str, str | None], error: str
) -> None:
    with pytest.raises(AskedWrongly) as wrong:
        counterpart.ask(**changed)
    assert query_of(wrong.value.location)["error"] == error


def test_a_request_object_is_good_for_its_five_minutes(counterpart: Counterpart, ring: RsaKeyRing) -> None:
    wanted = parameters(SETTINGS, LOGIN, Private("the-state"), "nl")
    query = query_of(authorization_url(SETTINGS, wanted, ring.signing(), None, counterpart.clock.now))
    assert counterpart.provider.ask(query, counterpart.published)
    counterpart.clock.now += 300
    with pytest.raises(AskedWrongly):
        counterpart.provider.ask(query, counterpart.published)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"redirect_uri": SETTINGS.redirect_uri + "/"}, "invalid_grant"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"client_assertion_type": "secret"}, "invalid_client"),
        ({"client_assertion": "not.a.token"}, "unauthorized_client"),
    ],
)
def test_a_token_call_that_does_not_fit_is_refused(
    counterpart: Counterpart, changed: dict[str, str], error: str
) -> None:
    with pytest.raises(CallRefused) as refused:
        counterpart.call(counterpart.code(), changed=changed)
    assert refused.value.error == error


def test_an_assertion_is_used_once_in_time_and_for_this_endpoint(
    counterpart: Counterpart, ring: RsaKeyRing
) -> None:
    now = counterpart.clock.now
    other = ItsmeSettings.of(
        "https://idp.example/v2", client_id=SETTINGS.client_id, service_code="S", redirect_uri="r"
    )
    used = client_assertion(SETTINGS, ring.signing(), "once", now)
    counterpart.call(counterpart.code(), assertion=used)
    for assertion in (
        used,
        client_assertion(SETTINGS, ring.signing(), "old", now - 60),
        client_assertion(other, ring.signing(), "elsewhere", now),
    ):
        with pytest.raises(CallRefused) as refused:
            counterpart.call(counterpart.code(), assertion=assertion)
        assert refused.value.error == "invalid_client"


def test_userinfo_is_for_whoever_has_an_access_token(counterpart: Counterpart) -> None:
    access = counterpart.call(counterpart.code())["access_token"]
    assert counterpart.provider.userinfo(access, counterpart.published).count(".") == 4
    with pytest.raises(CallRefused) as refused:
        counterpart.provider.userinfo("made up", counterpart.published)
    assert (refused.value.error, refused.value.status) == ("invalid_token", 401)


async def test_a_refusal_has_itsmes_shape(folder: Path) -> None:
    async with demo(folder) as site:
        token = await site.browser.post("/development-provider/v2/token", data={"code": "made up"})
        assert token.status == 400
        assert set(await token.json()) == {"error", "detail"}
        userinfo = await site.browser.get(
            "/development-provider/v2/userinfo", headers={"Authorization": "Bearer made-up"}
        )
        assert userinfo.status == 401
        assert userinfo.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_person_is_the_same_after_a_new_start(ring: RsaKeyRing) -> None:
    first, second = (Counterpart(ring).provider.subject(PATIENTS[0]) for _ in range(2))
    assert first == second
    assert len(first) == 36
