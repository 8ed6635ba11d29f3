"""Redis away, back, emptied, paused, or not one to work with: what nodes notice of it."""

import asyncio
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from signalling import redis_connection
from signalling.errors import StoreSettling, StoreUnavailable
from signalling.media import RoomId
from signalling.redis_connection import PREFIX, BadStore, open_redis
from signalling.redis_rooms import SETTLING_S, SILENCE_S, RedisRooms
from signalling.store import NodeId, NodeRecord, Place, Renewal
from tests.redis_server import RedisServer, running_redis, running_sentinel
from tests.signalling.test_store_contract import RECORD

ROOM = RoomId("room")
ONE, TWO = NodeId("one"), NodeId("two")
TIMEOUT_S = 0.3


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def settled(rooms: RedisRooms, server: RedisServer) -> None:
    for _ in range(3):  # it is heard of all the while
        await rooms.announce(NodeRecord(ONE, "", 0), 60.0)
        await server.age(SETTLING_S / 2)


async def back(rooms: RedisRooms) -> None:
    """Until it answers again."""
    async with asyncio.timeout(10):
        while True:
            try:
                await rooms.announce(NodeRecord(ONE, "", 0), SILENCE_S)
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def test_after_a_loss_of_everything_owners_speak_before_others_take_their_rooms(
    server: RedisServer,
) -> None:
    async with open_redis(server.url, TIMEOUT_S) as redis:
        rooms = RedisRooms(redis)
        await settled(rooms, server)
        mine = await rooms.acquire(ROOM, ONE, "", 60.0)
        server.stop()
        server.start()
        await back(rooms)
        with pytest.raises(StoreSettling):
            await rooms.acquire(ROOM, TWO, "", 60.0)
        assert await rooms.renew([mine], 60.0) == [Renewal.RESTORED]
        assert await rooms.acquire(ROOM, TWO, "", 60.0) == mine
        await settled(rooms, server)
        other = await rooms.acquire(RoomId("new"), TWO, "", 60.0)
        assert other.epoch > mine.epoch  # although it had forgotten all of them


async def test_a_node_that_waited_for_an_empty_redis_to_settle_may_open_rooms(server: RedisServer) -> None:
    async with open_redis(server.url) as redis:
        rooms = RedisRooms(redis)
        await rooms.until_settled()
        await rooms.announce(NodeRecord(ONE, "", 0), 60.0)
        assert (await rooms.acquire(ROOM, ONE, "", 60.0)).node == ONE


async def test_leases_that_ran_out_in_a_pause_are_their_owners_first(server: RedisServer) -> None:
    async with open_redis(server.url, TIMEOUT_S) as redis:
        rooms = RedisRooms(redis)
        await settled(rooms, server)
        mine = await rooms.acquire(ROOM, ONE, "", SILENCE_S)
        server.pause()
        with pytest.raises(StoreUnavailable):
            await rooms.renew([mine], SILENCE_S)
        server.go_on()
        await server.age(SILENCE_S + 1)  # as long as the pause might have been
        with pytest.raises(StoreUnavailable):  # at once or settling
            await rooms.acquire(ROOM, TWO, "", SILENCE_S)
        await back(rooms)
        with pytest.raises(StoreSettling):
            await rooms.acquire(ROOM, TWO, "", SILENCE_S)
        assert await rooms.renew([mine], SILENCE_S) == [Renewal.RESTORED]


async def test_while_it_does_not_answer_callers_wait_once_then_not_at_all(server: RedisServer) -> None:
    loop = asyncio.get_running_loop()
    async with open_redis(server.url, TIMEOUT_S) as redis:
        rooms = RedisRooms(redis)
        server.pause()
        began = loop.time()
        with pytest.raises(StoreUnavailable):
            await rooms.owner(ROOM)
        assert loop.time() - began < 10 * TIMEOUT_S
        tried = redis.calls
        for _ in range(100):
            with pytest.raises(StoreUnavailable):
                await rooms.owner(ROOM)
        assert redis.calls - tried < 10
        server.go_on()
        await back(rooms)


async def test_more_leases_than_one_script_takes_are_all_renewed(server: RedisServer) -> None:
    async with open_redis(server.url) as redis:
        rooms = RedisRooms(redis)
        await settled(rooms, server)
        leases = [await rooms.acquire(RoomId(f"room-{n}"), ONE, "", 60.0) for n in range(1100)]
        assert await rooms.renew(leases, 60.0) == [Renewal.KEPT] * 1100
        assert await rooms.renew([], 60.0) == []


async def test_a_burst_waits_for_its_turn(server: RedisServer) -> None:
    async with open_redis(server.url) as redis:
        rooms = RedisRooms(redis)
        assert await asyncio.gather(*(rooms.claim(f"jti-{n}", 60.0) for n in range(300))) == [True] * 300


