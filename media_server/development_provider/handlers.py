"""The provider over HTTP, at itsme's addresses below /development-provider/v2 of our own server."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from jwcrypto.jwk import JWKSet

from auth import ItsmeSettings, ProviderHttp, ProviderUnreachable
from media_server.development_provider.page import STYLE, choice_page, error_page
from media_server.development_provider.persons import PERSONS
from media_server.development_provider.provider import AskedWrongly, CallRefused, Provider, UnknownClient
from media_server.development_provider.tokens import NotOurs, ProviderKeys, key_set, kid_of

log = logging.getLogger(__name__)

NO_TRACE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
KEYS_KEPT_S: Final = 1800.0
"""itsme keeps a relying party's keys for half an hour at least."""


class DevelopmentProvider:
    """`jwks_uri` is where the relying party publishes its keys: they are fetched, as itsme would."""

    def __init__(
        self,
        relying_party: ItsmeSettings,
        jwks_uri: str,
        http: ProviderHttp,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._provider = Provider(relying_party, ProviderKeys(), clock=clock, random=random)
        self._jwks_uri = jwks_uri
        self._http = http
        self._clock = clock
        self._keys: JWKSet | None = None
        self._fetched_at = float("-inf")
        self.base = urlsplit(relying_party.issuer).path

    async def authorization(self, request: web.Request) -> web.Response:
        """The screen, for a request that is in order."""
        query = dict(request.query)
        try:
            choice = self._provider.ask(query, await self._relying_party_keys(query.get("request", "")))
        except AskedWrongly as wrong:
            return _redirect(wrong.location)
        except (UnknownClient, NotOurs, ProviderUnreachable):
            return _html(error_page("Nobody known here asks for this login."), 400)
        return _html(choice_page(f"{self.base}/choice", choice))

    async def choice(self, request: web.Request) -> web.Response:
        """The form of that screen."""
        form = await _fields(request)
        person = PERSONS.get(form.get("person", ""))
        if form.get("refuse"):
            where = self._provider.refuse(form.get("choice", ""))
        elif person is not None:
            where = self._provider.agree(form.get("choice", ""), person)
        else:
            where = None
        if where is None:
            return _html(error_page("This login is over. Please begin a new one."), 400)
        return _redirect(where)

    async def token(self, request: web.Request) -> web.Response:
        form = await _fields(request)
        try:
            keys = await self._relying_party_keys(form.get("client_assertion", ""))
            return web.json_response(self._provider.token(form, keys), headers=NO_TRACE)
        except CallRefused as refused:
            return _refusal(refused)
        except (NotOurs, ProviderUnreachable):
            return _refusal(CallRefused("unauthorized_client", "the client's keys cannot be fetched"))

    async def userinfo(self, request: web.Request) -> web.Response:
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise CallRefused("invalid_request", "an access token is needed")
            token = self._provider.userinfo(bearer, await self._relying_party_keys(""))
        except CallRefused as refused:
            return _refusal(refused)
        return web.Response(text=token, content_type="application/jwt", headers=NO_TRACE)

    async def jwks(self, _request: web.Request) -> web.Response:
        return web.json_response(self._provider.keys.published())

    async def discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(self._provider.discovery())

    async def _relying_party_keys(self, token: str) -> JWKSet:
        """As fetched lately; anew when a token names another. Raises NotOurs, ProviderUnreachable."""
        kid = kid_of(token) if token.count(".") == 2 else None
        keys = self._keys if self._clock() < self._fetched_at + KEYS_KEPT_S else None
        if keys is None or (kid is not None and keys.get_key(kid) is None):
            answer = await self._http.get(self._jwks_uri)
            keys = self._keys = key_set(answer.body)
            self._fetched_at = self._clock()
        return keys


def add_provider_routes(router: web.UrlDispatcher, provider: DevelopmentProvider) -> None:
    css = files("media_server").joinpath("development_provider", "page.css").read_bytes()

    async def style(_request: web.Request) -> web.Response:
        return web.Response(body=css, content_type="text/css", charset="utf-8", headers=NO_TRACE)

    base = provider.base
    router.add_get(f"{base}/authorization", provider.authorization, allow_head=False)
    router.add_post(f"{base}/choice", provider.choice)
    router.add_post(f"{base}/token", provider.token)
    router.add_get(f"{base}/userinfo", provider.userinfo, allow_head=False)
    router.add_get(f"{base}/jwkSet", provider.jwks)
    router.add_get(f"{base}/.well-known/openid-configuration", provider.discovery)
    router.add_get(STYLE, style)


async def _fields(request: web.Request) -> Mapping[str, str]:
    """Of a form; files in it count for nothing."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _refusal(refused: CallRefused) -> web.Response:
    log.info("provider.refused", extra={"error": refused.error})
    headers = NO_TRACE | (
        {"WWW-Authenticate": f'Bearer error="{refused.error}"'} if refused.status == 401 else {}
    )
    body = {"error": refused.error, "detail": refused.detail}
    return web.json_response(body, status=refused.status, headers=headers)


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=NO_TRACE)


def _redirect(where: str) -> web.Response:
    return web.Response(status=303, headers=NO_TRACE | {"Location": where})
