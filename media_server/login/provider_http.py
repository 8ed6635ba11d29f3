"""The way to the provider by aiohttp: short, bounded, and to nobody else, whatever it answers."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar

from auth import Private, ProviderAnswer, ProviderUnreachable

log = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
MOST_BYTES: Final = 512 * 1024


class AiohttpProvider:
    """Implements `ProviderHttp`. Made by `open_provider`."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def get(self, url: str, bearer: Private[str] | None = None) -> ProviderAnswer:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer.reveal()}"}
        return await self._ask("GET", url, headers=headers)

    async def post(self, url: str, form: Mapping[str, Private[str]]) -> ProviderAnswer:
        return await self._ask("POST", url, data={name: value.reveal() for name, value in form.items()})

    async def _ask(self, method: str, url: str, **options: Any) -> ProviderAnswer:
        try:
            async with self._session.request(method, url, allow_redirects=False, **options) as response:
                return ProviderAnswer(response.status, await _body(response), _date(response))
        # The error's own words are left out: they may quote the request.
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("itsme.unreachable", extra={"type": type(error).__name__})
            raise ProviderUnreachable("the provider does not answer") from None


@asynccontextmanager
async def open_provider() -> AsyncIterator[AiohttpProvider]:
    timeout = ClientTimeout(total=PATIENCE_S)
    async with ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session:
        yield AiohttpProvider(session)


async def _body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ProviderUnreachable("the provider answers too much")
    return bytes(body)


def _date(response: ClientResponse) -> float | None:
    """When the answer was made (RFC 9110 §6.6.1), in Unix time."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
