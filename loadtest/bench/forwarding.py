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
from pathlib import Path

from loadtest.bench.native import REPOSITORY, Unavailable, program, run, run_json
from loadtest.bench.summary import Summary

# A C program to hold ours against, if a checkout of it lies beside the repository; nothing depends on it.
YARDSTICK = REPOSITORY.parent / "shared" / "yardstick"
RUNS = 5
VIDEO_SIZE, AUDIO_SIZE = 1150, 100


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    subscribers: int
    size: int


LOADS = (
    Load("1", 1, VIDEO_SIZE),
    Load("2", 2, VIDEO_SIZE),
    Load("5", 5, VIDEO_SIZE),
    Load("20", 20, VIDEO_SIZE),
    Load("audio", 1, AUDIO_SIZE),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """µs of CPU per forwarded packet; `yardstick` and `ratio` None where there is no yardstick."""

    load: Load
    ours: Summary
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
    our_values: list[float] = []
    yardstick_values: list[float] = []
    for _ in range(runs):
        our_values.append(_run_ours(ours, load))
        if yardstick is not None:
            yardstick_values.append(_run_yardstick(yardstick, load))
    return Cost(load, Summary.of(our_values), Summary.of(yardstick_values) if yardstick_values else None)


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


def _run_ours(binary: Path, load: Load) -> float:
    audio = "1" if load.name == "audio" else "0"
    command = [str(binary), "--k", str(load.subscribers), "--payload", str(load.size), "--audio", audio]
    try:
        return float(run_json(command)["us_per_packet"])
    except KeyError as error:
        raise Unavailable("the data plane's benchmark printed other figures") from error


def _run_yardstick(binary: Path, load: Load) -> float:
    arguments = ["-k", str(load.subscribers), "-g", "-d", "full", "-n", str(load.size)]
    found = re.search(r"CPU\s+([\d.]+) us/forwarded packet", run([str(binary), *arguments]))
    if found is None:
        raise Unavailable("the yardstick printed no figures")
    return float(found[1])
