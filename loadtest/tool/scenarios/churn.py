"""Calls that are held while some leave and others take their places; for long, that is a soak."""

import asyncio
import time

from loadtest.tool.fleet import Member
from loadtest.tool.run import Place, Run
from loadtest.tool.sampler import Sampler
from loadtest.tool.scenarios.calls import Calls
from loadtest.tool.server_watch import Look
from loadtest.tool.trend import settled, trends

SETTLE_S = 60.0  # in which everything has to be gone from the server, once everybody has left
LOOK_AGAIN_S = 0.5


async def churn(run: Run, calls: Calls) -> None:
    """Until cancelled: at moments of a Poisson process somebody leaves, and another comes in the same role.

    One at a time in each room, so that no room falls empty and ends.
    """
    busy: set[str] = set()
    async with asyncio.TaskGroup() as replacing:
        while True:
            await asyncio.sleep(run.draw.expovariate(run.options.churn_per_s))
            free = [room for room in calls.rooms if room not in busy]
            members = run.fleet.room(run.draw.choice(free)) if free else []
            if members:
                leaving = run.draw.choice(members)
                busy.add(leaving.room)
                replacing.create_task(_replace(run, leaving, busy), name="replace")


async def _replace(run: Run, leaving: Member, busy: set[str]) -> None:
    try:
        await run.fleet.leave(leaving)
        await run.join(Place(leaving.room, leaving.role, leaving.publishing))
    finally:
        busy.discard(leaving.room)


async def play(run: Run) -> None:
    calls = Calls(run)
    await calls.hold(run.options.calls)
    await run.warm_up()
    await run.measure(lambda: churn(run, calls))


async def soak(run: Run) -> None:
    """Churn, with a look at the servers before anybody came and after everybody has left."""
    before = await run.sampler.look()
    await play(run)
    window = list(run.sampler.looks)
    await run.fleet.close()
    after = await _settled(run.sampler, before)
    run.trends = trends(before, window, after)


async def _settled(sampler: Sampler, before: Look) -> Look:
    """The servers once nothing of the test is left there, or when they have had long enough."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        look = await sampler.look()
        if settled(before, look) or time.monotonic() > deadline:
            return look
        await asyncio.sleep(LOOK_AGAIN_S)
