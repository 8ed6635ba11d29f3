"""Real call traffic: added latency and server CPU per packet while one-to-one calls are held.

Everybody publishes audio and video at 1.2 Mbit/s and receives the other's. The server has one core, clients
the other. Participants join by the public contract; the packets are then sent by a native program where there
is one (`call_load`), else by this process, which gives out sooner: how busy it was is told, and when that is
near 100 % the figures are the client's.
"""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from loadtest.bench import call_load
from loadtest.bench.process_cost import cpu_s
from loadtest.bench.sending import Sending
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.reception import percentile
from loadtest.server_process import ServerProcess

CALLS = 20
WARM_UP_S = 2.0
WINDOW_S = 10.0
TRAFFIC = Traffic()


@dataclass(frozen=True, slots=True)
class Flow:
    """One window. Latency is sender to receiver's kernel; `busy`: the clients' share of their core."""

    calls: int
    generator: str
    p50_ms: float | None
    p99_ms: float | None
    us_per_packet: float | None
    packets_per_s: float
    lost: int
    busy: float


async def measure(server: ServerProcess, calls: int = CALLS) -> Flow:
    """Hold so many calls for a while. Raises ClientError."""
    async with AsyncExitStack() as stack:
        participants = []
        for number in range(calls):
            for role in ("doctor", "patient"):
                ticket = await server.ticket(role, f"bench-calls-{number}")
                participant = LeanParticipant(ticket.url, ticket.ticket, traffic=TRAFFIC)
                participants.append(await stack.enter_async_context(participant))
        async with asyncio.timeout(10):
            await asyncio.gather(*(p.room_is_followed(2) for p in participants))
        program = call_load.program()
        if program is not None:
            return await _natively(server, calls, participants, str(program))
        return await _in_this_process(server, calls, participants)


async def _in_this_process(server: ServerProcess, calls: int, participants: list[LeanParticipant]) -> Flow:
    async with Sending() as sending:
        for participant in participants:
            sending.start(participant)
        await asyncio.sleep(WARM_UP_S)
        for participant in participants:
            participant.counters.receptions.clear()
        began, server_s, own_s = time.perf_counter(), cpu_s(server.pid), cpu_s(os.getpid())
        await asyncio.sleep(WINDOW_S)
        receptions = [r for p in participants for r in p.counters.receptions.values()]
        wall_s = time.perf_counter() - began
        server_s, own_s = cpu_s(server.pid) - server_s, cpu_s(os.getpid()) - own_s
        packets = sum(reception.packets for reception in receptions)
        lost = sum(reception.lost for reception in receptions)
        latencies = [us / 1000 for reception in receptions for us in reception.latencies_us]
    return Flow(
        calls,
        "python",
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
        1e6 * server_s / packets if packets else None,
        packets / wall_s,
        lost,
        own_s / wall_s,
    )


async def _natively(
    server: ServerProcess, calls: int, participants: list[LeanParticipant], program: str
) -> Flow:
    generator = call_load.CallLoad(program, [participant.hand_over() for participant in participants])
    async with generator:
        await generator.window_opened()
        began, server_s = time.perf_counter(), cpu_s(server.pid)
        result = await generator.window_closed()
        wall_s, server_s = time.perf_counter() - began, cpu_s(server.pid) - server_s
    return Flow(
        calls,
        "native",
        result.p50_ms,
        result.p99_ms,
        1e6 * server_s / result.received if result.received else None,
        result.received / wall_s,
        result.lost,
        result.busy,
    )
