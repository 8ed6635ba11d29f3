"""Whether the server lives, and whether it takes new participants."""

from collections.abc import Callable
from enum import Enum

from aiohttp import web

from media_server.errors import NotReady


class Phase(Enum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Health:
    """One phase after the other; `on_ready` hears whether new participants are taken."""

    def __init__(self, node: str, on_ready: Callable[[bool], None]) -> None:
        self._node = node
        self._on_ready = on_ready
        self.phase = Phase.STARTING
        self.is_broken: Callable[[], bool] = lambda: False
        """Whether the media plane met a bug of ours: calls go on, but new ones belong elsewhere."""

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self._on_ready(phase is Phase.READY)

    async def live(self, _request: web.Request) -> web.Response:
        """GET /healthz: that this is answered at all is the news; an orchestrator restarts us without it."""
        return self._say("ok")

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /readyz: 200, or 503 while starting and draining; a load balancer then sends new clients
        elsewhere.
        """
        if self.phase is not Phase.READY:
            raise NotReady(self.phase.value)
        if self.is_broken():
            raise NotReady("broken")
        return self._say("ready")

    def _say(self, status: str) -> web.Response:
        return web.json_response(
            {"status": status, "node": self._node}, headers={"Cache-Control": "no-store"}
        )
