"""Which requests may become a WebSocket: sub-protocol, origin, and not too many that have not joined."""

from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from signalling.counters import Counters
from signalling.settings import SignallingSettings
from signalling.unjoined import Source, Unjoined, source_of
from signalling.wire import Codec, choose_codec


class Upgrades:
    def __init__(self, settings: SignallingSettings, counters: Counters) -> None:
        self._settings = settings
        self._counters = counters
        self._unjoined = Unjoined(settings.max_unjoined, settings.max_unjoined_per_source)

    def admit(self, request: web.Request) -> Codec:
        """The codec that both speak. Raises aiohttp's 400, 403 and 503."""
        offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", ()))
        codec = choose_codec(tuple(name.strip() for name in offered.split(",")))
        if codec is None:
            self._counters.connections_refused["subprotocol"] += 1
            names = ", ".join(known.value for known in Codec)
            raise web.HTTPBadRequest(text=f"offer one of the WebSocket sub-protocols {names}\n")
        if not self._origin_may(request):
            self._counters.connections_refused["origin"] += 1
            raise web.HTTPForbidden(text="pages of this origin may not connect\n")
        if not self._unjoined.admits(self._source(request)):
            self._counters.connections_refused["too-many"] += 1
            raise web.HTTPServiceUnavailable(text="too many connections wait to join\n")
        return codec

    def enter(self, request: web.Request) -> Callable[[], None]:
        """Count one in that has not joined; the result counts it out again."""
        return self._unjoined.enter(self._source(request))

    def _source(self, request: web.Request) -> Source:
        if self._settings.behind_proxy:
            # The last entry is the one that our own proxy wrote; those before it are the client's words.
            return source_of(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())
        return source_of(request.remote)

    def _origin_may(self, request: web.Request) -> bool:
        """RFC 6455 §10.2. Only browsers send it; without a ticket a page may do nothing here, so this is
        the second fence, not the first.
        """
        origin = request.headers.get("Origin")
        allowed = self._settings.allowed_origins
        if origin is None or "*" in allowed or origin in allowed:
            return True
        try:
            return urlsplit(origin).netloc.lower() == request.host.lower()
        except ValueError:
            return False
