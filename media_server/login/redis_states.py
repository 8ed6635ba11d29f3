"""Logins under way and apps' codes in Redis: a browser may come back to another node of the service."""

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from auth import OneTime, PendingLogin
from media_server.login.app_codes import AppCode

V = TypeVar("V")

LOGINS: Final = "{teleconsult}:login:"
CODES: Final = "{teleconsult}:login-code:"


class Redis(Protocol):
    """What of `signalling.open_redis` is used here. Raises StoreUnavailable."""

    async def call(self, *command: "str | bytes | float") -> Any: ...


class RedisOneTime(Generic[V]):
    """Implements `OneTime`. A value is taken with GETDEL: by one caller, also among many nodes."""

    def __init__(
        self, redis: Redis, prefix: str, write: Callable[[V], str], read: Callable[[bytes], V]
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._write = write
        self._read = read

    async def save(self, key: str, value: V, ttl_s: float) -> None:
        await self._redis.call("SET", f"{self._prefix}{key}", self._write(value), "PX", round(ttl_s * 1000))

    async def take(self, key: str) -> V | None:
        found: bytes | None = await self._redis.call("GETDEL", f"{self._prefix}{key}")
        return None if found is None else self._read(found)


def login_states(redis: Redis) -> OneTime[PendingLogin]:
    return RedisOneTime(redis, LOGINS, PendingLogin.to_json, PendingLogin.from_json)


def app_codes(redis: Redis) -> OneTime[AppCode]:
    return RedisOneTime(redis, CODES, AppCode.to_json, AppCode.from_json)
