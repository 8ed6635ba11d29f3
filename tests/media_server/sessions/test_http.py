"""Sessions over HTTP: who a request is taken for, and which requests are refused before anybody looks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from auth import Private, Role, SessionRefusal
from media_server.api import NotLoggedIn
from media_server.languages import Language
from media_server.problems import problems
from media_server.sessions import (
    SessionCallers,
    add_logout_route,
    clear_session_cookie,
    cookie_name,
    set_session_cookie,
)
from media_server.settings import Settings
from tests.media_server.people.builders import PEETERS
from tests.media_server.people.test_doctors import imported
from tests.media_server.sessions.builders import DOCTOR, ME, Lodge

COOKIE = cookie_name(secure=False)


class Page:
    """A browser at a node: sends the cookie it was given along, whoever's page asks."""

    def __init__(self, client: "TestClient[web.Request, web.Application]") -> None:
        self.client = client
        self.cookie: Private[str] | None = None
        self.own_origin = str(client.make_url("")).rstrip("/")

    async def ask(self, method: str = "GET", path: str = "/who", **headers: str) -> ClientResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie is not None:
            named["Cookie"] = f"{COOKIE}={self.cookie.reveal()}"
        return await self.client.request(method, path, headers=named)

    async def csrf(self) -> str:
        return str((await (await self.ask()).json())["csrf"])


@asynccontextmanager
async def a_node(lodge: Lodge) -> AsyncIterator[Page]:
    callers = SessionCallers(Settings(), lodge.store)

    async def who(request: web.Request) -> web.Response:
        caller = await callers.caller(request)
        if caller is None:
            raise NotLoggedIn("log in first")
        fields: dict[str, Any] = {"person": caller.person, "role": caller.role.value, "csrf": caller.csrf}
        return web.json_response(fields | {"until": caller.expires_at_us, "only": caller.consultation})

    app = web.Application(middlewares=[problems])
    app.router.add_route("*", "/who", who)
    add_logout_route(app.router, callers, lodge.store, lodge.house.doctors, secure=False)
    async with TestClient(TestServer(app)) as client:
        yield Page(client)


async def refused(response: ClientResponse, status: int, code: str) -> None:
    assert (response.status, (await response.json())["code"]) == (status, code)


# --- Who it is ---


async def test_a_page_is_known_by_its_cookie(lodge: Lodge) -> None:
    begun = lodge.a_page()
    async with a_node(lodge) as page:
        await refused(await page.ask(), 401, "not-logged-in")
        page.cookie = begun.cookie
        answer = await (await page.ask()).json()
    assert (answer["person"], answer["role"], answer["only"]) == (ME, "patient", None)
    assert answer["until"] == begun.session.expires_at_us
    assert len(answer["csrf"]) == 43


async def test_a_guest_is_known_with_the_only_consultation(lodge: Lodge) -> None:
    async with a_node(lodge) as page:
        page.cookie = lodge.a_page(ME, Role.GUEST, consultation="c-1").cookie
        answer = await (await page.ask()).json()
    assert (answer["role"], answer["only"]) == ("guest", "c-1")


async def test_an_app_is_known_by_its_access_token_and_needs_no_csrf_token(lodge: Lodge) -> None:
    token = lodge.store.first_tokens(lodge.an_app().id).access_token.reveal()
    async with a_node(lodge) as app:
        for scheme in ("Bearer", "bearer"):
            for method in ("GET", "POST"):
                response = await app.ask(method, Authorization=f"{scheme} {token}")
                answer = await response.json()
                assert (answer["person"], answer["csrf"]) == (ME, None)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer é", "Bearer " + "x" * 5000]
)
async def test_another_authorization_is_nobody_also_beside_a_good_cookie(
    lodge: Lodge, authorization: str
) -> None:
    async with a_node(lodge) as page:
        page.cookie = lodge.a_page().cookie
        response = await page.ask(Authorization=authorization)
        await refused(response, 401, "not-logged-in")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_tokens_are_taken_by_their_own_way_only(lodge: Lodge) -> None:
    tokens = lodge.store.first_tokens(lodge.an_app().id)
    page_cookie = lodge.a_page().cookie
    assert page_cookie is not None
    async with a_node(lodge) as page:
        await refused(await page.ask(Authorization=f"Bearer {page_cookie.reveal()}"), 401, "not-logged-in")
        await refused(
            await page.ask(Authorization=f"Bearer {tokens.refresh_token.reveal()}"), 401, "not-logged-in"
        )
        page.cookie = tokens.access_token
        await refused(await page.ask(), 401, "not-logged-in")


async def test_expired_and_revoked_sessions_are_nobody_s(lodge: Lodge) -> None:
    begun, app = lodge.a_page(), lodge.an_app()
    token = lodge.store.first_tokens(app.id).access_token.reveal()
    async with a_node(lodge) as page:
        lodge.store.revoke(app.id, "operator")
        await refused(await page.ask(Authorization=f"Bearer {token}"), 401, "not-logged-in")
        page.cookie = begun.cookie
        lodge.pass_s(begun.life_s)
        await refused(await page.ask(), 401, "not-logged-in")
        await refused(await page.ask("POST", X_CSRF_Token="x" * 43), 401, "not-logged-in")


