"""News about rooms from one node to the others: bytes in, bytes out, in order, each within a second.

A node that acts on a room which lives elsewhere (a consent withdrawn there, a consultation closed) tells the
others, and the one that has the room follows. What was said while the store was away is lost; whoever listens
is told that there was a gap, and looks at the truth instead. Implementations: `LocalNews`, `RedisNews`.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from signalling.errors import StoreUnavailable
from signalling.redis_connection import PREFIX, RedisConnection

_EVERY_S = 0.25
_STREAM = f"{PREFIX}news"
_KEPT = 10_000
_LIFE_S = 60
_AT_ONCE = 500


class News(Protocol):
    async def publish(self, item: bytes) -> None:
        """Raises StoreUnavailable; then nobody may have heard it."""
        ...

    async def listen(self, heard: Callable[[bytes], None], gap: Callable[[], None]) -> None:
        """Hear the others, and oneself, until cancelled. `gap`: something may have been missed."""
        ...


class LocalNews:
    """For a node that is alone. `heard` is called by `publish` itself."""

    def __init__(self) -> None:
        self._heard: Callable[[bytes], None] = _nobody

    async def publish(self, item: bytes) -> None:
        self._heard(item)

    async def listen(self, heard: Callable[[bytes], None], gap: Callable[[], None]) -> None:
        self._heard = heard
        try:
            await asyncio.Event().wait()
        finally:
            self._heard = _nobody


class RedisNews:
    """A stream (Redis Streams) that every node reads four times a second: unlike a subscription it loses
    nothing when a connection breaks, and works on one server, behind Sentinel and on a Cluster alike.
    """

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis

    async def publish(self, item: bytes) -> None:
        await self._redis.call("XADD", _STREAM, "MAXLEN", "~", _KEPT, "*", "item", item)
        await self._redis.call("EXPIRE", _STREAM, _LIFE_S)

    async def listen(self, heard: Callable[[bytes], None], gap: Callable[[], None]) -> None:
        after: bytes | None = None
        while True:
            try:
                if after is None:
                    after = await self._newest()
                    gap()
                entries = await self._redis.call("XRANGE", _STREAM, b"(" + after, "+", "COUNT", _AT_ONCE)
                for id_, fields in entries:
                    after = id_
                    heard(fields.get(b"item", b""))
            except StoreUnavailable:
                after = None
            await asyncio.sleep(_EVERY_S)

    async def _newest(self) -> bytes:
        newest = await self._redis.call("XREVRANGE", _STREAM, "+", "-", "COUNT", 1)
        return bytes(newest[0][0]) if newest else b"0-0"


def _nobody(_item: bytes) -> None:
    """Nobody listens yet."""
