"""The HTTP face: routes, and what holds for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from media_server.browser_rules import client_sharing, loopback_names_only, security_headers
from media_server.consulting import Consulting
from media_server.health import Health
from media_server.login.handlers import Login
from media_server.login.routes import add_app_routes, add_login_routes
from media_server.metrics import Metrics
from media_server.pages import Page, add_pages, pages_of
from media_server.problems import problems
from media_server.rate_limiting import RateLimiting
from media_server.sessions import cookie_name
from media_server.settings import Settings
from media_server.walk_in import WalkIn

# Of what is read in one go; endpoints that take more read it piece by piece, up to a bound of their own.
_MOST_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes lead to."""

    signal: Callable[[web.Request], Awaitable[web.StreamResponse]]
    schema: Callable[[], Mapping[str, object]]
    pages: Mapping[str, Page]
    health: Health
    metrics: Metrics
    walk_in: WalkIn | None
    login: Login | None = None
    consulting: Consulting | None = None


def build_http(settings: Settings, parts: Parts, port: int) -> web.Application:
    """The public application. `port` is the one it will be reached at."""
    middlewares: list[Middleware] = [_counting(parts.metrics), problems]
    development = parts.login is not None and parts.login.development_provider is not None
    if parts.walk_in is not None or development:
        middlewares.append(loopback_names_only)
    limiting = RateLimiting(settings, cookie_name(settings.secure))
    parts.metrics.add(limiting.rows)
    middlewares.append(limiting.middleware)
    app = web.Application(middlewares=middlewares, client_max_size=_MOST_BODY_BYTES)
    headers = security_headers(settings, port)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(client_sharing(request.path, request.headers.get("Origin"), settings))
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = headers["Server"]

    async def schema(_request: web.Request) -> web.Response:
        document = await asyncio.to_thread(parts.schema)  # takes long, the first time
        return web.json_response(document, headers={"Cache-Control": "no-cache"})

    app.on_response_prepare.append(add_headers)
    app.router.add_get("/healthz", parts.health.live)
    app.router.add_get("/readyz", parts.health.ready)
    app.router.add_get("/v1/signal", parts.signal, allow_head=False)
    app.router.add_get("/v1/signal/schema.json", schema)
    if parts.walk_in is not None:
        app.router.add_post("/v1/walk-in/ticket", parts.walk_in.handle)
    if parts.login is not None:
        add_login_routes(app.router, parts.login)
    if parts.consulting is not None:
        parts.consulting.add_routes(app.router)
    add_pages(app.router, pages_of(parts.pages, can_log_in=parts.consulting is not None))
    add_app_routes(app.router, settings)
    return app


def build_metrics_http(metrics: Metrics) -> web.Application:
    """The operators' application, on its own port."""
    app = web.Application(middlewares=[problems])
    app.router.add_get("/metrics", metrics.handle)
    return app


def _counting(metrics: Metrics) -> Middleware:
    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        resource = request.match_info.route.resource
        metrics.http_response(resource.canonical if resource is not None else "none", response.status)
        return response

    return count
