"""The most calls (of a fan-out: receivers) that a server holds within the thresholds."""

from typing import Protocol

from loadtest.results import Capacity, CapacityStep, JoinStep, Report, ScenarioName
from loadtest.tool.capacity import CapacitySearch
from loadtest.tool.run import Place, Run
from loadtest.tool.scenarios.calls import NOTHING, Calls

DEFAULT_THRESHOLDS = ("loss<=0.1%", "latency.p99<=20ms", "playing>=100%", "joins.failed<=0%")
"""Where none were given: nobody notices anything."""


class Holding(Protocol):
    async def hold(self, count: int) -> None: ...


class Receivers:
    """One who sends, and so many who receive."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._room = run.new_room()

    async def hold(self, count: int) -> None:
        """Until there are so many; who has fallen out is replaced."""
        there = self._run.fleet.room(self._room)
        living = [member for member in there if member.participant.over is None]
        receiving = [member for member in living if member.role == "guest"]
        leaving = [*(member for member in there if member not in living), *receiving[count:]]
        for member in leaving:
            await self._run.fleet.leave(member)
        places = [Place(self._room, "guest", NOTHING)] * (count - len(receiving))
        if len(receiving) == len(living):  # nobody sends
            places.insert(0, Place(self._room, "doctor"))
        if places:
            await self._run.join_all(places)


async def search(run: Run) -> None:
    """Leaves the report of the last window that was within the thresholds, or else of the last one, in
    `run.best`.
    """
    options = run.options
    fans = options.scenario is ScenarioName.FANOUT
    holding: Holding = Receivers(run) if fans else Calls(run)
    looking = CapacitySearch(
        first=options.participants - 1 if fans else options.calls, most=options.most_calls
    )
    steps: list[CapacityStep] = []
    held: Report | None = None
    by_client = False
    # What the load tester cannot send, the server cannot lose; but fewer it may be able to send.
    while not (by_client and looking.holds) and (count := looking.next()) is not None:
        if steps and not steps[-1].passed:
            await holding.hold(0)  # all join anew: else there would be no joins to judge
        run.fleet.begin_step()
        await holding.hold(count)
        await run.warm_up()
        await run.measure()
        report = run.snapshot()
        passed = all(threshold.passed for threshold in report.thresholds)
        looking.told(passed)
        steps.append(_step(count, report))
        run.progress.capacity_step(steps[-1])
        held = report if passed else held
        by_client = looking.fails == count and steps[-1].client_is_limit
        over = (by_client and looking.holds is not None) or looking.next() is None
        limit = "client" if by_client else "server" if looking.fails is not None else "asked"
        limited = limit if over else None
        found = Capacity.model_validate({"steps": steps, "most": looking.holds, "limited_by": limited})
        run.best = (held or report).model_copy(update={"capacity": found})


def _step(count: int, report: Report) -> CapacityStep:
    expected = report.audio.expected + report.video.expected
    first = report.joins.steps_ms.get(JoinStep.FIRST_PACKET)
    failing = tuple(threshold.text for threshold in report.thresholds if not threshold.passed)
    return CapacityStep(
        calls=count,
        passed=not failing,
        failing=failing,
        loss=(report.audio.lost + report.video.lost) / expected if expected else None,
        latency_p99_ms=report.video.latency_ms.p99 or report.audio.latency_ms.p99,
        join_p95_ms=None if first is None else first.p95,
        server_cpu=None if report.server is None else report.server.cpu,
        client_cpu=None if report.client is None else report.client.cpu,
        client_is_limit=report.client is not None and report.client.is_limit,
    )
