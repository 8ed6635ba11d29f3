"""What Linux tells of processes and of this machine (proc(5)): CPU, memory, threads, descriptors, ports."""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class ProcessLook:
    """One look at a process. `cpu_s`: of all its threads since it began."""

    cpu_s: float
    memory_mb: float
    threads: int
    descriptors: int | None  # None where we may not look


def look_at(pid: int) -> ProcessLook:
    """Raises OSError when there is no such process."""
    status = dict(
        line.split(":", 1) for line in (PROC / str(pid) / "status").read_text().splitlines() if ":" in line
    )
    try:
        descriptors: int | None = len(os.listdir(PROC / str(pid) / "fd"))
    except PermissionError:
        descriptors = None
    return ProcessLook(
        cpu_s=time.clock_gettime(~pid << 3 | 2),  # clock_getcpuclockid(3): in nanoseconds, not in ticks
        memory_mb=int(status.get("VmRSS", "0 kB").split()[0]) * 1024 / MB,
        threads=int(status.get("Threads", "0")),
        descriptors=descriptors,
    )


def listener_on(port: int) -> int | None:
    """The process on this machine that listens on a TCP port, None when none does or we may not see it."""
    sockets = {
        fields[9]
        for table in ("tcp", "tcp6")
        for fields in _rows(PROC / "net" / table)
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    if not sockets:
        return None
    wanted = {f"socket:[{inode}]" for inode in sockets}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and _has_one_of(folder / "fd", wanted):
            return int(folder.name)
    return None


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []


def _has_one_of(folder: Path, wanted: set[str]) -> bool:
    try:
        return any(os.readlink(entry) in wanted for entry in folder.iterdir())
    except OSError:
        return False  # another's, or gone meanwhile


def busiest_thread_s(pid: int) -> dict[str, float]:
    """CPU seconds of each thread of a process, by its id, in steps of a hundredth."""
    times: dict[str, float] = {}
    for task in (PROC / str(pid) / "task").iterdir():
        try:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        times[task.name] = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return times


def idle_s() -> float:
    """Idle seconds of all processors of the machine together, since it began."""
    fields = (PROC / "stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / TICKS_PER_S


def cpu_model() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MB
