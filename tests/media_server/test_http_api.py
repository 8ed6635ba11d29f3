"""The HTTP face, served for real on loopback."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from auth import LONGEST_TICKET_S, KeyRing, Reentries, TicketIssuer
from media_server.health import Health, Phase
from media_server.http_api import Parts, build_http, build_metrics_http
from media_server.metrics import Metrics
from media_server.pages import read_pages
from media_server.settings import load
from media_server.walk_in import WalkIn

JSON = {"Content-Type": "application/json"}
Client = TestClient[web.Request, web.Application]


class Site:
    """The public application over pages of our own making, with its parts at hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = load(environment={"TELECONSULT_DATA_DIR": str(folder / "data")}, **settings)
        self.metrics = Metrics()
        self.health = Health(self.settings.node_id, self.metrics.ready)
        keys = KeyRing.open(self.settings.keys_folder, longest_life_s=LONGEST_TICKET_S)
        issuer = TicketIssuer(keys)
        web_folder = folder / "web"
        (web_folder / "client").mkdir(parents=True)
        (web_folder / "index.html").write_text("<!doctype html>" + "home " * 200)
        (web_folder / "patient.html").write_text("patient")
        (web_folder / "client" / "session.js").write_text("export const answer = 42;\n" * 50)
        (web_folder / "client.js").write_text("export {};")
        (web_folder / "page").mkdir()
        (web_folder / "page" / "call.js").write_text("export {};")
        (web_folder / ".secret.js").write_text("hidden")
        (web_folder / "page.unknown").write_text("no page")
        (web_folder / "package.json").write_text("{}")
        walk_in = WalkIn(self.settings, issuer, Reentries(keys)) if self.settings.walk_in else None
        self.parts = Parts(
            self.signal,
            lambda: {"title": "messages"},
            read_pages(web_folder),
            self.health,
            self.metrics,
            walk_in,
        )

    async def signal(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("break"):
            raise RuntimeError("Annelies Verstraete at 203.0.113.7")
        return web.Response(text="signal")


Open = Callable[..., Awaitable[tuple[Site, Client]]]


@pytest.fixture
async def open_site(tmp_path: Path) -> AsyncIterator[Open]:
    clients: list[Client] = []

    async def open_(**settings: Any) -> tuple[Site, Client]:
        site = Site(tmp_path, **settings)
        client = TestClient(
            TestServer(build_http(site.settings, site.parts, port=8080)), auto_decompress=False
        )
        clients.append(client)
        await client.start_server()
        return site, client

    yield open_
    for client in clients:
        await client.close()


async def problem_of(response: Any) -> tuple[int, str]:
    assert response.headers["Content-Type"].startswith("application/problem+json")
    document = json.loads(await response.text())
    assert document["status"] == response.status
    assert set(document) <= {"type", "title", "status", "code", "detail"}
    return response.status, document["code"]


# --- Health ---


async def test_it_is_alive_before_it_is_ready_and_while_it_drains(open_site: Open) -> None:
    site, client = await open_site()
    for phase, ready in ((None, 503), (Phase.READY, 200), (Phase.DRAINING, 503)):
        if phase is not None:
            site.health.enter(phase)
        assert (await client.get("/healthz")).status == 200
        response = await client.get("/readyz")
        assert response.status == ready
        if ready == 503:
            assert await problem_of(response) == (503, "not-ready")


# --- Pages ---


async def test_pages_are_found_without_their_ending(open_site: Open) -> None:
    _, client = await open_site()
    assert (await (await client.get("/patient")).text()) == "patient"
    assert (await client.get("/")).status == 200
    script = await client.get("/web/client/session.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    ["/.secret", "/.secret.js", "/tsconfig.unknown", "/client/", "/%2e%2e/data/keys", "/patient.html/x"],
)
async def test_nothing_else_is_served(open_site: Open, path: str) -> None:
    _, client = await open_site()
    assert await problem_of(await client.get(path)) == (404, "not-found")


async def test_an_unchanged_page_is_not_sent_again(open_site: Open) -> None:
    _, client = await open_site()
    first = await client.get("/patient")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await client.get("/patient", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")


async def test_text_is_compressed_for_who_can_read_it(open_site: Open) -> None:
    _, client = await open_site()
    small = await client.get("/", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/", headers={"Accept-Encoding": "identity"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await small.read()) == await plain.read()


async def test_the_real_pages_are_there() -> None:
    pages = read_pages()
    assert {"/", "/patient", "/doctor", "/guest", "/web/client.js"} <= set(pages)


# --- Headers ---


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/v1/signal", "/v1/signal/schema.json"])
async def test_every_answer_carries_the_security_headers(open_site: Open, path: str) -> None:
    _, client = await open_site()
    headers = (await client.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "ws://127.0.0.1:8080" in policy
    assert "camera=(self), microphone=(self)" in headers["Permissions-Policy"]
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "teleconsult"
    assert "Strict-Transport-Security" not in headers


async def test_behind_tls_it_is_https_and_wss_only(open_site: Open) -> None:
    _, client = await open_site(behind_tls_proxy=True, public_url="https://call.example")
    headers = (await client.get("/")).headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "connect-src 'self' wss://call.example;" in headers["Content-Security-Policy"]


async def test_pages_of_several_nodes_may_reach_all_of_them(open_site: Open) -> None:
    shared = {"behind_tls_proxy": True, "public_url": "https://call.example", "redis_url": "redis://cache"}
    _, client = await open_site(**shared)
    assert "connect-src 'self' wss:;" in (await client.get("/")).headers["Content-Security-Policy"]


# --- The client for pages of other origins ---


@pytest.mark.parametrize("path", ["/web/client.js", "/web/client/session.js"])
async def test_allowed_origins_may_import_the_client(open_site: Open, path: str) -> None:
    _, client = await open_site(allowed_origins=("https://portal.example",))
    theirs = (await client.get(path, headers={"Origin": "https://portal.example"})).headers
    assert theirs["Access-Control-Allow-Origin"] == "https://portal.example"
    assert theirs["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Origin" in theirs["Vary"]
    assert "Accept-Encoding" in theirs["Vary"]


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/web/client.js", "https://evil.example"),
        ("/web/client.js", None),
        ("/web/page/call.js", "https://portal.example"),
        ("/patient", "https://portal.example"),
        ("/healthz", "https://portal.example"),
    ],
)
async def test_nothing_else_is_open_to_other_origins(open_site: Open, path: str, origin: str | None) -> None:
    _, client = await open_site(allowed_origins=("https://portal.example",))
    headers = (await client.get(path, headers={"Origin": origin} if origin else {})).headers
    assert "Access-Control-Allow-Origin" not in headers
    if not path.startswith("/web/client"):
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


# --- Errors ---


async def test_errors_are_problem_documents(open_site: Open) -> None:
    _, client = await open_site()
    assert await problem_of(await client.get("/nowhere")) == (404, "not-found")
    response = await client.post("/healthz")
    assert await problem_of(response) == (405, "method-not-allowed")
    assert "GET" in response.headers["Allow"]


async def test_our_own_failure_says_nothing_of_its_cause(open_site: Open) -> None:
    _, client = await open_site()
    response = await client.get("/v1/signal?break=1")
    assert "Annelies" not in await response.text()
    assert await problem_of(response) == (500, "internal")


# --- Walk-in ---


def claims_of(ticket: str) -> dict[str, Any]:
    return jwt.decode(ticket, options={"verify_signature": False})


async def walk_in(client: Client, body: object, **headers: str) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return await client.post(
        "/v1/walk-in/ticket", data=data, headers=JSON | {k.replace("_", "-"): v for k, v in headers.items()}
    )


async def test_walk_in_gives_a_ticket_for_the_room_and_role_asked_for(open_site: Open) -> None:
    _, client = await open_site(walk_in=True)
    response = await walk_in(client, {"role": "doctor", "name": "Dr. A", "room": "r-1", "unknown": 1})
    assert response.headers["Cache-Control"] == "no-store"
    answer = json.loads(await response.text())
    assert set(answer) == {"ticket", "url", "expires_in", "participant", "reentry"}
    assert answer["url"] == f"ws://{client.host}:{client.port}/v1/signal"
    assert answer["expires_in"] == 60
    claims = claims_of(answer["ticket"])
    assert (claims["role"], claims["name"], claims["room"]) == ("doctor", "Dr. A", "r-1")
    assert claims["sub"] == answer["participant"]


async def test_walk_in_has_defaults_and_lets_patients_straight_in(open_site: Open) -> None:
    _, client = await open_site(walk_in=True)
    claims = claims_of(json.loads(await (await walk_in(client, {"role": "patient"})).text())["ticket"])
    assert (claims["name"], claims["room"], claims["admitted"]) == ("Patient", "demo", True)


async def test_walk_in_can_make_patients_and_guests_wait(open_site: Open) -> None:
    _, client = await open_site(walk_in=True, walk_in_admitted=False)
    admitted = [
        claims_of(json.loads(await (await walk_in(client, {"role": role})).text())["ticket"])["admitted"]
        for role in ("patient", "guest", "doctor")
    ]
    assert admitted == [False, False, True]


async def test_a_page_that_is_loaded_again_comes_back_as_the_same_participant(open_site: Open) -> None:
    _, client = await open_site(walk_in=True)
    first = json.loads(await (await walk_in(client, {"role": "patient"})).text())
    again = {"role": "patient", "reentry": first["reentry"]}
    second = json.loads(await (await walk_in(client, again)).text())
    assert second["participant"] == first["participant"] == claims_of(second["ticket"])["sub"]
    assert second["ticket"] != first["ticket"]
    third = json.loads(await (await walk_in(client, again | {"reentry": second["reentry"]})).text())
    assert third["participant"] == first["participant"]


@pytest.mark.parametrize(
    "changed", [{"room": "other"}, {"role": "guest"}, {"reentry": "stale"}, {"reentry": None}]
)
async def test_a_reentry_for_something_else_makes_a_new_participant(
    open_site: Open, changed: dict[str, Any]
) -> None:
    _, client = await open_site(walk_in=True)
    first = json.loads(await (await walk_in(client, {"role": "patient"})).text())
    again = {"role": "patient", "reentry": first["reentry"]} | changed
    second = json.loads(await (await walk_in(client, again)).text())
    assert second["participant"] != first["participant"]


async def test_without_walk_in_there_is_no_such_entrance(open_site: Open) -> None:
    _, client = await open_site()
    assert await problem_of(await walk_in(client, {"role": "doctor"})) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad-body"),
        ({"role": "king"}, 400, "bad-body"),
        ({"role": "doctor", "room": 7}, 400, "bad-body"),
        ([], 400, "bad-body"),
        (b"\xff{", 400, "bad-body"),
        (b"[" * 60_000, 400, "bad-body"),
        ({"role": "doctor", "room": "../x"}, 400, "bad-grant"),
        ({"role": "doctor", "name": "a\u202eb"}, 400, "bad-grant"),
        (b" " * 70_000, 413, "body-too-large"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_it_cannot_use_is_refused(open_site: Open, body: object, status: int, code: str) -> None:
    _, client = await open_site(walk_in=True)
    assert await problem_of(await walk_in(client, body)) == (status, code)


@pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_form_of_another_site_could_send_is_refused(open_site: Open, type_: str) -> None:
    _, client = await open_site(walk_in=True)
    response = await walk_in(client, {"role": "doctor"}, Content_Type=type_)
    assert await problem_of(response) == (415, "not-json")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "rebound.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"X_Forwarded_For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
        {"X_Real_IP": "203.0.113.7"},
        {"X_Forwarded_Host": "call.example"},
        {"X_Forwarded_Proto": "https"},
    ],
    ids=repr,
)
async def test_walk_in_is_for_our_own_pages_on_this_machine(open_site: Open, headers: dict[str, str]) -> None:
    _, client = await open_site(walk_in=True)
    response = await walk_in(client, {"role": "doctor"}, **headers)
    assert await problem_of(response) == (403, "foreign-origin")


async def test_walk_in_refuses_a_proxy_that_adds_no_header_by_its_old_http(open_site: Open) -> None:
    _, client = await open_site(walk_in=True)
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"GET /patient HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n")
    assert b" 403 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8080", "call.localhost"])
async def test_all_names_of_this_machine_are_taken(open_site: Open, host: str) -> None:
    _, client = await open_site(walk_in=True)
    response = await walk_in(client, {"role": "doctor"}, Host=host, Origin=f"http://{host}")
    assert response.status == 200
    assert json.loads(await response.text())["url"] == f"ws://{host}/v1/signal"


# --- Metrics ---


async def test_metrics_count_by_route_and_never_by_path(open_site: Open) -> None:
    site, client = await open_site()
    await client.get("/patient")
    await client.get("/secret-path-of-annelies")
    async with (
        TestServer(build_metrics_http(site.metrics)) as server,
        ClientSession() as session,
        session.get(server.make_url("/metrics")) as response,
    ):
        text = await response.text()
    assert 'teleconsult_http_responses_total{route="/patient",status="200"} 1.0' in text
    assert 'teleconsult_http_responses_total{route="none",status="404"} 1.0' in text
    assert "annelies" not in text