async def test_a_lease_that_cannot_be_read_is_none_and_troubles_no_others(server: RedisServer) -> None:
    async with open_redis(server.url) as redis:
        rooms = RedisRooms(redis)
        await settled(rooms, server)
        other = await rooms.acquire(RoomId("other"), ONE, "", 60.0)
        mine = await rooms.acquire(ROOM, ONE, "", 60.0)
        await redis.call("SET", f"{PREFIX}lease:{ROOM}", b"\xc1junk", "PX", 60_000)
        assert await rooms.renew([mine, other], 60.0) == [Renewal.RESTORED, Renewal.KEPT]
        assert await rooms.owner(ROOM) == mine


async def test_a_replica_that_missed_the_last_writes_takes_them_from_the_owners(server: RedisServer) -> None:
    async with open_redis(server.url) as redis:
        rooms = RedisRooms(redis)
        await settled(rooms, server)
        older = await rooms.acquire(ROOM, ONE, "", 60.0)
        before = await redis.call("GET", f"{PREFIX}lease:{ROOM}")
        newer = await rooms.hand_over(older, Place(TWO, ""), 60.0, RECORD, 60.0)
        await redis.call("SET", f"{PREFIX}lease:{ROOM}", before, "PX", 60_000)  # as the replica knew it
        assert await rooms.renew([newer], 60.0) == [Renewal.RESTORED]
        assert await rooms.renew([older], 60.0) == [Renewal.LOST]


# --- Other ways to it ---


async def use(url: str, server: RedisServer) -> None:
    async with open_redis(url) as redis:
        rooms = RedisRooms(redis)
        await settled(rooms, server)
        lease = await rooms.acquire(ROOM, ONE, "wss://one", 60.0)
        assert await rooms.owner(ROOM) == lease
        assert await rooms.renew([lease], 60.0) == [Renewal.KEPT]
        assert await rooms.nodes() == (NodeRecord(ONE, "", 0),)


async def test_sentinel_tells_where_it_is(server: RedisServer) -> None:
    with running_sentinel(server, "rooms") as sentinel:
        await use(f"redis+sentinel://127.0.0.1:{sentinel.port}/rooms", server)


async def test_a_sentinel_that_does_not_answer_is_passed_over(server: RedisServer) -> None:
    with running_sentinel(server, "rooms") as silent, running_sentinel(server, "rooms") as other:
        silent.pause()
        try:
            await use(f"redis+sentinel://127.0.0.1:{silent.port},127.0.0.1:{other.port}/rooms", server)
        finally:
            silent.go_on()


async def test_a_cluster_works_too() -> None:
    with running_redis("--cluster-enabled", "yes") as server:
        await server.make_cluster()
        await use(f"redis+cluster://127.0.0.1:{server.port}", server)


# --- One that cannot be used ---


async def refused(url: str, why: str) -> None:
    with pytest.raises(BadStore, match=why) as caught:
        async with open_redis(url, TIMEOUT_S):
            pass
    assert "hunter2" not in str(caught.value)


async def test_nobody_there_is_said(server: RedisServer) -> None:
    server.stop()
    for scheme, path in (("redis", ""), ("redis+cluster", ""), ("redis+sentinel", "/rooms")):
        url = server.url.replace("redis://", f"{scheme}://:hunter2@") + path
        await refused(url, "cannot be reached|does not answer")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://host:not-a-port", "not a URL"),
        ("redis+sentinel://host:1", "names no service"),
        ("redis+cluster://", "names no host"),
    ],
)
async def test_a_url_that_leads_nowhere_is_refused(url: str, why: str) -> None:
    await refused(url, why)


async def test_a_wrong_password_is_refused_and_not_quoted() -> None:
    with running_redis("--requirepass", "right") as server:
        await refused(server.url.replace("//", "//:hunter2@"), "refuses our user name and password")
        await refused(server.url, "refuses our user name and password|does not let us")
        async with open_redis(server.url.replace("//", "//:right@")):
            pass


async def test_a_redis_that_is_too_old_is_named(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_connection, "OLDEST", (99, 1))
    await refused(server.url, r"is of version 7\.\d+\.\d+; at least 99\.1 is needed")


async def test_keys_of_another_format_are_left_alone(server: RedisServer) -> None:
    client: Redis = Redis.from_url(server.url)
    await client.set(PREFIX + "format", "2")
    await refused(server.url, "another version")
    assert await client.keys("*") == [(PREFIX + "format").encode()]
    assert await client.get(PREFIX + "format") == b"2"
    await client.aclose()


async def test_one_that_stands_still_is_not_waited_for(server: RedisServer) -> None:
    server.pause()
    try:
        await refused(server.url, "does not answer|cannot be reached")
    finally:
        server.go_on()
