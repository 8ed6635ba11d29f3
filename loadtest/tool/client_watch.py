"""The load tester's own cost, and whether it, not the server, was what held the test back."""

import os
import time
from dataclasses import dataclass, field

from loadtest.results import ClientFigures
from loadtest.tool import proc

THREAD_FULL = 0.9  # of a core, over the window
MACHINE_FULL = 0.97
LATE_MS = 10.0  # p99 of our own pace


@dataclass(frozen=True, slots=True)
class ClientLook:
    """`threads`: CPU seconds of each; `idle_s`: of the whole machine."""

    at_s: float
    cpu_s: float
    threads: dict[str, float] = field(default_factory=dict)
    idle_s: float = 0.0
    memory_mb: float = 0.0


def look() -> ClientLook:
    return ClientLook(
        at_s=time.monotonic(),
        cpu_s=time.process_time(),
        threads=proc.busiest_thread_s(os.getpid()),
        idle_s=proc.idle_s(),
        memory_mb=proc.look_at(os.getpid()).memory_mb,
    )


@dataclass(frozen=True, slots=True)
class ClientCost:
    """Within a window."""

    cpu: float  # in cores
    busiest_thread: float
    machine_busy: float  # share of all processors of the machine
    memory_mb: float


def cost_between(before: ClientLook, after: ClientLook, machine_cpus: int) -> ClientCost:
    seconds = max(after.at_s - before.at_s, 1e-6)
    threads = [cpu_s - before.threads.get(name, 0.0) for name, cpu_s in after.threads.items()]
    return ClientCost(
        cpu=(after.cpu_s - before.cpu_s) / seconds,
        busiest_thread=max(threads, default=0.0) / seconds,
        machine_busy=min(1.0, max(0.0, 1 - (after.idle_s - before.idle_s) / seconds / machine_cpus)),
        memory_mb=after.memory_mb,
    )


def judged(cost: ClientCost, *, cpu_max: float, cpus: int, late_p99_ms: float | None) -> ClientFigures:
    """The cost, with a warning when it was the limit. Pure."""
    if cost.busiest_thread >= THREAD_FULL:
        warning = (
            "A thread of the load tester used a whole core: the figures may be its own, not the server's."
        )
    elif cost.machine_busy >= MACHINE_FULL:
        warning = "This machine had no CPU left: the figures are those of too small a machine."
    elif late_p99_ms is not None and late_p99_ms > LATE_MS:
        warning = f"The load tester sent its packets late (p99 {late_p99_ms:.0f} ms): latency includes that."
    else:
        warning = None
    return ClientFigures(
        cpu=cost.cpu,
        cpu_max=cpu_max,
        cpus=cpus,
        memory_mb=cost.memory_mb,
        is_limit=warning is not None,
        warning=warning,
    )
