"""How often one caller may come, and who that is."""

from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from media_server.problems import problems
from media_server.rate_limiting import LIMITED, RateLimiting
from media_server.rate_limits import Limit, caller_of, client_address
from media_server.settings import Settings, load

PROXIES = (ip_network("10.0.0.0/24"), ip_network("::1/128"))


# --- The limit ---


def test_so_many_at_once_and_then_as_many_as_a_minute_brings() -> None:
    limit = Limit(per_minute=6)
    assert [limit.take("a", 100.0) for _ in range(6)] == [0] * 6
    assert limit.take("a", 100.0) == pytest.approx(10)
    assert limit.take("b", 100.0) == 0, "each caller by itself"
    assert limit.take("a", 109.0) == pytest.approx(1)
    assert limit.take("a", 110.0) == 0
    assert limit.take("a", 110.0) == pytest.approx(10)
    assert [limit.take("a", 1000.0) for _ in range(7)][:6] == [0] * 6, "a quiet minute, and no more than that"


def test_what_is_remembered_is_bounded_and_the_quietest_are_forgotten() -> None:
    limit = Limit(per_minute=1, most_callers=3)
    for caller in "abcab":
        limit.take(caller, 0.0)
    assert limit.take("d", 0.0) == 0
    assert len(limit) == 3
    assert limit.take("a", 0.0) > 0, "heard of lately"
    assert limit.take("c", 0.0) == 0, "forgotten"


@given(st.lists(st.floats(0, 600), min_size=1, max_size=60), st.integers(1, 30))
def test_nobody_gets_more_than_the_burst_and_what_the_time_brings(at: list[float], per_minute: int) -> None:
    limit = Limit(per_minute)
    times = sorted(at)
    passed = sum(limit.take("a", now) == 0 for now in times)
    assert passed <= per_minute + (times[-1] - times[0]) * per_minute / 60 + 1e-6


# --- Who it is ---


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # says so itself, and is no proxy of ours
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "192.0.2.9, 198.51.100.1", "198.51.100.1"),  # what the caller made up is to the left
        ("10.0.0.5", "192.0.2.9, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("::1", "2001:db8::5", "2001:db8::5"),
        ("::ffff:10.0.0.5", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.5", "[2001:db8::5]:4711", "2001:db8::5"),
        ("10.0.0.5", "", None),
        ("10.0.0.5", "10.0.0.7", None),
        ("10.0.0.5", "unknown", None),
        ("", "198.51.100.1", None),
        (None, "198.51.100.1", None),
    ],
)
def test_a_caller_is_the_nearest_address_that_is_no_proxy_of_ours(
    peer: str | None, forwarded_for: str, expected: str | None
) -> None:
    found = client_address(peer, forwarded_for, PROXIES, proxied=False)
    assert (found and str(found)) == expected


def test_a_proxy_that_nobody_named_is_whoever_is_connected() -> None:
    assert str(client_address("192.0.2.1", "9.9.9.9, 8.8.8.8", (), proxied=True)) == "8.8.8.8"
    assert client_address("192.0.2.1", "", (), proxied=True) is None
    assert str(client_address("192.0.2.1", "9.9.9.9", (), proxied=False)) == "192.0.2.1"


def test_the_addresses_of_one_household_are_one_caller() -> None:
    def caller(text: str) -> str:
        found = client_address(text, "", (), proxied=False)
        assert found is not None
        return caller_of(found)

    assert caller("2001:db8:1:2::3") == caller("2001:db8:1:2:ffff::9")
    assert caller("2001:db8:1:2::3") != caller("2001:db8:1:3::3")
    assert caller("192.0.2.1") != caller("192.0.2.2")


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_is_too_odd(peer: str, forwarded_for: str) -> None:
    client_address(peer, forwarded_for, PROXIES, proxied=True)


# --- On routes ---


