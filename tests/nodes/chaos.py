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

from tests.nodes import scenarios
from tests.nodes.scenarios import Figures, NotHeld

AWAY_S = 60.0

SCENARIOS: dict[str, Callable[[], Coroutine[Any, Any, Figures]]] = {
    "node-killed": lambda: scenarios.node_killed(calls=10),
    "node-drained": lambda: scenarios.node_drained(calls=10),
    "recording-moved": scenarios.recording_moved,
    "redis-restarted-empty": lambda: scenarios.redis_restarted(calls=10, away_s=AWAY_S),
    "redis-stalled": lambda: scenarios.redis_stalled(calls=10, away_s=AWAY_S),
    "queue-claimed-by-two": lambda: scenarios.queue_claimed(patients=1000),
    "websocket-cut": lambda: scenarios.websocket_cut(cut_s=10.0),
    "split-brain": lambda: scenarios.split_brain(calls=10, paused_s=15.0),
    "load-of-one-redis": lambda: scenarios.redis_load(joins=400),
}


async def chaos(names: list[str]) -> bool:
    console = Console(width=140)
    table = Table("scenario", "held", "figures", title="What callers notice")
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        console.print(f"{name} …")
        try:
            figures, passed = await SCENARIOS[name](), True
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
