"""The time line: once a second, what flowed, what the servers and the load tester used, who was there."""

import asyncio
import time
from collections.abc import Sequence

from loadtest.tool import client_watch
from loadtest.tool.fleet import Fleet
from loadtest.tool.measures import Second
from loadtest.tool.progress import Progress
from loadtest.tool.server_watch import Look, ServerWatch, added
from loadtest.tool.tally import Flow

EVERY_S = 1.0


class Sampler:
    """`run` until cancelled; `begin_window` and `end_window` in between."""

    def __init__(
        self, fleet: Fleet, watches: Sequence[ServerWatch], progress: Progress, began_s: float
    ) -> None:
        """`began_s`: monotonic, what the time line counts from."""
        self._fleet = fleet
        self._watches = watches
        self._progress = progress
        self._began_s = began_s
        self._flow = Flow()
        self._joins = 0
        self._at_s = time.monotonic()
        self._cpu_s = time.process_time()
        self._look: Look | None = None
        self._measuring = False
        self.seconds: list[Second] = []
        self.looks: list[Look] = []
        """Of the measured window."""
        self.client_looks: list[client_watch.ClientLook] = []
        """At the window's two ends."""

    async def run(self) -> None:
        due = time.monotonic() + EVERY_S
        while True:
            await asyncio.sleep(due - time.monotonic())
            await self.sample()
            due = max(due + EVERY_S, time.monotonic())

    async def look(self) -> Look:
        """At all servers together."""
        looks = await asyncio.gather(*(watch.look() for watch in self._watches))
        return added(list(looks), time.monotonic())

    async def begin_window(self) -> None:
        await self.sample()
        self._measuring = True
        self.looks = [self._look] if self._look is not None else []
        self.client_looks = [client_watch.look()]
        self._fleet.begin_window()
        self._flow = Flow()

    async def end_window(self) -> None:
        """May be called again, or without a window: then nothing happens."""
        if not self._measuring:
            return
        await self.sample()
        self._measuring = False
        self.client_looks.append(client_watch.look())
        self._fleet.end_window()
        self._flow = Flow()

    async def sample(self) -> None:
        look = await self.look()
        now, cpu_s = time.monotonic(), time.process_time()
        flow = self._fleet.flow()
        flowed = flow.since(self._flow)
        elapsed_s = max(now - self._at_s, 1e-3)
        joined = self._fleet.joined_in_all
        second = Second(
            at_s=round(now - self._began_s, 3),
            measured=self._measuring,
            participants=len(self._fleet),
            joins=joined - self._joins,
            packets=flowed.packets,
            bytes=flowed.bytes,
            expected=flowed.expected,
            lost=flowed.lost,
            freezes=flowed.freezes,
            latency_p50_ms=flowed.latency.percentile_ms(0.5),
            latency_p95_ms=flowed.latency.percentile_ms(0.95),
            latency_p99_ms=flowed.latency.percentile_ms(0.99),
            server_cpu=cpu_between(self._look, look),
            server_memory_mb=look.memory_mb,
            client_cpu=(cpu_s - self._cpu_s) / elapsed_s,
        )
        self._flow, self._joins, self._at_s, self._cpu_s, self._look = flow, joined, now, cpu_s, look
        self.seconds.append(second)
        if self._measuring:
            self.looks.append(look)
        self._progress.second(second)


def cpu_between(before: Look | None, after: Look) -> float | None:
    """In cores; None when either was not told, or the server began anew in between."""
    if before is None or before.cpu_s is None or after.cpu_s is None or after.at_s <= before.at_s:
        return None
    used_s = after.cpu_s - before.cpu_s
    return used_s / (after.at_s - before.at_s) if used_s >= 0 else None
