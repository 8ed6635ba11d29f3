"""News between nodes, on Redis and within one process: in order, within a second, gaps told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from signalling import LocalNews, News, RedisNews, StoreUnavailable, open_redis
from tests.redis_server import RedisServer, running_redis


class Listener:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.gaps = 0
        self._changed = asyncio.Event()

    def hear(self, item: bytes) -> None:
        self.heard.append(item)
        self._changed.set()

    def gap(self) -> None:
        self.gaps += 1
        self._changed.set()

    async def until_gaps(self, count: int) -> None:
        await self.until(lambda: self.gaps == count)

    async def until_heard(self, count: int) -> None:
        await self.until(lambda: len(self.heard) == count)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def listening(news: News) -> AsyncIterator[Listener]:
    listener = Listener()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(news.listen(listener.hear, listener.gap))
        yield listener
        task.cancel()


async def test_alone_a_node_hears_itself_at_once() -> None:
    news = LocalNews()
    async with listening(news) as listener:
        await asyncio.sleep(0)  # the listener takes its first step
        await news.publish(b"one")
        assert listener.heard == [b"one"]
    await news.publish(b"to nobody")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def test_every_node_hears_what_is_said_from_then_on_in_order(redis: RedisServer) -> None:
    async with open_redis(redis.url) as one, open_redis(redis.url) as other:
        await RedisNews(one).publish(b"before")
        async with listening(RedisNews(one)) as first, listening(RedisNews(other)) as second:
            for listener in (first, second):
                await listener.until_gaps(1)  # it looks at the truth first
            for number in range(20):
                await RedisNews(other).publish(b"%d" % number)
            for listener in (first, second):
                await listener.until_heard(20)
                assert listener.heard == [b"%d" % number for number in range(20)]


async def test_after_an_outage_whoever_listens_is_told_of_the_gap() -> None:
    with running_redis() as server:
        async with open_redis(server.url) as connection, listening(RedisNews(connection)) as listener:
            await listener.until(lambda: listener.gaps == 1)
            server.stop()
            with pytest.raises(StoreUnavailable):
                await RedisNews(connection).publish(b"lost")
            server.start()
            await listener.until(lambda: listener.gaps == 2)
            await RedisNews(connection).publish(b"heard")
            await listener.until(lambda: listener.heard == [b"heard"])
