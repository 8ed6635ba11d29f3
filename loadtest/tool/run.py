"""One test under way: its phases, its joins at a rate, its measured window; how it ends before its time."""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from loadtest.participant import Publishing
from loadtest.results import Options, Phase, Progress, Report, Trend
from loadtest.tool.decoding import Decoding
from loadtest.tool.fleet import Fleet, Member
from loadtest.tool.preflight import Health, health
from loadtest.tool.sampler import Sampler

FOLLOW_S = 15.0
LAST_LOOK_S = 1.0  # at the end of the window: who has got a packet of every track since?
ENDED_S = 1.0  # an activity has ended by then, unless a server hangs: the window does not wait for that
CUT_EVERY_S = 0.5  # where somebody is in a hurry: one farewell after the other
PATIENCE = {Health.GONE: 2, Health.LATE: 3}
"""Looks in a row without an answer, the last of them like this, after which a server is dead."""

Activity = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody who is to join; `publishing` None: as the options have it."""

    room: str
    role: str
    publishing: Publishing | None = None


def in_order(places: Sequence[Place], block: int) -> list[Place]:
    """The first of each room, of a block of rooms, then all others of those; and so on with the next block.

    So whoever is not the first of a room mostly finds somebody there. Pure.
    """
    rooms: dict[str, list[Place]] = {}
    for place in places:
        rooms.setdefault(place.room, []).append(place)
    ordered: list[Place] = []
    members = list(rooms.values())
    for start in range(0, len(members), block):
        part = members[start : start + block]
        ordered += [place for room in part for place in room[:1]]
        ordered += [place for room in part for place in room[1:]]
    return ordered


class Run:
    """What a scenario is played with."""

    def __init__(
        self,
        options: Options,
        fleet: Fleet,
        sampler: Sampler,
        progress: Progress,
        draw: random.Random,
        http: aiohttp.ClientSession,
        name: str,
    ) -> None:
        """`name`: of this run, so that its rooms are nobody else's."""
        self.options = options
        self.fleet = fleet
        self.sampler = sampler
        self.progress = progress
        self.draw = draw
        self.http = http
        self.name = name
        self.began_s = time.monotonic()
        self.window_began_s: float | None = None
        self.window_s = 0.0
        self.stopped_for: str | None = None
        self.trends: tuple[Trend, ...] = ()
        self.snapshot: Callable[[], Report] = self._no_report
        """The report, as it would be if the test ended now."""
        self.best: Report | None = None
        """Of a search: the report to give in the end."""
        self.decoding: Decoding | None = None
        self._rooms = 0
        self._body: asyncio.Task[None] | None = None
        self._hurried = asyncio.Event()

    # Rooms and joins

    def new_room(self) -> str:
        """Its number says which server it goes to."""
        self._rooms += 1
        return f"{self.name}-{self._rooms - 1}"

    async def join_all(self, places: Sequence[Place]) -> None:
        """Everybody, at the ramp's rate and never in step (a Poisson process); returns once all have what the
        others of their room send, or have failed to.
        """
        self.progress.phase(Phase.JOINING, len(places) / self.options.ramp_per_s)
        came: list[Member] = []
        opened: dict[str, asyncio.Event] = {}
        async with asyncio.TaskGroup() as joining:
            for place in in_order(places, block=math.ceil(self.options.ramp_per_s)):
                await asyncio.sleep(self.draw.expovariate(self.options.ramp_per_s))
                joining.create_task(self._join(place, opened, came, len(places)), name="join")
        await asyncio.gather(*(self._follow(member) for member in came))

    async def join(self, place: Place) -> Member | None:
        """One, up to its first packet where somebody sends."""
        member = await self.fleet.enter(place.room, place.role, publishing=place.publishing)
        if member is not None:
            await self.set_recording(member)
            if member.met_somebody and await self.fleet.first_packet(member):
                self.progress.join_took(member.ticket_ms + (member.participant.steps.first_packet or 0.0))
        return member

    async def set_recording(self, member: Member) -> None:
        """Where recording was asked for: agree to it, and the doctor starts it."""
        if not self.options.recording:
            return
        await self.fleet.ask(member, "recording: consent", "consent", kind="recording", state="granted")
        if member.role == "doctor":
            await self.fleet.ask(member, "recording: start", "recording", action="start")

    async def _join(
        self, place: Place, opened: dict[str, asyncio.Event], came: list[Member], of: int
    ) -> None:
        """The others of a room come once its first sends: so their first packet is the server's doing."""
        if place.room not in opened:
            opened[place.room] = asyncio.Event()
            try:
                member = await self.join(place)
            finally:
                opened[place.room].set()
        else:
            if not opened[place.room].is_set():
                await opened[place.room].wait()
                await asyncio.sleep(self.draw.uniform(0, len(opened) / self.options.ramp_per_s))
            member = await self.join(place)
        if member is not None:
            came.append(member)
            self.progress.joined(len(came), of)

    async def _follow(self, member: Member) -> None:
        others = [other for other in self.fleet.room(member.room) if other is not member]
        expected = sum(len(other.publishing.kinds) for other in others)
        try:
            async with asyncio.timeout(FOLLOW_S):
                await member.participant.room_is_followed(expected)
        except TimeoutError:
            self.fleet.fail("media: not all tracks subscribed to in time")

    # Phases

    async def warm_up(self) -> None:
        self.progress.phase(Phase.WARMING_UP, self.options.warm_up_s)
        await asyncio.sleep(self.options.warm_up_s)

    async def measure(self, activity: Activity | None = None) -> None:
        """The measured window; what happens within it besides the media is `activity`, ended with it."""
        self.progress.phase(Phase.MEASURING, self.options.duration_s)
        async with asyncio.TaskGroup() as group, self._window():
            task = group.create_task(_run(activity), name="activity") if activity is not None else None
            try:
                await asyncio.sleep(max(0.0, self.options.duration_s - LAST_LOOK_S))
                earlier = self.fleet.packets()
                await asyncio.sleep(min(LAST_LOOK_S, self.options.duration_s))
            finally:
                if task is not None:
                    task.cancel()
                    await asyncio.wait((task,), timeout=ENDED_S)
            self.fleet.judge_playing(earlier)
            self.fleet.note_the_lost()

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[None]:
        await self.sampler.begin_window()
        self.window_began_s, self.window_s = time.monotonic() - self.began_s, 0.0
        if self.decoding is not None:
            await self.decoding.begin_window()
        try:
            yield
        finally:
            self.window_s = time.monotonic() - self.began_s - self.window_began_s
            await self.sampler.end_window()
            if self.decoding is not None:
                await self.decoding.end_window()

    def _no_report(self) -> Report:
        raise AssertionError("nobody said how a report is made")

    # Ending

    def stop(self, reason: str) -> None:
        """End before its time; what was measured is kept. `reason` is a sentence."""
        if self.stopped_for is None and self._body is not None and not self._body.done():
            self.stopped_for = reason
            self._body.cancel()

    def told_to_end(self, reason: str) -> None:
        """By somebody: ends it before its time, or else, when it ends already, without farewells."""
        if self.stopped_for is None and self._body is not None and not self._body.done():
            self.stop(reason)
            return
        self._hurried.set()
        if self._body is not None:
            self._body.cancel()

    async def play(self, body: Awaitable[None], opened: AsyncExitStack) -> None:
        """The scenario, with the time line and an eye on the servers beside it.

        Then everybody is let go, and what was opened for it closed.
        """
        opened.push_async_callback(self.fleet.close)
        try:
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(self.sampler.run(), name="sampler"),
                    group.create_task(self._watch_servers(), name="health"),
                ]
                self._body = group.create_task(_run(lambda: body), name="scenario")
                await asyncio.wait([self._body])
                for task in beside:
                    task.cancel()
        finally:
            self.progress.phase(Phase.CLOSING, None)
            await self._unless_hurried(opened.aclose())

    async def _unless_hurried(self, farewells: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(farewells, name="farewells")
        hurried = asyncio.create_task(self._hurried.wait(), name="hurried")
        try:
            await asyncio.wait((task, hurried), return_when=asyncio.FIRST_COMPLETED)
            while not task.done():
                task.cancel()  # ends one step of it; the next one may wait for something else
                await asyncio.wait((task,), timeout=CUT_EVERY_S)
        finally:
            hurried.cancel()
            task.cancel()
        if not task.cancelled():
            task.result()

    async def _watch_servers(self) -> None:
        missed = dict.fromkeys(self.options.servers, 0)
        dead: set[str] = set()
        while True:
            await asyncio.sleep(1.0)
            self.fleet.note_the_lost()
            looks = await asyncio.gather(*(health(self.http, origin) for origin in missed))
            for origin, found in zip(tuple(missed), looks, strict=True):
                if found is Health.ALIVE:
                    missed[origin] = 0
                    dead.discard(origin)
                    continue
                missed[origin] += 1
                if missed[origin] >= PATIENCE[found] and origin not in dead:
                    dead.add(origin)
                    self.fleet.fail("server: stopped answering")
            if dead:
                after_s = time.monotonic() - self.began_s
                names = " and ".join(origin for origin in missed if origin in dead)
                self.stop(f"{names} stopped answering {after_s:.0f} s after the beginning.")


async def _run(activity: Activity) -> None:
    await activity()
