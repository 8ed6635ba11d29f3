"""What a process costs, as Linux tells: CPU time and resident memory."""

import time
from pathlib import Path


def cpu_s(pid: int) -> float:
    """User and system seconds of all threads, ended ones too, in nanosecond steps (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


def resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)
