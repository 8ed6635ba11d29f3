"""A real redis-server for tests, of this process and for it alone.

with running_redis() as server:
    async with open_redis(server.url) as connection: ...
"""

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from loadtest.server_process import dying_with_parent
from signalling.redis_connection import PREFIX

PATIENCE_S = 10.0
HIGHEST_PORT = 55_535  # a Cluster's own conversation takes the port 10,000 above

# Every key loses that much of its life; what has none left is gone.
_AGE = """
local keys = redis.call('KEYS', '*')
for _, key in ipairs(keys) do
  local left = redis.call('PTTL', key)
  assert(left >= 0, 'a key without a life time: ' .. key)
  if left <= tonumber(ARGV[1]) then redis.call('DEL', key) else redis.call('PEXPIRE', key, left - ARGV[1]) end
end
"""


class RedisServer:
    """Holds nothing across a restart. Listens on loopback, on one port for its whole life."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.port = _free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        command = ["redis-server", *self._options, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self._folder)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=dying_with_parent()
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if b"Ready to accept connections" in line or b"+monitor master" in line:
                return
        raise RuntimeError(f"redis-server does not start: {said}")

    def stop(self) -> None:
        """At once, and everything it held is lost. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def pause(self) -> None:
        """It takes connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    async def empty(self) -> None:
        await self._ask("FLUSHALL")

    async def age(self, seconds: float) -> None:
        """As if so much time had passed, for every key. Fails when one would live for ever."""
        await self._ask("EVAL", _AGE, 0, round(seconds * 1000))

    async def seem_in_use(self) -> None:
        """As if nodes had been heard of until now, and for as long as it takes to start one."""
        await self._ask("SET", f"{PREFIX}pulse", "1", "PX", round(PATIENCE_S * 1000))

    async def _ask(self, *command: "str | int") -> Any:
        client: Any = Redis(host="127.0.0.1", port=self.port)
        try:
            return await client.execute_command(*command)
        finally:
            await client.aclose()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "not running"
        self._process.send_signal(number)

    async def make_cluster(self) -> None:
        """It alone has all slots; started with `--cluster-enabled yes`."""
        await self._ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        async with asyncio.timeout(PATIENCE_S):
            while b"cluster_state:ok" not in await self._ask("CLUSTER", "INFO"):  # noqa: ASYNC110  no event
                await asyncio.sleep(0.05)


def running_redis(*options: str) -> AbstractContextManager[RedisServer]:
    return _running("--save", "", "--appendonly", "no", *options)


@contextmanager
def running_sentinel(master: RedisServer, service: str) -> Iterator[RedisServer]:
    """A Sentinel that knows `master` by the name of the service."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as configuration:
        configuration.write(f"sentinel monitor {service} 127.0.0.1 {master.port} 1\n")
        configuration.flush()
        with _running(configuration.name, "--sentinel") as sentinel:
            yield sentinel


@contextmanager
def _running(*options: str) -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder, options)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port <= HIGHEST_PORT:
            return port
