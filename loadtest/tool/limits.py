"""Which options make sense: numbers within reason, and none that the test would not heed. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from loadtest.results import Options, ScenarioName
from loadtest.tool.errors import WrongUsage

RANGES: Mapping[str, tuple[float, float, str]] = {
    "calls": (1, 1_000_000, ""),
    "participants": (2, 20_000, ""),
    "most": (1, 1_000_000, ""),
    "doctors": (1, 10_000, ""),
    "bots": (0, 20, ""),
    "seed": (0, 2**32 - 1, ""),
    "ramp": (0.01, 10_000, " a second"),
    "churn": (0.001, 1_000, " a second"),
    "duration": (0.1, 86_400, " seconds"),
    "warm_up": (0, 3_600, " seconds"),
    "cut_every": (2, 86_400, " seconds"),  # each is watched for a second after it is over
    "talk": (0, 86_400, " seconds"),
}
OF_SCENARIOS: Mapping[str, tuple[ScenarioName, ...]] = {
    "churn": (ScenarioName.CHURN, ScenarioName.SOAK),
    "cut_every": (ScenarioName.RECONNECT,),
    "doctors": (ScenarioName.WAITING_ROOM,),
    "talk": (ScenarioName.WAITING_ROOM,),
}
NOT_OF_WAITING_ROOM = ("warm_up", "recording")
MOST_TRACKS = 64
"""That one offer may name (signalling/PROTOCOL.md): who comes last names its own and all others'."""


def check_typed(given: Mapping[str, Any], typed: Collection[str]) -> None:
    """`given`: all by their parameters' names; `typed`: those that are no defaults. Raises WrongUsage."""
    for name, (low, high, unit) in RANGES.items():
        if given[name] is not None and not low <= given[name] <= high:
            raise WrongUsage(f"{_flag(name)}: give {low:.12g} to {high:.12g}{unit}")
    scenario: ScenarioName = given["scenario"]
    for name, scenarios in OF_SCENARIOS.items():
        if name in typed and scenario not in scenarios:
            raise WrongUsage(f"{_flag(name)}: is of {' and '.join(scenarios)}, not of {scenario}")
    for name in NOT_OF_WAITING_ROOM:
        if name in typed and scenario is ScenarioName.WAITING_ROOM:
            raise WrongUsage(f"{_flag(name)}: is not of {scenario}")
    _check_search(given, typed)


def _check_search(given: Mapping[str, Any], typed: Collection[str]) -> None:
    if not given["find_capacity"]:
        if "most" in typed:
            raise WrongUsage("--most: is of --find-capacity")
        return
    fans = given["scenario"] is ScenarioName.FANOUT
    if fans and "calls" in typed:
        raise WrongUsage("--calls: with fanout, --find-capacity looks for receivers; give --participants")
    first, what = (given["participants"], "participants") if fans else (given["calls"], "calls")
    if first is not None and first - fans > given["most"]:
        raise WrongUsage(f"--most {given['most']}: the search begins with more, the {first} of --{what}")


def check_room(options: Options) -> None:
    """Raises WrongUsage where so many in one room cannot see each other."""
    if options.scenario is not ScenarioName.GROUP:
        return
    kinds = len(options.publishing.kinds)
    if options.participants * kinds > MOST_TRACKS:
        raise WrongUsage(
            f"--participants: at most {MOST_TRACKS // 2} fit into one group, or {MOST_TRACKS} with "
            f"--no-video or --no-audio, as an offer names {MOST_TRACKS} tracks at most; "
            "give more groups with --calls"
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
