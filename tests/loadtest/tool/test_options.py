"""What follows from a test's options before it begins."""

from typing import Any

import pytest

from loadtest.results import Options, ScenarioName, Silent, TicketSource
from loadtest.tool.errors import WrongUsage
from loadtest.tool.tester import Plan, run_test


def options(scenario: ScenarioName, **given: Any) -> Options:
    return Options(scenario=scenario, servers=("http://localhost:1",), tickets=TicketSource.KEYS, **given)


@pytest.mark.parametrize(
    ("scenario", "given", "participants"),
    [
        (ScenarioName.CONSULTATIONS, {"calls": 20}, 40),
        (ScenarioName.SOAK, {"calls": 20}, 40),
        (ScenarioName.GROUP, {"calls": 3, "participants": 6}, 18),
        (ScenarioName.FANOUT, {"calls": 1, "participants": 101}, 101),
        (ScenarioName.WAITING_ROOM, {"calls": 20, "doctors": 3}, 23),
        (ScenarioName.CONSULTATIONS, {"calls": 20, "find_capacity": True, "most_calls": 300}, 600),
        (ScenarioName.FANOUT, {"participants": 21, "find_capacity": True, "most_calls": 300}, 301),
    ],
)
def test_a_test_has_so_many_participants_at_a_time(
    scenario: ScenarioName, given: dict[str, Any], participants: int
) -> None:
    assert options(scenario, **given).most_participants == participants


@pytest.mark.parametrize(("calls", "threads", "needed"), [(10_001, 1, 2), (20_001, 2, 3)])
async def test_more_participants_than_the_threads_hold_are_refused_before_anything_begins(
    calls: int, threads: int, needed: int
) -> None:
    asked = options(ScenarioName.CONSULTATIONS, calls=calls, threads=threads)
    with pytest.raises(WrongUsage, match=rf"^--threads: {2 * calls} participants at a time take {needed},"):
        await run_test(Plan(asked), Silent())
