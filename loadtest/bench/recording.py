"""`make bench-recording`: what recording adds to the server's CPU, to forwarding latency and to memory.

One run holds synthetic calls, all at 1.2 Mbit/s, and records all of them in every other window; figures are
medians over the windows. The last line is one JSON object. Core 0 carries the server and core 1 its clients,
where there are two. The latency is the clients' as well as the server's: what counts is the difference.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pyrage
import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.bench.calls import CALLS, Flow, held_calls, window
from loadtest.bench.cores import divided
from loadtest.bench.process_cost import resident_kb
from loadtest.bench.report import rounded
from loadtest.bench.summary import Summary
from loadtest.lean import LeanParticipant
from loadtest.server_process import ServerProcess, running_server

ROUNDS = 5
WINDOW_S = 6.0
SETTLE_S = 1.5  # after starting or stopping, before a window begins
STATE_TIMEOUT_S = 20.0
LOOK_S = 0.1


@dataclass(slots=True)
class Measured:
    """The windows without and with recording, in pairs; the most memory seen in each, kB."""

    without: list[Flow] = field(default_factory=list)
    recorded: list[Flow] = field(default_factory=list)
    kb_without: list[int] = field(default_factory=list)
    kb_recorded: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        calls = self.without[0].calls
        # Each pair ran at about the same time, so that what else the machine does is in both.
        overheads = [
            (on.us_per_packet or 0) / off.us_per_packet - 1
            for off, on in zip(self.without, self.recorded, strict=True)
            if off.us_per_packet
        ]
        grown_kb = max(self.kb_recorded) - self.kb_without[0]
        return {
            "cpu_overhead": rounded(median(overheads), 3),
            "p99_ms_without": rounded(_p99(self.without), 3),
            "p99_ms_with": rounded(_p99(self.recorded), 3),
            "mib_per_recording": rounded(grown_kb / 1024 / calls, 2),
            "calls": calls,
            "cpu_overheads": [rounded(each, 3) for each in overheads],
            "us_per_packet_without": rounded(_us(self.without)),
            "us_per_packet_with": rounded(_us(self.recorded)),
            "packets_per_s": rounded(median(flow.packets_per_s for flow in self.recorded), 0),
            "lost": sum(flow.lost for flow in self.recorded),
            "client_busy": rounded(median(flow.busy or 0 for flow in self.recorded)),
        }


async def measure(calls: int, rounds: int) -> Measured:
    server_cores, client_cores = divided()
    if client_cores is not None:
        os.sched_setaffinity(0, client_cores)
    custodian = pyrage.x25519.Identity.generate().to_public()
    settings = {
        "WORKERS": "1",
        "POLICY": "consented-recording",
        "RECORDING_CUSTODIANS": str(custodian),
        "MAX_RECORDINGS": str(calls),
    }
    measured = Measured()
    async with (
        running_server(settings, cores=server_cores) as server,
        held_calls(server, calls) as participants,
    ):
        await asyncio.gather(*(p.consent("recording", "granted") for p in participants))
        for _ in range(rounds):
            await _watched(server, participants, measured.without, measured.kb_without)
            await _switch(participants, "start", "on")
            await _watched(server, participants, measured.recorded, measured.kb_recorded)
            await _switch(participants, "stop", "off")
    return measured


async def _watched(
    server: ServerProcess, participants: list[LeanParticipant], flows: list[Flow], kilobytes: list[int]
) -> None:
    await asyncio.sleep(SETTLE_S)
    most = resident_kb(server.pid)
    measuring = asyncio.create_task(window(server, participants, WINDOW_S))
    while not measuring.done():
        await asyncio.sleep(LOOK_S)
        most = max(most, resident_kb(server.pid))
    flows.append(await measuring)
    kilobytes.append(most)


async def _switch(participants: Sequence[LeanParticipant], action: str, state: str) -> None:
    """Have every call's doctor start or stop its recording; returns when all rooms say so."""
    doctors = participants[::2]
    await asyncio.gather(*(doctor.recording(action) for doctor in doctors))
    async with asyncio.timeout(STATE_TIMEOUT_S):
        while any(doctor.room.recording != state for doctor in doctors):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


def _p99(flows: Sequence[Flow]) -> float:
    return median(flow.p99_ms or 0 for flow in flows)


def _us(flows: Sequence[Flow]) -> float:
    return median(flow.us_per_packet or 0 for flow in flows)


def _table(measured: Measured) -> Table:
    table = Table(
        title=f"{measured.without[0].calls} one-to-one calls: median (least to most) of the windows"
    )
    for heading in ("", "µs/packet", "p50 ms", "p99 ms", "most memory MiB", "lost"):
        table.add_column(heading, justify="right")
    for name, flows, kilobytes in (
        ("not recorded", measured.without, measured.kb_without),
        ("recorded", measured.recorded, measured.kb_recorded),
    ):
        table.add_row(
            name,
            str(Summary.of([flow.us_per_packet or 0 for flow in flows])),
            str(Summary.of([flow.p50_ms or 0 for flow in flows])),
            str(Summary.of([flow.p99_ms or 0 for flow in flows])),
            f"{max(kilobytes) / 1024:.1f}",
            str(sum(flow.lost for flow in flows)),
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.recording", description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS, help="one-to-one calls held")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of windows")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    measured = uvloop.run(measure(arguments.calls, arguments.rounds))
    console.print(_table(measured))
    print(json.dumps(measured.figures()))  # noqa: T201  the figures are what this program is for


if __name__ == "__main__":
    main()
