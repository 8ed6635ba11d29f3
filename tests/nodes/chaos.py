"""The scenarios at length, with a table of what was seen: `make chaos`.

The last line is one JSON object: `scenarios` {name: {passed, figures}}.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from rich.console import Console
from rich.table import Table

from media_server.recording.identity import Identity
from tests.nodes import scenarios
from tests.nodes.cluster import Cluster, a_cluster
from tests.nodes.scenarios import Figures, NotHeld

AWAY_S = 60.0

Scenario = Callable[[Cluster], Coroutine[Any, Any, Figures]]

CUSTODIAN = Identity.generate().recipient
SCENARIOS: dict[str, Scenario] = {
    "node-killed": lambda cluster: scenarios.node_killed(cluster, calls=10),
    "node-drained": lambda cluster: scenarios.node_drained(cluster, calls=10),
    "recording-moved": lambda cluster: scenarios.recording_moved(cluster, CUSTODIAN),
    "redis-restarted-empty": lambda cluster: scenarios.redis_restarted(cluster, calls=10, away_s=AWAY_S),
    "redis-stalled": lambda cluster: scenarios.redis_stalled(cluster, calls=10, away_s=AWAY_S),
    "queue-claimed-by-two": lambda _: scenarios.queue_claimed(patients=1000),
    "websocket-cut": lambda cluster: scenarios.websocket_cut(cluster, cut_s=10.0),
    "split-brain": lambda cluster: scenarios.split_brain(cluster, calls=10, paused_s=15.0),
    "load-of-one-redis": lambda cluster: scenarios.redis_load(cluster, joins=400),
}


# These need two from the start; the others begin with one, and start a second when it has all calls.
WITH_TWO = ("redis-restarted-empty", "redis-stalled", "load-of-one-redis")


async def _alone(name: str) -> Figures:
    nodes = 2 if name in WITH_TWO else 1
    async with a_cluster(nodes, settings=scenarios.recording(CUSTODIAN)) as cluster:
        return await SCENARIOS[name](cluster)


async def chaos(names: list[str]) -> bool:
    console = Console(width=140)
    table = Table("scenario", "held", "figures", title="What callers notice")
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        console.print(f"{name} …")
        try:
            figures, passed = await _alone(name), True
        except NotHeld as broken:
            figures, passed = broken.figures, False
        except Exception as error:  # whatever went wrong, the others are to be seen
            console.print_exception()
            figures, passed = {}, False
            results[name] = {"passed": passed, "figures": {}, "error": type(error).__name__}
        results.setdefault(name, {"passed": passed, "figures": figures})
        shown = "\n".join(f"{what}: {value:g}" for what, value in figures.items())
        table.add_row(name, "yes" if passed else "[red]no[/]", shown)
    console.print(table)
    print(json.dumps({"scenarios": results}))  # noqa: T201
    return all(result["passed"] for result in results.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.nodes.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SCENARIOS, []], help="which; all when left out")
    chosen = parser.parse_args().names
    raise SystemExit(0 if asyncio.run(chaos(chosen or list(SCENARIOS))) else 1)
