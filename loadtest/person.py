"""Somebody at a page, without the page: logs in through the development provider, and calls the endpoints.

async with a_person(server.origin, "emma", "patient") as emma:
    answer = await emma.post("/consultations", {...})
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import aiohttp
from yarl import URL


@dataclass(frozen=True, slots=True)
class Answer:
    """`json` is None for what is no JSON."""

    status: int
    json: Any
    body: bytes
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """A problem's."""
        return self.json.get("code") if isinstance(self.json, dict) else None


class Person:
    def __init__(self, http: aiohttp.ClientSession, origin: str) -> None:
        self._http = http
        self.origin = origin
        self._csrf: str | None = None

    async def log_in(self, key: str, role: str) -> None:
        """As one of the development provider's persons (`media_server.development_provider`)."""
        login = f"{self.origin}/v1/auth/itsme/login?role={role}&return_to=/"
        async with self._http.get(login) as page:
            text = await page.text()
            action, fields = _choice(text, key)
            url = urljoin(str(page.url), action)
        headers = {"Origin": self.origin}
        async with self._http.post(url, data=fields, headers=headers) as end:
            assert "login=" not in str(end.url), f"not logged in: {end.url.query_string}"
        me = await self.get("/me")
        assert me.status == 200, me
        self._csrf = me.json["csrf_token"]

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.call("POST", path, body, headers)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.call("PUT", path, body)

    async def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """`body`: bytes as they are, everything else as JSON; `headers` with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self._csrf is not None and method != "GET":
            sent.setdefault("X-CSRF-Token", self._csrf)
        if method != "GET":
            sent.setdefault("Origin", self.origin)
        content: dict[str, Any] = {}
        if isinstance(body, bytes):
            content["data"] = body
        elif body is not None:
            content["json"] = body
        async with self._http.request(
            method, f"{self.origin}/v1{path}", headers=sent, **content, allow_redirects=False
        ) as response:
            raw = await response.read()
            is_json = "json" in response.content_type
            return Answer(
                response.status,
                await response.json(content_type=None) if is_json and raw else None,
                raw,
                dict(response.headers),
            )

    async def log_out_and_keep_the_cookie(self) -> None:
        """As somebody who had copied it."""
        kept = {morsel.key: morsel.value for morsel in self._http.cookie_jar}
        assert (await self.post("/auth/logout")).status == 204
        self._http.cookie_jar.update_cookies(kept, URL(self.origin))

    def headers_of_the_page(self) -> dict[str, str]:
        """What its requests carry, for programs that make their own."""
        cookies = self._http.cookie_jar.filter_cookies(URL(self.origin))
        carried = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
        return carried | ({"X-CSRF-Token": self._csrf} if self._csrf is not None else {})

    def at(self, origin: str) -> "Person":
        """The same page, at another node of the service."""
        person = Person(self._http, origin)
        person._csrf = self._csrf
        return person

    def take_csrf(self, token: str) -> None:
        """Of a session that began otherwise: a guest's."""
        self._csrf = token


@asynccontextmanager
async def a_person(origin: str, key: str | None = None, role: str = "patient") -> AsyncIterator[Person]:
    """Logged in as `key`, or nobody."""
    jar = aiohttp.CookieJar(unsafe=True)  # of an address that is a number
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        person = Person(http, origin)
        if key is not None:
            await person.log_in(key, role)
        yield person


def _choice(page: str, key: str) -> tuple[str, dict[str, str]]:
    """The form's address, and its fields for that person."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    assert action is not None, "no form on the provider's page"
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return action[1], fields | {"person": key}
