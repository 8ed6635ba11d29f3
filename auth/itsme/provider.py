"""The way to the provider, as a Protocol that the application fills in, and the provider's keys behind it."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from auth.itsme.errors import LoginFailed, LoginFault, ProviderUnreachable
from auth.private import Private

log = logging.getLogger(__name__)

FRESH_S: Final = 3600.0
"""Keys are asked for again after this long, so that one that the provider takes away is not believed on."""
STALE_S: Final = 24 * 3600.0
"""While the provider does not answer, its keys are believed for so long."""
FORCED_INTERVAL_S: Final = 30.0
"""Anybody may send tokens with made-up key ids: for those the provider is asked no more often than this."""
LEAST_BITS: Final = 2048
MOST_KEYS: Final = 64


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """An HTTP answer, its body bounded by whoever fetched it. `date` is that header, in Unix time."""

    status: int
    body: bytes = field(repr=False)
    date: float | None = None

    def json(self) -> Mapping[str, Any]:
        """Raises ProviderUnreachable when it is no JSON object."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise ProviderUnreachable("the provider answers something else than JSON") from None
        if not isinstance(value, dict):
            raise ProviderUnreachable("the provider answers something else than a JSON object")
        return value


class ProviderHttp(Protocol):
    """HTTP requests that follow no redirect and end within seconds. They raise ProviderUnreachable."""

    async def get(self, url: str, bearer: Private[str] | None = None) -> ProviderAnswer: ...

    async def post(self, url: str, form: Mapping[str, Private[str]]) -> ProviderAnswer: ...


class ProviderKeys:
    """The provider's published keys. `clock` is monotonic."""

    def __init__(self, http: ProviderHttp, jwks_uri: str, clock: Callable[[], float]) -> None:
        self._http = http
        self._jwks_uri = jwks_uri
        self._clock = clock
        self._signing: dict[str, RSAKey] = {}
        self._encrypting: dict[str, RSAKey] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def signing(self, kid: str) -> RSAKey:
        """The key that signatures under this id are checked with. Raises LoginFailed, ProviderUnreachable."""
        await self._refresh(FRESH_S)
        if kid not in self._signing:
            await self._refresh(FORCED_INTERVAL_S)
        if kid not in self._signing:
            raise LoginFailed(LoginFault.SIGNATURE_KEY)
        return self._signing[kid]

    async def encrypting(self) -> tuple[str, RSAKey]:
        """Id and key to encrypt for the provider with. Raises LoginFailed, ProviderUnreachable."""
        await self._refresh(FRESH_S)
        if not self._encrypting:
            raise LoginFailed(LoginFault.PROVIDER_KEYS)
        return next(iter(self._encrypting.items()))

    async def _refresh(self, older_than_s: float) -> None:
        async with self._one_at_a_time:
            now = self._clock()
            known = now - self._fetched_at < STALE_S
            if now - self._fetched_at < older_than_s or (known and now - self._tried_at < FORCED_INTERVAL_S):
                return
            self._tried_at = now
            try:
                answer = await self._http.get(self._jwks_uri)
                if answer.status != 200:
                    raise ProviderUnreachable("the provider does not give its keys")
                document = answer.json()
            except ProviderUnreachable:
                if not known:
                    raise
                log.warning("itsme.keys_not_fetched")
                return
            self._signing = public_keys(document, "sig")
            self._encrypting = public_keys(document, "enc")
            self._fetched_at = now


def public_keys(document: Mapping[str, Any], use: str) -> dict[str, RSAKey]:
    """The RSA keys of that use in a JWK set, by id; what is no such key is passed over (RFC 7517 §5).

    Without `use` a key is of no use to us: one that encrypts must not pass for one that signs.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        return {}
    found: dict[str, RSAKey] = {}
    for entry in entries[:MOST_KEYS]:
        if not isinstance(entry, dict) or entry.get("use") != use or entry.get("kty") != "RSA":
            continue
        kid = entry.get("kid")
        if not isinstance(kid, str) or not kid:
            continue
        try:
            key = RSAKey.import_key({name: entry[name] for name in ("kty", "n", "e")} | {"kid": kid})
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key.public_key.key_size >= LEAST_BITS:
            found[kid] = key
    return found
