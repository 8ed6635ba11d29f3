"""Several real nodes, one real Redis, and calls of synthetic participants that stay whatever becomes of them.

async with a_cluster(nodes=1) as cluster, cluster.calls(10) as calls:
    await cluster.start_node()
    cluster.nodes[0].process.kill()
    ...
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from loadtest.media_socket import Traffic
from loadtest.server_process import ServerProcess, Ticket, running_server
from loadtest.staying import StayingParticipant
from loadtest.stays import GetTicket
from tests.redis_server import RedisServer, running_redis

PATIENCE_S = 30.0
TRAFFIC = Traffic(video_bps=200_000, frames_per_s=15)
_TICKET_TIMEOUT_S = 2.0


class Cluster:
    """`nodes` are in the order in which they were started; those that were killed stay in it."""

    def __init__(
        self,
        redis: RedisServer,
        settings: Mapping[str, str],
        http: aiohttp.ClientSession,
        stack: AsyncExitStack,
    ) -> None:
        self.redis = redis
        self.nodes: list[ServerProcess] = []
        self._settings = settings
        self._http = http
        self._stack = stack
        self._started = 0

    async def start_node(self) -> ServerProcess:
        """One more; the keys for tickets it shares with the others, its data folder it has for itself."""
        self._started += 1
        values = {"NODE_ID": f"node-{self._started}"} | dict(self._settings)
        node = await self._stack.enter_async_context(running_server(values))
        self.nodes.append(node)
        return node

    def living(self) -> list[ServerProcess]:
        return [node for node in self.nodes if node.process.returncode is None]

    async def _ask_for_ticket(self, body: Mapping[str, object]) -> Mapping[str, str]:
        """Of whichever node answers, as a load balancer would. Raises ConnectionError when none does."""
        for node in self.living():
            try:
                async with self._http.post(f"{node.origin}/v1/walk-in/ticket", json=body) as response:
                    response.raise_for_status()
                    answer: Mapping[str, str] = await response.json()
                    return answer
            except (aiohttp.ClientError, TimeoutError):
                continue
        raise ConnectionError("no node gives a ticket")

    def tickets_of(self, role: str, room: str) -> GetTicket:
        """One person's: each one after the first is for the same participant."""
        reentry: dict[str, str] = {}

        async def get(_why: str) -> Ticket:
            answer = await self._ask_for_ticket({"role": role, "room": room} | reentry)
            reentry["reentry"] = answer["reentry"]
            return Ticket(answer["url"], answer["ticket"])

        return get

    @asynccontextmanager
    async def calls(self, count: int, name: str = "call") -> AsyncIterator[list["Call"]]:
        """Calls of two, in which both hear and see each other."""
        async with AsyncExitStack() as stack:
            calls = []
            for number in range(count):
                room = f"{name}-{number}"
                people = []
                for role in ("doctor", "patient"):
                    person = StayingParticipant(self.tickets_of(role, room), traffic=TRAFFIC)
                    people.append(await stack.enter_async_context(person))
                calls.append(Call(room, *people))
            for call in calls:
                await call.until_heard()
            yield calls

    def said(self, node: ServerProcess, event: str) -> list[dict[str, Any]]:
        """That node's log lines of one event."""
        lines = (json.loads(line) for line in node.log().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]


@dataclass(frozen=True, slots=True)
class Call:
    room: str
    doctor: StayingParticipant
    patient: StayingParticipant

    @property
    def people(self) -> tuple[StayingParticipant, StayingParticipant]:
        return self.doctor, self.patient

    async def until_heard(self, at: str | None = None) -> None:
        """Until both hear and see the other; `at`: on that node."""
        for person in self.people:
            await person.until(
                lambda me: len(me.heard) == 2 and (at is None or me.url == at), timeout_s=PATIENCE_S
            )

    def measure(self) -> None:
        for person in self.people:
            person.measure()

    def silences_s(self) -> list[float]:
        """The longest of each kind of media at each of the two."""
        return [silence.longest_s for person in self.people for silence in person.silences]

    def cuts(self) -> int:
        """How often a connection was lost."""
        return sum(happening.what in ("cut", "lost") for person in self.people for happening in person.events)


async def until(true: Callable[[], bool]) -> None:
    """Look again and again, until it is so. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110  what is looked at tells nobody
            await asyncio.sleep(0.02)


@asynccontextmanager
async def a_cluster(nodes: int = 2, settings: Mapping[str, str] | None = None) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        redis = stack.enter_context(running_redis())
        await redis.seem_in_use()  # else the first room has to wait until all owners had spoken
        timeout = aiohttp.ClientTimeout(total=_TICKET_TIMEOUT_S)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        shared = {"REDIS_URL": redis.url, "KEYS_DIR": str(folder / "keys"), "WORKERS": "1"}
        cluster = Cluster(redis, shared | dict(settings or {}), http, stack)
        await asyncio.gather(*(cluster.start_node() for _ in range(nodes)))
        yield cluster
