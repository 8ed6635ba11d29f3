"""The contract of WaitingQueue, which every implementation keeps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from signalling.memory_waiting import MemoryWaiting
from signalling.redis_connection import open_redis
from signalling.redis_waiting import RedisWaiting
from signalling.waiting import HIGHEST_PRIORITY, ClaimerId, Waiting, WaitingId, WaitingQueue
from tests.redis_server import RedisServer, running_redis

DOCTOR, OTHER = ClaimerId("doctor"), ClaimerId("other")
TTL_S, CLAIM_S = 100.0, 10.0
PassTime = Callable[[float], Awaitable[None]]
Made = tuple[WaitingQueue, PassTime]


@asynccontextmanager
async def memory(_: RedisServer) -> AsyncIterator[Made]:
    now = 1000.0

    async def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    yield MemoryWaiting(lambda: now), pass_time


@asynccontextmanager
async def redis(server: RedisServer) -> AsyncIterator[Made]:
    async with open_redis(server.url) as connection:
        yield RedisWaiting(connection), server.age


IMPLEMENTATIONS: dict[str, Callable[[RedisServer], AbstractAsyncContextManager[Made]]] = {
    "memory": memory,
    "redis": redis,
}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=list(IMPLEMENTATIONS))
async def made(request: pytest.FixtureRequest, server: RedisServer) -> AsyncIterator[Made]:
    await server.empty()
    async with IMPLEMENTATIONS[request.param](server) as made:
        yield made


@pytest.fixture
def queue(made: Made) -> WaitingQueue:
    return made[0]


@pytest.fixture
def pass_time(made: Made) -> PassTime:
    return made[1]


async def push(
    queue: WaitingQueue,
    *names: str,
    language: str = "nl",
    priority: int = 0,
    since_ms: int | None = None,
) -> None:
    for name in names:
        await queue.push(Waiting(WaitingId(name), language, priority, since_ms), TTL_S)


async def taken(queue: WaitingQueue, claimer: ClaimerId = DOCTOR, languages: str = "nl fr") -> str | None:
    waiting = await queue.claim(claimer, languages.split(), CLAIM_S)
    return None if waiting is None else waiting.id


async def all_taken(queue: WaitingQueue) -> list[str]:
    names = []
    while (name := await taken(queue)) is not None:
        names.append(name)
        await queue.finish(DOCTOR, WaitingId(name))
    return names


async def test_equals_are_taken_in_the_order_in_which_they_came(queue: WaitingQueue) -> None:
    names = [f"patient-{n}" for n in range(20)]
    await push(queue, *names)
    assert await all_taken(queue) == names


async def test_the_urgent_go_first_whatever_their_language(queue: WaitingQueue) -> None:
    await push(queue, "a")
    await push(queue, "b", language="fr", priority=1)
    await push(queue, "c", priority=HIGHEST_PRIORITY)
    await push(queue, "d", language="fr", priority=1)
    assert await all_taken(queue) == ["c", "b", "d", "a"]


async def test_a_doctor_gets_those_whose_language_is_spoken(queue: WaitingQueue) -> None:
    await push(queue, "a", language="de")
    await push(queue, "b", language="fr")
    assert await taken(queue, languages="nl fr") == "b"
    assert await taken(queue, OTHER, languages="nl") is None


async def test_one_is_taken_by_one(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    got = await asyncio.gather(taken(queue), taken(queue, OTHER), taken(queue, ClaimerId("third")))
    assert sorted(map(str, got)) == ["None", "a", "b"]


async def test_whoever_asks_again_gets_the_same(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    assert [await taken(queue), await taken(queue)] == ["a", "a"]
    for _ in range(2):  # the second comes late, and ends nobody else
        await queue.finish(DOCTOR, WaitingId("a"))
        assert await taken(queue) == "b"


async def test_a_place_is_told_and_moves_up(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    await push(queue, "c", priority=1)
    await push(queue, "other", language="fr")
    assert [await queue.position(WaitingId(name)) for name in ("a", "b", "c", "other")] == [2, 3, 1, 1]
    await taken(queue)
    assert [await queue.position(WaitingId(name)) for name in ("a", "c", "nobody")] == [1, None, None]


async def test_whoever_is_given_back_has_the_old_place(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    await taken(queue)
    await push(queue, "c")
    for _ in range(2):
        await queue.give_back(DOCTOR, WaitingId("a"))
    assert await all_taken(queue) == ["a", "b", "c"]


async def test_a_claim_that_nobody_finishes_runs_out(queue: WaitingQueue, pass_time: PassTime) -> None:
    await push(queue, "a", "b")
    await taken(queue)
    await pass_time(CLAIM_S + 1)
    assert await queue.position(WaitingId("a")) == 1
    assert await taken(queue, OTHER) == "a"
    assert await taken(queue) == "b"


async def test_asking_again_keeps_a_claim(queue: WaitingQueue, pass_time: PassTime) -> None:
    await push(queue, "a")
    for _ in range(3):
        assert await taken(queue) == "a"
        await pass_time(CLAIM_S - 1)
    assert await taken(queue, OTHER) is None


async def test_waiting_again_keeps_the_place_and_ends_in_its_time(
    queue: WaitingQueue, pass_time: PassTime
) -> None:
    await push(queue, "a", "b")
    await pass_time(TTL_S - 1)
    await push(queue, "a")
    assert await queue.position(WaitingId("a")) == 1
    await push(queue, "c")
    await pass_time(2)
    assert await queue.position(WaitingId("c")) == 2
    assert await all_taken(queue) == ["a", "c"]


async def test_who_cancels_waits_no_longer(queue: WaitingQueue) -> None:
    await push(queue, "a", "b", "c")
    await queue.remove(WaitingId("b"))
    await queue.remove(WaitingId("b"))
    assert await taken(queue) == "a"
    await queue.remove(WaitingId("a"))  # while claimed
    await push(queue, "a")
    assert await taken(queue, OTHER) == "c"
    assert await taken(queue) == "a"


async def test_who_is_claimed_does_not_wait_twice(queue: WaitingQueue) -> None:
    await push(queue, "a")
    await taken(queue)
    await push(queue, "a")
    assert await taken(queue, OTHER) is None


def test_a_priority_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="priority"):
        Waiting(WaitingId("a"), "nl", HIGHEST_PRIORITY + 1)


async def test_a_doctor_may_take_this_one_whatever_the_place_and_language(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    await push(queue, "c", language="de")
    claimed = await queue.claim(DOCTOR, ["nl"], CLAIM_S, WaitingId("c"))
    assert claimed is not None
    assert (claimed.id, claimed.language) == ("c", "de")
    assert await queue.claim(OTHER, ["nl", "de"], CLAIM_S, WaitingId("c")) is None, "it is taken"
    assert await queue.claim(OTHER, ["nl"], CLAIM_S, WaitingId("nobody")) is None
    assert await queue.position(WaitingId("a")) == 1
    await queue.give_back(DOCTOR, WaitingId("c"))
    assert await taken(queue, OTHER, languages="de") == "c"


async def test_who_has_one_already_gets_that_whichever_was_asked_for(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    assert await taken(queue) == "a"
    claimed = await queue.claim(DOCTOR, ["nl"], CLAIM_S, WaitingId("b"))
    assert claimed is not None
    assert claimed.id == "a"
    assert await taken(queue, OTHER) == "b"


NOON_MS = 1_772_366_400_000


async def test_the_order_is_that_of_arrival_however_late_the_queue_learns_of_it(
    queue: WaitingQueue, pass_time: PassTime
) -> None:
    await push(queue, "third", since_ms=NOON_MS + 2000)
    await push(queue, "second", since_ms=NOON_MS + 1000)
    await push(queue, "urgent", since_ms=NOON_MS + 3000, priority=1)
    await push(queue, "first", since_ms=NOON_MS)
    assert [await queue.position(WaitingId(name)) for name in ("urgent", "first", "second", "third")] == [
        1,
        2,
        3,
        4,
    ]
    await pass_time(TTL_S + 1)  # out of sight for long; the first to be seen again came last
    await push(queue, "third", since_ms=NOON_MS + 2000)
    await push(queue, "first", since_ms=NOON_MS)
    await push(queue, "second", since_ms=NOON_MS + 1000)
    assert await all_taken(queue) == ["first", "second", "third"]


async def test_another_priority_moves_who_waits_among_equals_to_the_place_of_arrival(
    queue: WaitingQueue,
) -> None:
    await push(queue, "a", since_ms=NOON_MS)
    await push(queue, "b", since_ms=NOON_MS + 1000)
    await push(queue, "c", since_ms=NOON_MS + 2000)
    await push(queue, "c", since_ms=NOON_MS + 2000, priority=1)
    assert await queue.position(WaitingId("c")) == 1
    await push(queue, "b", since_ms=NOON_MS + 1000, priority=1)
    assert await queue.position(WaitingId("b")) == 1
    assert await all_taken(queue) == ["b", "c", "a"]


async def test_another_priority_takes_nobody_from_a_doctor(queue: WaitingQueue) -> None:
    await push(queue, "a", "b")
    assert await taken(queue) == "a"
    await push(queue, "a", priority=1)
    assert await queue.position(WaitingId("a")) is None
    await push(queue, "c", priority=1)
    await queue.give_back(DOCTOR, WaitingId("a"))
    assert await all_taken(queue) == ["a", "c", "b"]


async def test_a_doctor_may_take_those_of_a_priority_only(queue: WaitingQueue) -> None:
    await push(queue, "a")
    await push(queue, "b", language="fr", priority=100)
    assert await queue.claim(DOCTOR, ["nl"], CLAIM_S, least_priority=1) is None
    claimed = await queue.claim(DOCTOR, ["nl", "fr"], CLAIM_S, least_priority=100)
    assert claimed is not None
    assert (claimed.id, claimed.priority) == ("b", 100)
    assert await taken(queue, OTHER) == "a"
