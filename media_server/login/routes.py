"""The addresses of logging in, and those by which the phones' systems know our apps."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from media_server.development_provider import add_provider_routes
from media_server.login.app_page import app_page
from media_server.login.associations import apple_association, asset_links
from media_server.login.environment import CALLBACK, JWKS
from media_server.login.handlers import NO_TRACE, Login
from media_server.settings import Settings

APP_RETURN: Final = "/app/return"
_ASSOCIATIONS_KEPT: Final[Mapping[str, str]] = {"Cache-Control": "public, max-age=3600"}


def add_login_routes(router: web.UrlDispatcher, login: Login) -> None:
    router.add_get("/v1/auth/itsme/login", login.begin, allow_head=False)
    router.add_get(CALLBACK, login.callback, allow_head=False)
    router.add_post("/v1/auth/token", login.token)
    router.add_get(JWKS, login.jwks)
    if login.development_provider is not None:
        add_provider_routes(router, login.development_provider)


def add_app_routes(router: web.UrlDispatcher, settings: Settings) -> None:
    """Association files where there are apps, and the page where a link ends that opened no app."""
    apple = apple_association(settings.apple_app_ids, settings.app_links)
    android = asset_links(settings.android_apps)

    async def apple_file(_request: web.Request) -> web.Response:
        return web.json_response(apple, headers=_ASSOCIATIONS_KEPT)

    async def android_file(_request: web.Request) -> web.Response:
        return web.json_response(android, headers=_ASSOCIATIONS_KEPT)

    if settings.apple_app_ids:
        router.add_get("/.well-known/apple-app-site-association", apple_file)
    if settings.android_apps:
        router.add_get("/.well-known/assetlinks.json", android_file)
    for path in sorted({APP_RETURN, *_own_paths(settings)}):
        router.add_get(path, _app_return, allow_head=False)


async def _app_return(request: web.Request) -> web.Response:
    html = app_page(request.path, request.query, request.headers.get("Accept-Language", ""))
    return web.Response(text=html, content_type="text/html", charset="utf-8", headers=NO_TRACE)


def _own_paths(settings: Settings) -> set[str]:
    """Those of the apps' links that are on our own host; others' pages are theirs to serve."""
    host = urlsplit(settings.public_url or "").netloc
    return {parts.path for parts in map(urlsplit, settings.app_links) if parts.netloc == host}
