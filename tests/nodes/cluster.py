"""Several real nodes, one real Redis, and calls of synthetic participants that stay whatever becomes of them.

async with a_cluster(nodes=2) as cluster, cluster.calls(10) as calls:
    cluster.node_of(calls[0].doctor.url).process.kill()
    ...
"""

import asyncio
import itertools
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from loadtest.media_socket import Traffic
from loadtest.server_process import SERVE, ServerProcess, Ticket, running_server
from loadtest.staying import StayingParticipant
from tests.redis_server import RedisServer, running_redis

PATIENCE_S = 30.0
TRAFFIC = Traffic(video_bps=200_000, frames_per_s=15)
_TICKET_TIMEOUT_S = 2.0


class Cluster:
    """`nodes` are in the order in which they were started; those that were killed stay in it."""

    def __init__(
        self, redis: RedisServer, nodes: Sequence[ServerProcess], http: aiohttp.ClientSession
    ) -> None:
        self.redis = redis
        self.nodes = list(nodes)
        self._http = http

    def node_of(self, url: str) -> ServerProcess:
        return next(node for node in self.nodes if node.signal_url == url)

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

    def tickets_of(self, role: str, room: str) -> Callable[[str], object]:
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
                    person = StayingParticipant(self.tickets_of(role, room), traffic=TRAFFIC)  # type: ignore[arg-type]
                    people.append(await stack.enter_async_context(person))
                calls.append(Call(room, *people))
            for call in calls:
                await call.until_heard()
            yield calls

    def log_lines(self, pattern: str) -> Iterator[str]:
        """Of all nodes, those that match."""
        for node in self.nodes:
            yield from (line for line in node.log().splitlines() if re.search(pattern, line))


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

    def longest_silence_s(self) -> float:
        return max(silence.longest_s for person in self.people for silence in person.silences)


@asynccontextmanager
async def a_cluster(
    nodes: int = 2,
    settings: Mapping[str, str] | None = None,
    *,
    redis_options: Sequence[str] = (),
    command: Sequence[str] = SERVE,
) -> AsyncIterator[Cluster]:
    """Each node has a data folder of its own; the keys for tickets they share."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        redis = stack.enter_context(running_redis(*redis_options))
        timeout = aiohttp.ClientTimeout(total=_TICKET_TIMEOUT_S)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        shared = {"REDIS_URL": redis.url, "KEYS_DIR": str(folder / "keys"), "WORKERS": "1"}
        numbers = itertools.count(1)
        started = []
        for _ in range(nodes):
            values = shared | {"NODE_ID": f"node-{next(numbers)}"} | dict(settings or {})
            started.append(await stack.enter_async_context(running_server(values, command=command)))
        yield Cluster(redis, started, http)


async def wait(seconds: float) -> None:
    """Let it be so for a while: where time is what is tested."""
    await asyncio.sleep(seconds)


def now() -> float:
    return time.monotonic()
