"""The way to Redis: one server, one found by Sentinel, or a Cluster; each call bounded in time.

URLs: `redis://[user:password@]host[:port][/db]`, `rediss://…` with TLS, `unix://…`,
`redis+sentinel://[user:password@]host[:port],host[:port]…/service[/db]` and
`redis+cluster://[user:password@]host[:port],host[:port]…`; the last two with `rediss+…` for TLS.

A Redis that is stopped, unreachable or paused is all the same here: StoreUnavailable, after a bounded wait.
For a moment after that further calls fail at once, so that a hundred joins don't wait for it one by one.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    DataError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

from signalling.errors import SignallingError, StoreUnavailable

PREFIX = "{teleconsult}:"
"""Of every key. The braces are a hash tag: all keys are in one slot of a Cluster, so that one script may
touch any of them.
"""

FORMAT = b"1"
"""The version of keys and values. Another one in Redis is another program's, and is left alone."""

FORMAT_LIFE_S = 30 * 86_400
OLDEST = (7, 0)
AT_ONCE = 48
"""Commands in flight; more wait for their turn, within their time."""
_PORT = 6379
_SENTINEL_PORT = 26_379
_DOWN_S = 0.3
_TRIES = 3
_AWAY = (TimeoutError, OSError, RedisError, RedisClusterException)  # the last is no RedisError


class BadStore(SignallingError):
    """This Redis cannot be used. The text is for the operator and quotes no password."""


@dataclass(frozen=True, slots=True)
class Script:
    """Lua that runs in Redis as one step."""

    text: str


_READ = Script("return redis.call('GET', KEYS[1])")


class RedisConnection:
    """Made by `open_redis`."""

    def __init__(self, client: Any, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._scripts: dict[Script, str] = {}
        self._down_until = float("-inf")
        self.calls = 0
        """Round trips tried; what was refused at once is none."""

    async def run(self, script: Script, keys: Sequence[str], *arguments: "str | bytes | float") -> Any:
        """What the script returns. `keys` without their prefix. Raises StoreUnavailable."""
        return await self._guarded(lambda: self._run(script, keys, arguments))

    async def call(self, *command: "str | bytes | float") -> Any:
        """One command. Keys in it need their prefix. Raises StoreUnavailable."""
        return await self._guarded(lambda: self._client.execute_command(*command))

    async def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        names = [PREFIX + key for key in keys]
        if script not in self._scripts:
            self._scripts[script] = await self._client.script_load(script.text)
        try:
            return await self._client.evalsha(self._scripts[script], len(names), *names, *arguments)
        except NoScriptError:  # another server since, or its cache was emptied
            return await self._client.eval(script.text, len(names), *names, *arguments)

    async def _guarded(self, do: Callable[[], Any]) -> Any:
        self._check_up()
        try:
            async with asyncio.timeout(_TRIES * self._timeout_s), self._turns:
                self._check_up()
                self.calls += 1
                return await do()
        except DataError:  # our bug
            raise
        except ResponseError as error:  # it is there, and does not do this one thing
            raise StoreUnavailable from error
        except _AWAY as error:
            self._down_until = self._clock() + _DOWN_S
            raise StoreUnavailable from error

    def _check_up(self) -> None:
        if self._clock() < self._down_until:
            raise StoreUnavailable

    async def check(self) -> None:
        """Whether it is a Redis that we can work with; marks it as ours. Raises BadStore."""
        try:
            async with asyncio.timeout(3 * _TRIES * self._timeout_s):
                await self._check()
        except (AuthenticationError, AuthorizationError) as error:
            raise BadStore("refuses our user name and password") from error
        except ReadOnlyError as error:
            raise BadStore("is a replica, which takes no writes: name the primary, or Sentinels") from error
        except ResponseError as error:
            # Without a password Redis answers NOAUTH, with one that it has not: WRONGPASS.
            word = str(error).split(" ", 1)[0]
            raise BadStore(f"does not let us work ({word})") from error
        except TimeoutError as error:
            raise BadStore("does not answer") from error
        except _AWAY as error:
            raise BadStore(f"cannot be reached ({type(error).__name__})") from error

    async def _check(self) -> None:
        info = await self._client.info("server")
        servers = [info] if "redis_version" in info else list(info.values())
        for each in servers:
            version = str(each["redis_version"])
            if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
                wanted = ".".join(map(str, OLDEST))
                raise BadStore(f"is of version {version}; at least {wanted} is needed")
        key = PREFIX + "format"
        await self._client.set(key, FORMAT, nx=True, ex=FORMAT_LIFE_S)
        found = await self._run(_READ, ["format"], ())  # by a script: they have to be allowed, too
        if found != FORMAT:
            raise BadStore(
                "holds keys of another version of this program; give this one a database of its own"
            )


@asynccontextmanager
async def open_redis(url: str, timeout_s: float = 1.0) -> AsyncIterator[RedisConnection]:
    """Connect and check. `timeout_s`: for one server to answer; a call takes _TRIES times that at the most.

    Raises BadStore.
    """
    client = _client(url, timeout_s)
    try:
        connection = RedisConnection(client, timeout_s)
        await connection.check()
        yield connection
    finally:
        with suppress(*_AWAY):
            async with asyncio.timeout(timeout_s):
                await client.aclose()


def _client(url: str, timeout_s: float) -> Any:
    parts = urlsplit(url)
    options: dict[str, Any] = {
        # One that does not answer is given up well before the caller is: there may be others to ask.
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # Our own callers try again, and know when it is worth it.
        "retry": Retry(NoBackoff(), 0),
        "max_connections": 2 * AT_ONCE,
    }
    try:
        scheme, _, kind = parts.scheme.partition("+")
        if not kind:
            return Redis.from_url(url, **options)
        if parts.username or parts.password:
            options |= {
                "username": unquote(parts.username or "") or None,
                "password": unquote(parts.password or ""),
            }
        if scheme == "rediss":
            options["ssl"] = True
        return _by_sentinel(parts, options) if kind == "sentinel" else _cluster(parts, options)
    except (TypeError, ValueError) as error:
        raise BadStore("is not a URL that can be read") from error


def _by_sentinel(parts: SplitResult, options: dict[str, Any]) -> Any:
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise BadStore("names no service: redis+sentinel://host:port,host:port/service")
    sentinels = Sentinel(  # type: ignore[no-untyped-call]  # the library's own gap
        _hosts(parts, _SENTINEL_PORT), sentinel_kwargs=_without_login(options), **options
    )
    return sentinels.master_for(service, redis_class=Redis, db=int(database or 0))


def _cluster(parts: SplitResult, options: dict[str, Any]) -> Any:
    nodes = [ClusterNode(host, port) for host, port in _hosts(parts, _PORT)]
    return RedisCluster(startup_nodes=nodes, **options)


def _without_login(options: dict[str, Any]) -> dict[str, Any]:
    """Sentinels have users of their own, mostly none."""
    own = {name: value for name, value in options.items() if name not in ("username", "password")}
    return own | {
        "socket_timeout": own["socket_timeout"] / 2,
        "socket_connect_timeout": own["socket_timeout"] / 2,
    }


def _hosts(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    hosts = []
    for each in parts.netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{each}")
        if not one.hostname:
            raise BadStore("names no host")
        hosts.append((one.hostname, one.port or port))
    return hosts
