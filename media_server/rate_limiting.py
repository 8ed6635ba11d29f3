"""The limits of `rate_limits` laid on routes, by the caller's address and by session: each node's own."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from media_server.errors import TooManyRequests
from media_server.metric_rows import Row
from media_server.rate_limits import Address, Limit, caller_of, client_address
from media_server.settings import Settings

log = logging.getLogger(__name__)

_LOGIN, _TOKEN, _INVITATION, _UPLOAD = "login", "token", "invitation", "upload"

# What is limited, by method and route pattern.
LIMITED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("GET", "/v1/auth/itsme/login"): _LOGIN,
        ("GET", "/v1/auth/itsme/callback"): _LOGIN,
        ("POST", "/v1/auth/token"): _TOKEN,
        ("POST", "/v1/invitations/accept"): _INVITATION,
        ("POST", "/v1/consultations/{consultation}/attachments"): _UPLOAD,
    }
)
# Behind one address may be a hospital; one session is one person.
_ADDRESSES_FOR_ONE_SESSION = 10


@dataclass(frozen=True, slots=True)
class _Limits:
    by_address: Limit
    by_session: Limit | None


class RateLimiting:
    """`clock`: monotonic seconds; `session_cookie`: the name of the page's."""

    def __init__(
        self, settings: Settings, session_cookie: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._cookie = session_cookie
        self._proxies = settings.trusted_networks
        self._proxied = settings.behind_tls_proxy
        self._refused: Counter[tuple[str, str]] = Counter()
        self._told_of_missing_header = False
        per_minute = {
            _LOGIN: settings.limit_logins_per_minute,
            _TOKEN: settings.limit_tokens_per_minute,
            _INVITATION: settings.limit_invitations_per_minute,
        }
        self._limits = {name: _Limits(Limit(most), None) for name, most in per_minute.items() if most}
        if uploads := settings.limit_uploads_per_minute:
            of_address = Limit(uploads * _ADDRESSES_FOR_ONE_SESSION)
            self._limits[_UPLOAD] = _Limits(of_address, Limit(uploads))

    @property
    def middleware(self) -> Middleware:
        @web.middleware
        async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.check(request)
            return await handler(request)

        return limit

    def check(self, request: web.Request) -> None:
        """Raises TooManyRequests."""
        resource = request.match_info.route.resource
        name = LIMITED.get((request.method, resource.canonical)) if resource is not None else None
        limits = self._limits.get(name) if name is not None else None
        if name is None or limits is None:
            return
        now = self._clock()
        address = self._address(request)
        # Whoever is on this machine has better ways to trouble it.
        if address is not None and not address.is_loopback:
            self._take(name, "address", limits.by_address, caller_of(address), now)
        session = self._session(request)
        if limits.by_session is not None and session is not None:
            self._take(name, "session", limits.by_session, session, now)

    def rows(self) -> Iterator[Row]:
        """For the metrics page."""
        text = "Requests refused for coming too often"
        for name, limits in self._limits.items():
            for by in ("address", "session") if limits.by_session else ("address",):
                labels = {"limit": name, "by": by}
                yield Row("http_rate_limited", text, self._refused[name, by], labels)

    def _take(self, name: str, by: str, limit: Limit, caller: str, now: float) -> None:
        wait_s = limit.take(caller, now)
        if wait_s > 0:
            self._refused[name, by] += 1
            raise TooManyRequests("too many requests; wait a little", wait_s)

    def _address(self, request: web.Request) -> Address | None:
        forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", ()))
        address = client_address(request.remote, forwarded_for, self._proxies, proxied=self._proxied)
        if address is None and not self._told_of_missing_header:
            self._told_of_missing_header = True
            log.warning("rate_limit.no_forwarded_for")
        return address

    def _session(self, request: web.Request) -> str | None:
        """What stands for a session, good or not, without keeping it."""
        shown = request.headers.get("Authorization") or request.cookies.get(self._cookie)
        return None if not shown else sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
