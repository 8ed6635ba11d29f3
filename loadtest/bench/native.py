"""The data plane's own benchmark programs: built once, run, their last line of JSON read."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
CRATE = REPOSITORY / "sfu" / "dataplane"
FOLDER_VARIABLE = "TELECONSULT_BENCH_PROGRAMS"  # a folder of ready-built programs, for machines without Rust
RUN_TIMEOUT_S = 120.0


class Unavailable(Exception):
    """A part of the benchmark cannot be measured here; the text says why."""


def program(name: str) -> Path:
    """One of the programs. Raises Unavailable."""
    path = _folder() / name
    if not path.exists():
        raise Unavailable(f"the data plane has no benchmark {name}")
    return path


@cache
def _folder() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    cargo = [str(REPOSITORY / ".ci" / "with-rust"), "cargo", "build", "--release", "--locked", "--quiet"]
    arguments = ["--manifest-path", str(CRATE / "Cargo.toml"), "--package", "dataplane-bench"]
    built = subprocess.run([*cargo, *arguments], capture_output=True, text=True, check=False)
    if built.returncode != 0:
        last = (built.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"the data plane's benchmarks do not build: {last}")
    return CRATE / "target" / "release"


def run(command: list[str]) -> str:
    """What a program prints. Raises Unavailable when it fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=RUN_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise Unavailable(f"{Path(command[0]).name} failed: {type(error).__name__}") from error
    return done.stdout


def run_json(command: list[str]) -> dict[str, Any]:
    """The last line of JSON that a program prints. Raises Unavailable."""
    for line in reversed(run(command).splitlines()):
        if line.startswith("{"):
            figures: dict[str, Any] = json.loads(line)
            return figures
    raise Unavailable(f"{Path(command[0]).name} printed no figures")
