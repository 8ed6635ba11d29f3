"""A real server as a child process, on free ports and with a data folder of its own; ended by its own pid.

Speaks only the public contract: the command line and settings (protocol §6), the log line that the server is
ready, which tells its ports, and the walk-in entrance. If this process is killed, the server goes with it.
"""

import asyncio
import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

READY_TIMEOUT_S = 120.0  # on a machine busy with other things; mostly it takes one second
STOP_TIMEOUT_S = 10.0
POLL_S = 0.01
REPOSITORY = Path(__file__).resolve().parent.parent
SERVE = (sys.executable, "-m", "media_server.cli", "serve", "--walk-in")


_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None)  # looked up here: between fork and exec is no time to


class ServerFailed(Exception):
    """The server ended, or was not ready in time. The end of its log is in the message."""


@dataclass(frozen=True, slots=True)
class Ports:
    http: int
    metrics: int
    media: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """What `Client` needs to join; the ticket lasts a minute and one use."""

    url: str
    ticket: str


class ServerProcess:
    """A running server. `origin` has no trailing slash."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        ports: Ports,
        data_dir: Path,
        log: Path,
        http: aiohttp.ClientSession,
    ) -> None:
        self.process = process
        self.pid = process.pid
        self.ports = ports
        self.http_port = ports.http
        self.origin = f"http://127.0.0.1:{ports.http}"
        self.signal_url = f"ws://127.0.0.1:{ports.http}/v1/signal"
        self.metrics_url = f"http://127.0.0.1:{ports.metrics}/metrics"
        self.data_dir = data_dir
        self._log = log
        self._http = http

    def log(self) -> str:
        """All that the server wrote so far."""
        return self._log.read_text(errors="replace")

    async def ticket(self, role: str = "doctor", room: str = "demo", name: str | None = None) -> Ticket:
        """A walk-in ticket. Raises aiohttp.ClientResponseError when the entrance refuses."""
        body = {"role": role, "room": room} | ({"name": name} if name is not None else {})
        async with self._http.post(f"{self.origin}/v1/walk-in/ticket", json=body) as response:
            response.raise_for_status()
            fields = await response.json()
        return Ticket(fields["url"], fields["ticket"])

    async def metrics(self) -> dict[str, float]:
        """The metrics by name and labels, as the text format writes them: `name{label="x"}`."""
        async with self._http.get(self.metrics_url) as response:
            text = await response.text()
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    async def stop(self) -> int:
        """Ask it to end, insist after a while; the exit status. May be called twice."""
        return await _stop(self.process)


@asynccontextmanager
async def running_server(
    settings: Mapping[str, str] | None = None,
    *,
    command: Sequence[str] = SERVE,
    cores: Collection[int] | None = None,
    beneath: Path | None = None,
) -> AsyncIterator[ServerProcess]:
    """A ready server; `settings` by their names without the prefix, e.g. {"WORKERS": "1"}.

    `cores` pins it. It has a folder of its own `beneath` another (the system's for temporary files), which
    goes with it; so does its data, unless DATA_DIR names another place. LOG_LEVEL has to leave the line that
    it is ready. Raises ServerFailed.
    """
    folder = Path(tempfile.mkdtemp(prefix="teleconsult-", dir=beneath))
    values = {
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": "0",
        "METRICS_PORT": "0",
        "MEDIA_PORT": "0",
        "MEDIA_HOST": "127.0.0.1",
        "DATA_DIR": str(folder / "data"),
    } | dict(settings or {})
    log = folder / "log"
    try:
        process = await _start(command, values, log)
        try:
            if cores is not None:
                os.sched_setaffinity(process.pid, cores)  # before it starts its threads, which inherit it
            ports = await _until_ready(process, log)
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
                yield ServerProcess(process, ports, Path(values["DATA_DIR"]), log, http)
        finally:
            await _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def dying_with_parent() -> Callable[[], None]:
    """For a child's `preexec_fn`: it is killed when we end, even if we are killed ourselves (prctl(2))."""
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return prepare


async def _start(command: Sequence[str], values: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    # A developer's own settings must not leak into the server under test.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELECONSULT_")}
    environment |= {f"TELECONSULT_{name}": value for name, value in values.items()}
    with log.open("wb") as written:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,  # words for people; the log is on standard error
            stderr=written,
            env=environment,
            cwd=REPOSITORY,
            preexec_fn=dying_with_parent(),
        )


async def _until_ready(process: asyncio.subprocess.Process, log: Path) -> Ports:
    """The ports it chose, once it says that it is ready. Raises ServerFailed."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while process.returncode is None:
                ports = _told_ports(log)
                if ports is not None:
                    return ports
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise ServerFailed(f"not ready after {READY_TIMEOUT_S:.0f} s:\n{_end_of(log)}") from error
    raise ServerFailed(f"ended with {process.returncode}:\n{_end_of(log)}")


def _told_ports(log: Path) -> Ports | None:
    """From the line `server.ready`, None as long as it is not there, or not whole."""
    for line in log.read_bytes().splitlines(keepends=True):
        if b'"server.ready"' in line and line.endswith(b"\n"):
            said = json.loads(line)
            return Ports(said["http_port"], said["metrics_port"], said["media_port"])
    return None


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _stop(process: asyncio.subprocess.Process) -> int:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        return await process.wait()
