"""The time line: once a second, what flowed, what the servers and the load tester used, who was there."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadtest.results import Progress, Second
from loadtest.tool import client_watch
from loadtest.tool.fleet import Fleet
from loadtest.tool.server_watch import Look, ServerWatch, added
from loadtest.tool.tally import Flow

EVERY_S = 1.0
SHORTEST_S = 0.5  # of less than that no rate is told: a few milliseconds can read as several cores


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a second of the time line begins: what had come up to then."""

    at_s: float  # monotonic
    flow: Flow
    joins: int
    cpu_s: float
    look: Look | None


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
        self._turn = asyncio.Lock()  # two samples at the same time would have a moment between them
        self._last = Mark(time.monotonic(), Flow(), 0, time.process_time(), None)
        self._before: Mark | None = None
        """Where the newest second began; None: it is not of this part of the test."""
        self._measuring = False
        self._end: Mark | None = None
        """Where the measured window has ended, while its last second is being made."""
        self.seconds: list[Second] = []
        self.looks: list[Look] = []
        """Of the measured window."""
        self.client_looks: list[client_watch.ClientLook] = []
        """At the window's two ends."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._last.at_s + EVERY_S - time.monotonic())
            await self.tick()

    async def tick(self) -> None:
        """The next second, unless it is not over yet, as when a window has begun meanwhile."""
        async with self._turn:
            if time.monotonic() >= self._last.at_s + EVERY_S:
                await self._sample()

    async def look(self) -> Look:
        """At all servers together."""
        looks = await asyncio.gather(*(watch.look() for watch in self._watches))
        return added(list(looks), time.monotonic())

    async def begin_window(self) -> None:
        async with self._turn:
            await self._sample()
            self._measuring, self._end = True, None
            self.looks = [self._last.look] if self._last.look is not None else []
            self.client_looks = [client_watch.look()]
            self._fleet.begin_window()
            self._begin_anew()

    async def end_window(self) -> None:
        """May be called again, or without a window: then nothing happens.

        The fleet's window ends at once: a server that does not answer our looks prolongs nothing.
        """
        if not self._measuring or self._end is not None:
            return
        self._end = self._mark()
        self._fleet.end_window()
        self.client_looks.append(client_watch.look())
        async with self._turn:
            await self._sample()
            self._measuring = False
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._before = None
        self._last = replace(self._last, at_s=time.monotonic(), cpu_s=time.process_time(), flow=Flow())

    def _mark(self) -> Mark:
        fleet = self._fleet
        return Mark(time.monotonic(), fleet.flow(), fleet.joined_in_all, time.process_time(), None)

    async def _sample(self) -> None:
        """The next second; what is left at the end of a window, or before one, is joined to the last."""
        mark = (self._end if self._measuring else None) or self._mark()
        look = await self.look()
        now = replace(mark, look=look)
        if self._before is not None and now.at_s - self._last.at_s < SHORTEST_S:
            self.seconds[-1] = self._second(self._before, now, look)
            self._last = now
        else:
            self.seconds.append(self._second(self._last, now, look))
            self._before, self._last = self._last, now
            self._progress.second(self.seconds[-1])
        if self._measuring:
            self.looks.append(look)

    def _second(self, before: Mark, now: Mark, look: Look) -> Second:
        flowed = now.flow.since(before.flow)
        return Second(
            at_s=round(now.at_s - self._began_s, 3),
            measured=self._measuring,
            participants=len(self._fleet),
            joins=now.joins - before.joins,
            packets=flowed.packets,
            bytes=flowed.bytes,
            expected=flowed.expected,
            lost=flowed.lost,
            freezes=flowed.freezes,
            latency_p50_ms=flowed.latency.percentile_ms(0.5),
            latency_p95_ms=flowed.latency.percentile_ms(0.95),
            latency_p99_ms=flowed.latency.percentile_ms(0.99),
            server_cpu=cpu_between(before.look, look),
            server_memory_mb=look.memory_mb,
            client_cpu=(now.cpu_s - before.cpu_s) / max(now.at_s - before.at_s, 1e-3),
        )


def cpu_between(before: Look | None, after: Look) -> float | None:
    """In cores; None when either was not told, or the server began anew in between."""
    if before is None or before.cpu_s is None or after.cpu_s is None or after.at_s <= before.at_s:
        return None
    used_s = after.cpu_s - before.cpu_s
    return used_s / (after.at_s - before.at_s) if used_s >= 0 else None
