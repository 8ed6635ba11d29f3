"""What can be played: each scenario is a coroutine over a Run."""

from collections.abc import Awaitable, Callable, Mapping

from loadtest.tool.options import ScenarioName
from loadtest.tool.run import Run
from loadtest.tool.scenarios import calls

SCENARIOS: Mapping[ScenarioName, Callable[[Run], Awaitable[None]]] = {
    ScenarioName.CONSULTATIONS: calls.play,
    ScenarioName.GROUP: calls.play,
    ScenarioName.FANOUT: calls.play,
}

__all__ = ["SCENARIOS"]
