"""What a join costs: milliseconds to the first decrypted packet, and the server's CPU for it.

Into a room with a live publisher, first one at a time, then twenty at once. The server is pinned to one core
and the clients to the other where there are two; the server's CPU for the running media is measured apart and
taken off.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from loadtest.bench.process_cost import cpu_s
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.participant import JoinSteps
from loadtest.reception import percentile
from loadtest.server_process import ServerProcess

ALONE = 30
AT_ONCE = 20
ROUNDS = 3  # of twenty at once
BASELINE_S = 1.0
WARM_UP = 3
# Enough for a first packet within milliseconds, little enough not to disturb what is measured.
PUBLISHER = Traffic(video_bps=600_000)


@dataclass(frozen=True, slots=True)
class Joins:
    """Milliseconds; `cpu_ms` is the server's for each join."""

    steps: tuple[JoinSteps, ...]
    cpu_ms: float
    client_cpu_ms: float

    def first_packet_ms(self, share: float) -> float | None:
        return percentile([s.first_packet for s in self.steps if s.first_packet is not None], share)

    def step_ms(self, name: str) -> float | None:
        """The median of a step, counted from the beginning."""
        return percentile([value for s in self.steps if (value := getattr(s, name)) is not None], 0.5)


async def measure(server: ServerProcess) -> tuple[Joins, Joins]:
    """(one at a time, twenty at once). Raises ClientError."""
    ticket = await server.ticket("doctor", "bench-joins")
    async with LeanParticipant(ticket.url, ticket.ticket, traffic=PUBLISHER, follow=False) as publisher:
        sending = asyncio.create_task(publisher.send())
        try:
            for _ in range(WARM_UP):
                await _round(server, 1)
            idle_share = await _idle_share(server)
            alone = [await _round(server, 1) for _ in range(ALONE)]
            at_once = [await _round(server, AT_ONCE) for _ in range(ROUNDS)]
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return _summed(alone, idle_share), _summed(at_once, idle_share)


@dataclass(frozen=True, slots=True)
class _Round:
    steps: tuple[JoinSteps, ...]
    server_s: float
    client_s: float
    wall_s: float


async def _round(server: ServerProcess, count: int) -> _Round:
    """`count` receivers join together; what is counted ends with the last one's first packet."""
    tickets = await asyncio.gather(*(server.ticket("guest", "bench-joins") for _ in range(count)))
    joining = [LeanParticipant(t.url, t.ticket, follow=False) for t in tickets]
    async with AsyncExitStack() as stack:
        for participant in joining:
            stack.push_async_callback(participant.close)
        began, server_s, client_s = time.perf_counter(), cpu_s(server.pid), time.process_time()
        steps = await asyncio.gather(*(_join(participant) for participant in joining))
        server_s, client_s = cpu_s(server.pid) - server_s, time.process_time() - client_s
        wall_s = time.perf_counter() - began
    return _Round(tuple(steps), server_s, client_s, wall_s)


async def _join(participant: LeanParticipant) -> JoinSteps:
    await participant.join()
    return await participant.first_packet()


async def _idle_share(server: ServerProcess) -> float:
    """Seconds of server CPU for each second, while only the publisher sends."""
    before = cpu_s(server.pid)
    began = time.perf_counter()
    await asyncio.sleep(BASELINE_S)
    return (cpu_s(server.pid) - before) / (time.perf_counter() - began)


def _summed(rounds: Sequence[_Round], idle_share: float) -> Joins:
    steps = tuple(step for each in rounds for step in each.steps)
    server_s = sum(each.server_s - idle_share * each.wall_s for each in rounds)
    client_s = sum(each.client_s for each in rounds)
    return Joins(steps, 1000 * server_s / len(steps), 1000 * client_s / len(steps))
