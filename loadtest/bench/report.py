"""The benchmarks' tables for people, and the one JSON object for programs."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtest.bench.calls import ENGINE, Flow
from loadtest.bench.forwarding import Cost, Load, Profile
from loadtest.bench.joins import Joins
from loadtest.bench.memory import Memory

NAMED = {
    Load(Profile.GCM_128, "video", 1): "1",
    Load(Profile.GCM_128, "video", 2): "2",
    Load(Profile.GCM_128, "video", 5): "5",
    Load(Profile.GCM_128, "video", 20): "20",
    Load(Profile.GCM_128, "audio", 1): "audio",
}
"""The loads that have a short name among the figures."""
RATIOS = ("1", "5", "20")


@dataclass(slots=True)
class Report:
    """What was measured; None where it could not be, `notes` say why."""

    costs: list[Cost] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    joins: tuple[Joins, Joins] | None = None
    memory: Memory | None = None
    notes: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """The last line: fixed names first, further ones after."""
        named = {NAMED[cost.load]: cost for cost in self.costs if cost.load in NAMED}
        alone, at_once = self.joins or (None, None)
        # Of the data plane alone or of nothing: the whole server's figures are its Python clients' as well.
        flow = next((flow for flow in self.flows if flow.what == ENGINE), None)
        memory = self.memory
        return {
            "ratio_to_yardstick": {name: rounded(named[name].ratio, 3) for name in RATIOS if name in named}
            or None,
            "us_per_packet": {name: rounded(cost.ours.median, 3) for name, cost in named.items()} or None,
            "latency_ms": {
                "p50": rounded(flow.p50_ms, 3) if flow else None,
                "p99": rounded(flow.p99_ms, 3) if flow else None,
            },
            "latency_of": ENGINE,
            "join_cpu_ms": rounded(at_once.cpu_ms) if at_once else None,
            "join_ms": {
                "p50": rounded(alone.first_packet_ms(0.5), 1) if alone else None,
                "p95": rounded(at_once.first_packet_ms(0.95), 1) if at_once else None,
            },
            "kb_per_participant": rounded(memory.kb_each, 1) if memory else None,
            "memory": _memory_figures(memory) if memory else None,
            "join_alone": _join_figures(alone) if alone else None,
            "join_20_at_once": _join_figures(at_once) if at_once else None,
            "calls": {flow.what: _flow_figures(flow) for flow in self.flows} or None,
            "forwarding": [_cost_figures(cost) for cost in self.costs] or None,
            "notes": self.notes,
        }

    def show(self, console: Console) -> None:
        if self.costs:
            console.print(_forwarding_table(self.costs))
        if self.flows:
            console.print(_flow_table(self.flows))
        if self.joins is not None:
            console.print(_join_table(*self.joins))
        if self.memory is not None:
            console.print(_memory_table(self.memory))
        for note in self.notes:
            console.print(f"[yellow]{note}")


def rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


def _cost_figures(cost: Cost) -> dict[str, Any]:
    load, ours, yardstick = cost.load, cost.ours, cost.yardstick
    return {
        "profile": load.profile.value,
        "kind": load.kind,
        "payload_bytes": load.size,
        "subscribers": load.subscribers,
        "threads": load.threads,
        "us_per_packet": {
            "median": rounded(ours.median, 3),
            "min": rounded(ours.least, 3),
            "max": rounded(ours.most, 3),
        },
        "yardstick_us_per_packet": rounded(yardstick.median, 3) if yardstick else None,
        "ratio_to_yardstick": rounded(cost.ratio, 3),
        "allocations_per_packet": rounded(cost.allocations.median, 4),
    }


def _join_figures(joins: Joins) -> dict[str, float | None]:
    return {
        "p50_ms": rounded(joins.first_packet_ms(0.5), 1),
        "p95_ms": rounded(joins.first_packet_ms(0.95), 1),
        "cpu_ms": rounded(joins.cpu_ms),
        "client_cpu_ms": rounded(joins.client_cpu_ms),
    }


def _memory_figures(memory: Memory) -> dict[str, float | None]:
    return {"grown_kb": memory.grown_kb, "history_kb": rounded(memory.history_kb, 0)}


def _flow_figures(flow: Flow) -> dict[str, Any]:
    return {
        "calls": flow.calls,
        "p50_ms": rounded(flow.p50_ms, 3),
        "p99_ms": rounded(flow.p99_ms, 3),
        "us_per_packet": rounded(flow.us_per_packet),
        "lost": flow.lost,
        "client_busy": rounded(flow.busy),
    }


def _forwarding_table(costs: list[Cost]) -> Table:
    table = Table(title="CPU per forwarded packet at saturation: median (least to most) of the runs, µs")
    for heading in ("SRTP", "kind", "payload B", "out of one", "threads", "data plane", "yardstick", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("allocations", justify="right")
    for cost in costs:
        load = cost.load
        table.add_row(
            load.profile.value,
            load.kind,
            str(load.size),
            str(load.subscribers),
            str(load.threads),
            str(cost.ours),
            "" if cost.yardstick is None else str(cost.yardstick),
            _text(cost.ratio),
            _text(cost.allocations.median, 4),
        )
    return table


def _flow_table(flows: list[Flow]) -> Table:
    title = f"One-to-one calls: what is measured on one core, its clients on the other. latency_ms: {ENGINE}"
    table = Table(title=title)
    for heading in (
        "",
        "calls",
        "latency p50 ms",
        "p99 ms",
        "µs/packet",
        "packets/s out",
        "lost",
        "clients' core",
    ):
        table.add_column(heading, justify="right")
    for flow in flows:
        table.add_row(
            flow.what,
            str(flow.calls),
            _text(flow.p50_ms),
            _text(flow.p99_ms),
            _text(flow.us_per_packet),
            f"{flow.packets_per_s:.0f}",
            str(flow.lost),
            "" if flow.busy is None else f"{flow.busy:.0%}",
        )
    return table


def _join_table(alone: Joins, at_once: Joins) -> Table:
    table = Table(title="A join, from before the WebSocket to the first decrypted packet, ms")
    for heading in (
        "",
        "WebSocket",
        "answer",
        "ICE",
        "DTLS",
        "first packet p50",
        "p95",
        "server CPU",
        "client CPU",
    ):
        table.add_column(heading, justify="right")
    for name, joins in (("alone", alone), ("20 at once", at_once)):
        steps = [_text(joins.step_ms(step), 1) for step in ("websocket", "answer", "ice", "dtls")]
        times = [_text(joins.first_packet_ms(share), 1) for share in (0.5, 0.95)]
        table.add_row(name, *steps, *times, _text(joins.cpu_ms), _text(joins.client_cpu_ms))
    return table


def _memory_table(memory: Memory) -> Table:
    table = Table(title="Resident memory of the server, from 20 to 100 participants, media flowing, kB")
    for heading in ("grown", "of it shared history", "for each participant, without history"):
        table.add_column(heading, justify="right")
    table.add_row(str(memory.grown_kb), _text(memory.history_kb, 0) or "not told", f"{memory.kb_each:.0f}")
    return table


def _text(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"
