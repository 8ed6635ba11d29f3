"""What is taken once: the same contract in memory and in a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from auth import Acr, LoginStates, MemoryOneTime, PendingLogin, Private, SessionId
from media_server.login.app_codes import AppCode, give, redeem
from media_server.login.errors import GrantRefused
from media_server.login.redis_states import app_codes, login_states
from signalling import open_redis
from tests.auth.builders import HandClock
from tests.redis_server import RedisServer, running_redis

LOGIN = PendingLogin(
    nonce=Private("n0nce"),
    code_verifier=Private("v" * 64),
    browser="b" * 64,
    acr=Acr.ADVANCED,
    started_at=1_800_000_000.5,
    context='["patient", "/patient", null]',
)
VERIFIER = Private("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
CODE = AppCode(SessionId("s-1"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")

Pass = Callable[[float], Awaitable[None]]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def states(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> AsyncIterator[tuple[LoginStates, Pass]]:
    """A store, and how to let time pass for it."""
    if request.param == "memory":
        clock = HandClock()

        async def turn(seconds: float) -> None:
            clock.now += seconds

        yield MemoryOneTime[PendingLogin](clock=clock), turn
        return
    await redis_server.empty()
    async with open_redis(redis_server.url) as redis:
        yield login_states(redis), redis_server.age


Store = tuple[LoginStates, Pass]


async def test_what_was_saved_is_taken_as_it_was(states: Store) -> None:
    store, _ = states
    await store.save("key", LOGIN, 300)
    assert await store.take("key") == LOGIN


async def test_it_is_taken_once_however_many_ask_at_once(states: Store) -> None:
    store, _ = states
    await store.save("key", LOGIN, 300)
    taken = await asyncio.gather(*(store.take("key") for _ in range(20)))
    assert [each for each in taken if each is not None] == [LOGIN]
    assert await store.take("key") is None


async def test_what_was_never_saved_is_not_there(states: Store) -> None:
    store, _ = states
    await store.save("key", LOGIN, 300)
    assert await store.take("other") is None


async def test_it_ends_with_its_time(states: Store) -> None:
    store, let_pass = states
    await store.save("early", LOGIN, 299)
    await store.save("late", LOGIN, 600)
    await let_pass(299)
    assert await store.take("early") is None
    assert await store.take("late") == LOGIN


async def test_memory_has_an_end_and_the_oldest_make_room() -> None:
    store = MemoryOneTime[int](most=3, clock=HandClock())
    for number in range(5):
        await store.save(str(number), number, 60 + number)
    assert [await store.take(str(number)) for number in range(5)] == [None, None, 2, 3, 4]


# --- Codes for apps ---


async def test_a_code_is_the_session_of_whoever_has_the_verifier(redis_server: RedisServer) -> None:
    async with open_redis(redis_server.url) as redis:
        for codes in (MemoryOneTime[AppCode](), app_codes(redis)):
            await give(codes, Private("c0de"), CODE)
            assert await redeem(codes, Private("c0de"), VERIFIER) == "s-1"
            with pytest.raises(GrantRefused):
                await redeem(codes, Private("c0de"), VERIFIER)


@pytest.mark.parametrize("verifier", ["x" * 43, "short", VERIFIER.reveal() + "\n", ""])
async def test_a_wrong_verifier_uses_the_code_up(verifier: str) -> None:
    codes = MemoryOneTime[AppCode]()
    await give(codes, Private("c0de"), CODE)
    with pytest.raises(GrantRefused):
        await redeem(codes, Private("c0de"), Private(verifier))
    with pytest.raises(GrantRefused):
        await redeem(codes, Private("c0de"), VERIFIER)


async def test_redis_holds_no_code_that_could_be_shown_to_us(redis_server: RedisServer) -> None:
    await redis_server.empty()
    async with open_redis(redis_server.url) as redis:
        await give(app_codes(redis), Private("c0de-in-clear"), CODE)
        [key] = await redis.call("KEYS", "{teleconsult}:login-code:*")
        assert b"c0de-in-clear" not in key + await redis.call("GET", key)
