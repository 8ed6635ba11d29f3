"""CPU per forwarded packet at saturation, the data plane beside the plain C yardstick, run and run about.

Absolute times on a shared machine mean little: what counts is the ratio within one run.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from pathlib import Path

from loadtest.bench.native import REPOSITORY, Unavailable, program, run, run_json
from loadtest.bench.summary import Summary

# A C program to hold ours against, if a checkout of it lies beside the repository; nothing depends on it.
YARDSTICK = REPOSITORY.parent / "shared" / "yardstick"
RUNS = 5
SECONDS = "0.8"
VIDEO_SIZE, AUDIO_SIZE = 1150, 100


class Profile(Enum):
    """SRTP protection profiles (RFC 3711, RFC 7714), by the name that both programs' options are made of."""

    GCM_128 = "gcm128"
    GCM_256 = "gcm256"
    CM_80 = "cm80"


YARDSTICK_PROFILES = {Profile.GCM_128: "gcm", Profile.CM_80: "cm"}


@dataclass(frozen=True, slots=True)
class Load:
    profile: Profile
    kind: str
    subscribers: int
    threads: int = 1

    @property
    def size(self) -> int:
        """Of the payload, in bytes."""
        return VIDEO_SIZE if self.kind == "video" else AUDIO_SIZE


SUBSCRIBERS = (1, 2, 5, 20)
LOADS = (
    *(Load(profile, kind, k) for profile in Profile for kind in ("video", "audio") for k in SUBSCRIBERS),
    *(Load(Profile.GCM_128, "video", k, threads=2) for k in SUBSCRIBERS),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """µs of CPU per forwarded packet; `yardstick` and `ratio` None where there is no yardstick."""

    load: Load
    ours: Summary
    allocations: Summary
    yardstick: Summary | None

    @property
    def ratio(self) -> float | None:
        return None if self.yardstick is None else self.ours.median / self.yardstick.median


def measure(runs: int = RUNS) -> tuple[list[Cost], str | None]:
    """The costs, and why there is no yardstick, if so. Raises Unavailable when our program cannot be had."""
    ours = program("forward")
    with built_yardstick() as (yardstick, reason):
        return [_alternate(load, ours, yardstick, runs) for load in LOADS], reason


def _alternate(load: Load, ours: Path, yardstick: Path | None, runs: int) -> Cost:
    profile = YARDSTICK_PROFILES.get(load.profile) if load.threads == 1 else None
    costs: list[float] = []
    allocations: list[float] = []
    yardstick_costs: list[float] = []
    for _ in range(runs):
        cost, allocated = _run_ours(ours, load)
        costs.append(cost)
        allocations.append(allocated)
        if yardstick is not None and profile is not None:
            yardstick_costs.append(_run_yardstick(yardstick, load, profile))
    beside = Summary.of(yardstick_costs) if yardstick_costs else None
    return Cost(load, Summary.of(costs), Summary.of(allocations), beside)


@contextmanager
def built_yardstick() -> Iterator[tuple[Path | None, str | None]]:
    """The yardstick's program in a temporary folder, or the reason why there is none."""
    folder = Path(os.environ.get("TELECONSULT_YARDSTICK", YARDSTICK))
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not (folder / "forward.c").exists():
        yield (
            None,
            f"no yardstick: {folder.name}/forward.c is not there (TELECONSULT_YARDSTICK names its folder)",
        )
        return
    if compiler is None:
        yield None, "no yardstick: no C compiler"
        return
    with tempfile.TemporaryDirectory(prefix="teleconsult-yardstick-") as temporary:
        binary = Path(temporary) / "forward"
        source = str(folder / "forward.c")
        built = subprocess.run(
            [compiler, "-O2", "-pthread", "-o", str(binary), source, "-lcrypto"],
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            yield None, "no yardstick: it does not compile (libssl-dev missing?)"
        else:
            yield binary, None


def _run_ours(binary: Path, load: Load) -> tuple[float, float]:
    """µs of CPU and allocations, per forwarded packet."""
    options = {
        "--k": str(load.subscribers),
        "--payload": str(load.size),
        "--audio": "1" if load.kind == "audio" else "0",
        "--profile": load.profile.value,
        "--threads": str(load.threads),
        "--seconds": SECONDS,
    }
    figures = run_json([str(binary), *chain.from_iterable(options.items())])
    try:
        return float(figures["us_per_packet"]), float(figures["allocations_per_packet"])
    except KeyError as error:
        raise Unavailable("the data plane's benchmark printed other figures") from error


def _run_yardstick(binary: Path, load: Load, profile: str) -> float:
    arguments = ["-k", str(load.subscribers), "-g", "-d", "full", "-n", str(load.size), "-s", profile]
    found = re.search(r"CPU\s+([\d.]+) us/forwarded packet", run([str(binary), *arguments, "-t", "1"]))
    if found is None:
        raise Unavailable("the yardstick printed no figures")
    return float(found[1])
