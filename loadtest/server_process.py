"""A real server as a child process, on free ports and with a data folder of its own; ended by its own pid.

Speaks only the public contract: the command line and settings (protocol §6), the walk-in entrance, `/readyz`.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

READY_TIMEOUT_S = 60.0  # on a machine busy with other things; mostly it takes one second
STOP_TIMEOUT_S = 10.0
POLL_S = 0.02
REPOSITORY = Path(__file__).resolve().parent.parent
SERVE = (sys.executable, "-m", "media_server.cli", "serve", "--walk-in")


class ServerFailed(Exception):
    """The server ended, or was not ready in time. The end of its log is in the message."""


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
        ports: tuple[int, int],
        data_dir: Path,
        log: Path,
        http: aiohttp.ClientSession,
    ) -> None:
        self.process = process
        self.pid = process.pid
        http_port, metrics_port = ports
        self.http_port = http_port
        self.origin = f"http://127.0.0.1:{http_port}"
        self.signal_url = f"ws://127.0.0.1:{http_port}/v1/signal"
        self.metrics_url = f"http://127.0.0.1:{metrics_port}/metrics"
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
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                return await self.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            return await self.process.wait()


@asynccontextmanager
async def running_server(
    settings: Mapping[str, str] | None = None,
    *,
    command: Sequence[str] = SERVE,
    cores: Collection[int] | None = None,
) -> AsyncIterator[ServerProcess]:
    """A ready server; `settings` by their names without the prefix, e.g. {"WORKERS": "1"}.

    `cores` pins it. The data folder goes with the server unless DATA_DIR names another. Raises ServerFailed.
    """
    folder = Path(tempfile.mkdtemp(prefix="teleconsult-"))
    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
    server: ServerProcess | None = None
    try:
        server = await _start(folder, settings or {}, command, cores, http)
        await _until_ready(server, http)
        yield server
    finally:
        if server is not None:
            await server.stop()
        await http.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _start(
    folder: Path,
    settings: Mapping[str, str],
    command: Sequence[str],
    cores: Collection[int] | None,
    http: aiohttp.ClientSession,
) -> ServerProcess:
    http_port, metrics_port = _free_ports(2)
    # A developer's own settings must not leak into the server under test.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELECONSULT_")}
    values = {
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(http_port),
        "METRICS_PORT": str(metrics_port),
        "MEDIA_PORT": "0",
        "MEDIA_HOST": "127.0.0.1",
        "DATA_DIR": str(folder / "data"),
    }
    values |= settings
    environment |= {f"TELECONSULT_{name}": value for name, value in values.items()}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,  # words for people; the log is on standard error
            stderr=log,
            env=environment,
            cwd=REPOSITORY,
        )
    if cores is not None:
        os.sched_setaffinity(process.pid, cores)  # before it starts its threads, which inherit it
    return ServerProcess(process, (http_port, metrics_port), Path(values["DATA_DIR"]), folder / "log", http)


async def _until_ready(server: ServerProcess, http: aiohttp.ClientSession) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while server.process.returncode is None:
                with suppress(aiohttp.ClientError, OSError):
                    async with http.get(f"{server.origin}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise ServerFailed(f"not ready after {READY_TIMEOUT_S:.0f} s:\n{server.log()[-2000:]}") from error
    raise ServerFailed(f"ended with {server.process.returncode}:\n{server.log()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on now. Held together until all are found, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
