"""What can be played: each scenario is a coroutine over a Run."""

from collections.abc import Awaitable, Callable, Mapping

from loadtest.results import ScenarioName
from loadtest.tool.run import Run
from loadtest.tool.scenarios import calls, churn, reconnect, waiting_room

SCENARIOS: Mapping[ScenarioName, Callable[[Run], Awaitable[None]]] = {
    ScenarioName.CONSULTATIONS: calls.play,
    ScenarioName.GROUP: calls.play,
    ScenarioName.FANOUT: calls.play,
    ScenarioName.CHURN: churn.play,
    ScenarioName.WAITING_ROOM: waiting_room.play,
    ScenarioName.RECONNECT: reconnect.play,
    ScenarioName.SOAK: churn.soak,
}

__all__ = ["SCENARIOS"]
