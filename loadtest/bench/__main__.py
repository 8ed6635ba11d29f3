"""`make bench`: all benchmarks in one run, tables for people and one JSON object as the last line.

Core 0 carries what is measured and core 1 its clients, where there are two. A part that fails leaves its
figures empty and a note; it doesn't take the others with it.
"""

import argparse
import json
import os
import sys
from collections.abc import Awaitable, Callable

import uvloop
from rich.console import Console

from loadtest.bench import calls, forwarding, joins, memory
from loadtest.bench.cores import divided
from loadtest.bench.native import Unavailable
from loadtest.bench.report import Report
from loadtest.errors import ClientError
from loadtest.server_process import ServerFailed, ServerProcess, running_server

SERVER_SETTINGS = {"WORKERS": "1"}
PARTS = ("forwarding", "calls", "joins", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description="Measure; judge nothing.")
    parser.add_argument(
        "parts", nargs="*", choices=(*PARTS, []), metavar="PART", help=f"of {', '.join(PARTS)}; default all"
    )
    parser.add_argument("--runs", type=int, default=forwarding.RUNS, help="of each saturation measurement")
    parser.add_argument("--calls", type=int, default=calls.CALLS, help="one-to-one calls held")
    arguments = parser.parse_args()
    parts = set(arguments.parts or PARTS)
    console = Console(width=None if sys.stdout.isatty() else 140)
    report = Report()
    if "forwarding" in parts:
        _forwarding(report, console, arguments.runs)
    if "calls" in parts:
        _engine_calls(report, console, arguments.calls)
    uvloop.run(_with_server(report, console, parts, arguments.calls))
    report.show(console)
    print(json.dumps(report.figures()))  # noqa: T201  the figures are what this program is for


def _forwarding(report: Report, console: Console, runs: int) -> None:
    console.print("Forwarding at saturation …")
    try:
        report.costs, reason = forwarding.measure(runs)
    except Unavailable as error:
        reason = str(error)
    if reason is not None:
        report.notes.append(reason)


def _engine_calls(report: Report, console: Console, count: int) -> None:
    console.print("Calls, the data plane alone …")
    try:
        report.flows.append(calls.measure_engine(count))
    except Unavailable as error:
        report.notes.append(str(error))


async def _with_server(report: Report, console: Console, parts: set[str], call_count: int) -> None:
    server_cores, client_cores = divided()
    if client_cores is not None:
        os.sched_setaffinity(0, client_cores)

    async def the_calls(server: ServerProcess) -> None:
        report.flows.append(await calls.measure_server(server, call_count))

    async def the_joins(server: ServerProcess) -> None:
        report.joins = await joins.measure(server)

    async def the_memory(server: ServerProcess) -> None:
        report.memory = await memory.measure(server)

    measures: list[tuple[str, Callable[[ServerProcess], Awaitable[None]]]] = [
        ("calls", the_calls),
        ("joins", the_joins),
        ("memory", the_memory),
    ]
    for name, measure in measures:
        if name not in parts:
            continue
        console.print(f"{name.capitalize()} …")
        try:
            async with running_server(SERVER_SETTINGS, cores=server_cores) as server:
                await measure(server)
        except (ClientError, ServerFailed, Unavailable, TimeoutError, OSError) as error:
            report.notes.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[-1:]}")


if __name__ == "__main__":
    main()