class Site:
    """The limited routes, behind a proxy on loopback; time stands still."""

    def __init__(self, settings: Settings) -> None:
        self.now = 0.0
        self.limiting = RateLimiting(settings, "teleconsult", lambda: self.now)
        self.app = web.Application(middlewares=[problems, self.limiting.middleware])
        for method, path in (*LIMITED, ("GET", "/v1/me")):
            self.app.router.add_route(method, path, self._done)

    async def _done(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)

    def refused(self) -> dict[tuple[str, str], float]:
        return {
            (row.labels["limit"], row.labels["by"]): row.value for row in self.limiting.rows() if row.value
        }


Client = TestClient[web.Request, web.Application]
Open = Callable[..., Any]


@pytest.fixture
async def open_site(tmp_path: Path) -> AsyncIterator[Open]:
    clients: list[Client] = []

    async def opened(**settings: Any) -> tuple[Site, Client]:
        environment = {"TELECONSULT_DATA_DIR": str(tmp_path), "TELECONSULT_TRUSTED_PROXIES": "127.0.0.1"}
        site = Site(load(environment=environment, **settings))
        clients.append(TestClient(TestServer(site.app)))
        await clients[-1].start_server()
        return site, clients[-1]

    yield opened
    for client in clients:
        await client.close()


def of(address: str, **more: str) -> dict[str, dict[str, str]]:
    return {"headers": {"X-Forwarded-For": address} | more}


async def test_who_tries_invitations_too_often_is_told_when_to_come_again(open_site: Open) -> None:
    site, client = await open_site(limit_invitations_per_minute=3)
    path = "/v1/invitations/accept"
    assert [(await client.post(path, **of("192.0.2.1"))).status for _ in range(3)] == [204] * 3
    refused = await client.post(path, **of("192.0.2.1"))
    assert (refused.status, refused.headers["Retry-After"]) == (429, "20")
    assert (await refused.json())["code"] == "too-many-requests"
    assert (await client.post(path, **of("6.6.6.6, 192.0.2.1"))).status == 429, "whatever it makes up"
    assert (await client.post(path, **of("192.0.2.2"))).status == 204, "somebody else"
    assert (await client.get("/v1/me", **of("192.0.2.1"))).status == 204, "something else"
    site.now += 20
    assert (await client.post(path, **of("192.0.2.1"))).status == 204
    assert site.refused() == {("invitation", "address"): 2}


async def test_a_login_begun_and_come_back_from_count_together(open_site: Open) -> None:
    _, client = await open_site(limit_logins_per_minute=2)
    for path, status in (("login", 204), ("callback", 204), ("login", 429), ("callback", 429)):
        assert (await client.get(f"/v1/auth/itsme/{path}", **of("192.0.2.1"))).status == status


async def test_uploads_are_counted_by_session_whatever_the_address(open_site: Open) -> None:
    site, client = await open_site(limit_uploads_per_minute=2)
    path = "/v1/consultations/c-1/attachments"

    async def sent(address: str, token: str) -> int:
        answer = await client.post(path, **of(address, Authorization=f"Bearer {token}"))
        return int(answer.status)

    assert [await sent(f"192.0.2.{n}", "one") for n in range(3)] == [204, 204, 429]
    assert await sent("192.0.2.0", "another") == 204
    assert [await sent("198.51.100.1", f"made up {n}") for n in range(21)].count(429) == 1
    assert site.refused() == {("upload", "session"): 1, ("upload", "address"): 1}


async def test_whoever_is_on_this_machine_and_whoever_cannot_be_told_is_not_counted(open_site: Open) -> None:
    _, client = await open_site(limit_tokens_per_minute=1)
    for _ in range(3):
        assert (await client.post("/v1/auth/token")).status == 204
        assert (await client.post("/v1/auth/token", **of("::1"))).status == 204


async def test_a_limit_of_nought_is_none(open_site: Open) -> None:
    _, client = await open_site(limit_tokens_per_minute=0)
    assert {(await client.post("/v1/auth/token", **of("192.0.2.1"))).status for _ in range(200)} == {204}
