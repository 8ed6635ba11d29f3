"""Memory of each participant: how the server's resident memory grows from 20 to 100 of them, media flowing.

The history of packets is shared by a track's subscribers and bounded by settings, so what the server reports
of it is taken off; where it reports nothing, nothing is.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from loadtest.bench.process_cost import resident_kb
from loadtest.bench.sending import Sending
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.server_process import ServerProcess

FEW, MANY = 20, 100
FLOW_S = 6.0  # of media before each look
HISTORY_METRIC = "teleconsult_history_bytes"
# Thin streams: what is measured is what a participant holds, not what the client can send.
TRAFFIC = Traffic(video_bps=150_000, frames_per_s=10)


@dataclass(frozen=True, slots=True)
class Memory:
    """Kilobytes. `history_kb`: growth of the shared history, None when the server reports none."""

    kb_each: float
    grown_kb: int
    history_kb: float | None


async def measure(server: ServerProcess) -> Memory:
    """One-to-one calls, each publishing and receiving audio and video. Raises ClientError."""
    async with AsyncExitStack() as stack, Sending() as sending:
        await _calls(server, stack, sending, 0, FEW // 2)
        await asyncio.sleep(FLOW_S)
        few, few_history = resident_kb(server.pid), await _history_kb(server)
        await _calls(server, stack, sending, FEW // 2, MANY // 2)
        await asyncio.sleep(FLOW_S)
        many, many_history = resident_kb(server.pid), await _history_kb(server)
    history = None if few_history is None or many_history is None else many_history - few_history
    return Memory((many - few - (history or 0)) / (MANY - FEW), many - few, history)


async def _calls(
    server: ServerProcess, stack: AsyncExitStack, sending: Sending, first: int, last: int
) -> None:
    for number in range(first, last):
        for role in ("doctor", "patient"):
            ticket = await server.ticket(role, f"bench-memory-{number}")
            participant = LeanParticipant(ticket.url, ticket.ticket, traffic=TRAFFIC)
            await stack.enter_async_context(participant)
            sending.start(participant)


async def _history_kb(server: ServerProcess) -> float | None:
    value = (await server.metrics()).get(HISTORY_METRIC)
    return None if value is None else value / 1024