# --- Whose page asks ---


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_whatever_changes_something_needs_the_csrf_token(lodge: Lodge, method: str) -> None:
    async with a_node(lodge) as page:
        page.cookie = lodge.a_page().cookie
        token = await page.csrf()
        assert (await page.ask(method, X_CSRF_Token=token)).status == 200
        assert (await page.ask(method, X_CSRF_Token=token, Origin=page.own_origin)).status == 200
        await refused(await page.ask(method), 403, "csrf")
        for wrong in ("", "x", token[:-1], token[:-1] + "~", token.swapcase()):
            await refused(await page.ask(method, X_CSRF_Token=wrong), 403, "csrf")


async def test_another_session_s_csrf_token_is_none_of_this_one(lodge: Lodge) -> None:
    async with a_node(lodge) as page:
        page.cookie = lodge.a_page(DOCTOR, Role.DOCTOR).cookie
        others = await page.csrf()
        page.cookie = lodge.a_page().cookie
        await refused(await page.ask("POST", X_CSRF_Token=others), 403, "csrf")


async def test_another_origin_s_page_is_refused_even_with_everything_right(lodge: Lodge) -> None:
    async with a_node(lodge) as page:
        page.cookie = lodge.a_page().cookie
        token = await page.csrf()
        for origin in ("https://evil.example", "null", page.own_origin.replace("http:", "https:")):
            response = await page.ask("POST", X_CSRF_Token=token, Origin=origin)
            await refused(response, 403, "foreign-origin")


# --- Logging out ---


async def test_logging_out_ends_the_session_everywhere_and_takes_the_cookie(lodge: Lodge) -> None:
    begun, twin = lodge.a_page(), lodge.twin()
    async with a_node(lodge) as page:
        page.cookie = begun.cookie
        response = await page.ask("POST", "/v1/auth/logout", X_CSRF_Token=await page.csrf())
        assert (response.status, response.headers["Cache-Control"]) == (204, "no-store")
        assert response.cookies[COOKIE].value == ""
        assert response.cookies[COOKIE]["max-age"] == "0"
        assert twin.refusal(begun.cookie) is SessionRefusal.REVOKED
        assert (await page.ask("POST", "/v1/auth/logout")).status == 204, "again, with the old cookie"
    assert lodge.notes()[-1] == ("session.revoked", "logout")


async def test_logging_out_needs_to_be_our_page_s_wish(lodge: Lodge) -> None:
    async with a_node(lodge) as page:
        page.cookie = lodge.a_page().cookie
        await refused(await page.ask("POST", "/v1/auth/logout"), 403, "csrf")
        response = await page.ask("POST", "/v1/auth/logout", Origin="https://evil.example")
        await refused(response, 403, "foreign-origin")
        assert lodge.refusal(page.cookie) is None


async def test_an_app_logs_out_with_its_token_and_cannot_refresh(lodge: Lodge) -> None:
    tokens = lodge.store.first_tokens(lodge.an_app().id)
    async with a_node(lodge) as app:
        bearer = f"Bearer {tokens.access_token.reveal()}"
        assert (await app.ask("POST", "/v1/auth/logout", Authorization=bearer)).status == 204
    assert lodge.refresh_refusal(tokens.refresh_token) is SessionRefusal.REVOKED


async def test_a_doctor_who_logs_out_everywhere_is_off_duty(lodge: Lodge) -> None:
    (peeters,) = imported(lodge.house, PEETERS)
    lodge.house.doctors.go_on_duty(peeters.id, [Language.NL])
    desk, phone = (lodge.a_page(peeters.id, Role.DOCTOR) for _ in range(2))
    async with a_node(lodge) as page:
        for begun, still_on_duty in ((desk, True), (phone, False)):
            page.cookie = begun.cookie
            await page.ask("POST", "/v1/auth/logout", X_CSRF_Token=await page.csrf())
            assert bool(lodge.house.doctors.all_on_duty()) is still_on_duty


# --- The cookie ---


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookie_is_this_host_s_alone_and_no_script_s(secure: bool) -> None:
    given, gone = web.Response(), web.Response()
    set_session_cookie(given, Private("token"), 14_400, secure=secure)
    clear_session_cookie(gone, secure=secure)
    for response, value, life in ((given, "token", "14400"), (gone, "", "0")):
        cookie: SimpleCookie = response.cookies
        morsel = cookie["__Host-teleconsult" if secure else "teleconsult"]
        assert (morsel.value, morsel["max-age"], morsel["path"]) == (value, life, "/")
        assert (morsel["httponly"], morsel["samesite"], morsel["domain"]) == (True, "Strict", "")
        assert bool(morsel["secure"]) is secure
