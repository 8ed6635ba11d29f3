"""Real call traffic: added latency and CPU per packet while one-to-one calls are held.

Everybody publishes audio and video at 1.2 Mbit/s and receives the other's. Twice: the data plane's program
holds its engine against native peers, and the real server, Python and all on one core, is held against
synthetic participants in this process. Those are slow: with `busy` near 100 %, the second figures are theirs.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from loadtest.bench.native import Unavailable, program, run_json
from loadtest.bench.process_cost import cpu_s
from loadtest.bench.sending import Sending
from loadtest.bench.summary import Summary
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.reception import percentile
from loadtest.server_process import ServerProcess

ENGINE, SERVER = "data plane alone", "whole server"
CALLS = 20
ENGINE_RUNS = 3
WARM_UP_S = 2.0
WINDOW_S = 10.0
FOLLOW_TIMEOUT_S = 20.0
TRAFFIC = Traffic()


@dataclass(frozen=True, slots=True)
class Flow:
    """One way of holding calls; `what` is ENGINE or SERVER.

    Latency is from sender to the receiver's kernel; `busy` the clients' share of a core.
    """

    calls: int
    what: str
    p50_ms: float | None
    p99_ms: float | None
    us_per_packet: float | None
    packets_per_s: float
    lost: int
    busy: float | None


def measure_engine(calls: int = CALLS, runs: int = ENGINE_RUNS) -> Flow:
    """The data plane alone, medians of the runs. Raises Unavailable."""
    results = [run_json([str(program("calls")), "--calls", str(calls)]) for _ in range(runs)]
    try:
        return Flow(
            calls,
            ENGINE,
            Summary.of([result["latency_ms"]["p50"] for result in results]).median,
            Summary.of([result["latency_ms"]["p99"] for result in results]).median,
            Summary.of([result["us_per_packet"] for result in results]).median,
            Summary.of([result["packets_per_s"] for result in results]).median,
            max(0, sum(result["sent"] - result["received"] for result in results)),  # under way at the end
            None,
        )
    except (KeyError, TypeError) as error:
        raise Unavailable("the data plane's benchmark printed other figures") from error


async def measure_server(server: ServerProcess, calls: int = CALLS) -> Flow:
    """The real server. Raises ClientError, TimeoutError."""
    async with held_calls(server, calls) as participants:
        return await window(server, participants, WINDOW_S)


@asynccontextmanager
async def held_calls(server: ServerProcess, calls: int) -> AsyncIterator[list[LeanParticipant]]:
    """One-to-one calls in rooms of their own, all sending and warm; two participants after the other are one
    call.

    Raises ClientError, TimeoutError.
    """
    async with AsyncExitStack() as stack:
        participants = []
        for number in range(calls):
            for role in ("doctor", "patient"):
                ticket = await server.ticket(role, f"bench-calls-{number}")
                participant = LeanParticipant(ticket.url, ticket.ticket, traffic=TRAFFIC)
                participants.append(await stack.enter_async_context(participant))
        async with asyncio.timeout(FOLLOW_TIMEOUT_S):
            await asyncio.gather(*(participant.room_is_followed(2) for participant in participants))
        sending = await stack.enter_async_context(Sending())
        for participant in participants:
            sending.start(participant)
        await asyncio.sleep(WARM_UP_S)
        yield participants


async def window(server: ServerProcess, participants: list[LeanParticipant], seconds: float) -> Flow:
    """What the calls cost and how late their packets are, for so long from now."""
    for participant in participants:
        participant.counters.receptions.clear()
    began, server_s, own_s = time.perf_counter(), cpu_s(server.pid), cpu_s(os.getpid())
    await asyncio.sleep(seconds)
    wall_s = time.perf_counter() - began
    server_s, own_s = cpu_s(server.pid) - server_s, cpu_s(os.getpid()) - own_s
    receptions = [r for p in participants for r in p.counters.receptions.values()]
    packets, lost = sum(r.packets for r in receptions), sum(r.lost for r in receptions)
    latencies = [us / 1000 for r in receptions for us in r.latencies_us]
    return Flow(
        len(participants) // 2,
        SERVER,
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
        1e6 * server_s / packets if packets else None,
        packets / wall_s,
        lost,
        own_s / wall_s,
    )
