"""The contract of RoomStore, which every implementation keeps. To add one, add it to IMPLEMENTATIONS."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from signalling.consents import Consent, ConsentId, ConsentKind
from signalling.errors import Fenced
from signalling.media import ParticipantId, RoomId
from signalling.memory_rooms import MemoryRooms
from signalling.redis_connection import PREFIX, open_redis
from signalling.redis_rooms import SILENCE_S, RedisRooms
from signalling.session import SessionId, TokenHash
from signalling.store import (
    Lease,
    MemberRecord,
    NodeId,
    NodeRecord,
    Place,
    Renewal,
    RoomRecord,
    RoomStore,
    RunningRecording,
    SessionRecord,
)
from signalling.views import ConsentState, Role, RoomEncryption, RoomState
from tests.redis_server import RedisServer, running_redis

ROOM = RoomId("room")
ONE, TWO = NodeId("one"), NodeId("two")
TTL_S = 10.0
RECORD = RoomRecord(
    ROOM,
    RoomState.OPEN,
    RoomEncryption.TRANSPORT,
    "belgium",
    (MemberRecord(ParticipantId("doctor"), Role.DOCTOR, True),),
    admitted=frozenset({ParticipantId("patient")}),
    removed=frozenset({ParticipantId("guest")}),
    consents=(
        Consent(
            ConsentId("consent"),
            "ab" * 32,
            ParticipantId("doctor"),
            ConsentKind.RECORDING,
            ConsentState.GRANTED,
            1_700_000_000_000_000,
            None,
        ),
    ),
    recording=RunningRecording(ParticipantId("doctor"), "name", 1.5),
)


class Clock:
    """Turned by hand; an implementation with a clock of its own is told to let that much time pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


PassTime = Callable[[float], Awaitable[None]]
Made = tuple[RoomStore, PassTime]


@asynccontextmanager
async def memory(_: RedisServer) -> AsyncIterator[Made]:
    clock = Clock()

    async def pass_time(seconds: float) -> None:
        clock.advance(seconds)

    yield MemoryRooms(clock), pass_time


@asynccontextmanager
async def redis(server: RedisServer) -> AsyncIterator[Made]:
    async with open_redis(server.url) as connection:

        async def pass_time(seconds: float) -> None:
            # Nodes are heard of all the while; what follows a silence: test_redis_rooms.py.
            await connection.call("SET", f"{PREFIX}pulse", "1", "PX", round((seconds + SILENCE_S) * 1000))
            await server.age(seconds)

        await pass_time(0)
        yield RedisRooms(connection), pass_time


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
def store(made: Made) -> RoomStore:
    return made[0]


@pytest.fixture
def pass_time(made: Made) -> PassTime:
    return made[1]


async def owned(store: RoomStore, node: NodeId = ONE, room: RoomId = ROOM) -> Lease:
    return await store.acquire(room, node, f"wss://{node}", TTL_S)


# --- Tickets ---


async def test_a_ticket_is_claimed_once(store: RoomStore, pass_time: PassTime) -> None:
    assert await store.claim("jti", TTL_S)
    assert not await store.claim("jti", TTL_S)
    await pass_time(TTL_S - 1)
    assert not await store.claim("jti", TTL_S)
    assert await store.claim("other", TTL_S)
    await pass_time(2.0)
    assert await store.claim("jti", TTL_S)  # forgotten: by now the ticket itself is long expired


# --- Ownership ---


async def test_a_room_has_one_owner_and_others_learn_who(store: RoomStore) -> None:
    mine = await owned(store)
    assert (mine.room, mine.node, mine.url) == (ROOM, ONE, "wss://one")
    assert await owned(store, TWO) == mine
    assert await owned(store) == mine
    assert await store.owner(ROOM) == mine
    assert await store.owner(RoomId("other")) is None


async def test_a_lease_that_runs_out_may_be_taken_with_a_higher_epoch(
    store: RoomStore, pass_time: PassTime
) -> None:
    old = await owned(store)
    await pass_time(TTL_S + 1)
    assert await store.owner(ROOM) is None
    new = await owned(store, TWO)
    assert new.node == TWO
    assert new.epoch > old.epoch


async def test_renewing_keeps_a_lease(store: RoomStore, pass_time: PassTime) -> None:
    mine = await owned(store)
    for _ in range(3):
        await pass_time(TTL_S - 1)
        assert await store.renew([mine], TTL_S) == [Renewal.KEPT]
    assert await owned(store, TWO) == mine


async def test_asking_for_ones_own_room_again_prolongs_the_lease(
    store: RoomStore, pass_time: PassTime
) -> None:
    mine = await owned(store)
    await pass_time(TTL_S - 1)
    await owned(store)
    await pass_time(TTL_S - 1)
    assert await store.owner(ROOM) == mine


async def test_a_late_renewal_succeeds_if_nobody_took_the_room(store: RoomStore, pass_time: PassTime) -> None:
    mine = await owned(store)
    await pass_time(TTL_S + 1)
    assert await store.renew([mine], TTL_S) == [Renewal.RESTORED]
    assert await store.owner(ROOM) == mine


async def test_whoever_was_succeeded_is_fenced_in_everything(store: RoomStore, pass_time: PassTime) -> None:
    old = await owned(store)
    await pass_time(TTL_S + 1)
    new = await owned(store, TWO)
    await store.save_room(new, RECORD, TTL_S)
    assert await store.renew([old], TTL_S) == [Renewal.LOST]
    assert not await store.release(old)
    with pytest.raises(Fenced):
        await store.save_room(old, RECORD, TTL_S)
    with pytest.raises(Fenced):
        await store.delete_room(old)
    assert await store.owner(ROOM) == new
    assert await store.load_room(ROOM) == RECORD


async def test_a_released_room_is_free_and_its_next_epoch_is_higher(store: RoomStore) -> None:
    old = await owned(store)
    assert await store.release(old)
    assert not await store.release(old)
    assert await store.owner(ROOM) is None
    assert (await owned(store)).epoch > old.epoch
    with pytest.raises(Fenced):
        await store.save_room(old, RECORD, TTL_S)


async def test_rooms_do_not_disturb_each_other(store: RoomStore) -> None:
    mine = await owned(store)
    other = await owned(store, TWO, RoomId("other"))
    await store.release(other)
    assert await store.owner(ROOM) == mine


async def test_a_room_that_is_handed_over_is_the_others(store: RoomStore) -> None:
    old = await owned(store)
    new = await store.hand_over(old, Place(TWO, "wss://two"), TTL_S, RECORD, TTL_S)
    assert (new.node, new.url) == (TWO, "wss://two")
    assert new.epoch > old.epoch
    assert await owned(store, TWO) == new
    assert await store.load_room(ROOM) == RECORD
    assert await store.renew([old], TTL_S) == [Renewal.LOST]
    with pytest.raises(Fenced):
        await store.save_room(old, RECORD, TTL_S)
    with pytest.raises(Fenced):
        await store.hand_over(old, Place(ONE, "wss://one"), TTL_S, RECORD, TTL_S)


async def test_a_room_is_placed_once_among_those_who_are_there(store: RoomStore, pass_time: PassTime) -> None:
    one, two = Place(ONE, "wss://one"), Place(TWO, "wss://two")
    assert await store.place(ROOM, one, [ONE, TWO], TTL_S) == one
    assert await store.place(ROOM, two, [ONE, TWO], TTL_S) == one
    assert await store.place(ROOM, two, [TWO], TTL_S) == two
    await pass_time(TTL_S + 1)
    assert await store.place(ROOM, one, [ONE, TWO], TTL_S) == one
    await owned(store, TWO)
    assert await store.place(ROOM, one, [ONE], TTL_S) == Place(TWO, "wss://two")


# --- Rooms ---


async def test_a_room_is_remembered_as_saved_last_and_for_its_time(
    store: RoomStore, pass_time: PassTime
) -> None:
    mine = await owned(store)
    assert await store.load_room(ROOM) is None
    ended = RoomRecord(ROOM, RoomState.ENDED, RoomEncryption.END_TO_END, "consented-recording")
    await store.save_room(mine, ended, TTL_S)
    await store.save_room(mine, RECORD, TTL_S)
    assert await store.load_room(ROOM) == RECORD
    await store.release(mine)
    assert await store.load_room(ROOM) == RECORD
    await pass_time(TTL_S + 1)
    assert await store.load_room(ROOM) is None


async def test_a_lease_that_ran_out_still_writes_if_nobody_took_the_room(
    store: RoomStore, pass_time: PassTime
) -> None:
    mine = await owned(store)
    await pass_time(TTL_S + 1)
    await store.save_room(mine, RECORD, TTL_S)
    assert await store.load_room(ROOM) == RECORD


async def test_a_room_can_be_forgotten(store: RoomStore) -> None:
    mine = await owned(store)
    await store.save_room(mine, RECORD, TTL_S)
    await store.delete_room(mine)
    await store.delete_room(mine)
    assert await store.load_room(ROOM) is None
    assert await store.owner(ROOM) == mine


# --- Sessions ---


async def test_a_session_is_found_by_its_tokens_hash(store: RoomStore, pass_time: PassTime) -> None:
    token = TokenHash("hash")
    record = SessionRecord(token, SessionId("session"), ROOM, ParticipantId("doctor"), ONE)
    await store.save_session(record, TTL_S)
    assert await store.find_session(token) == record
    assert await store.find_session(TokenHash("other")) is None
    await store.drop_session(token)
    await store.drop_session(token)
    assert await store.find_session(token) is None
    await store.save_session(record, TTL_S)
    await pass_time(TTL_S + 1)
    assert await store.find_session(token) is None


# --- Nodes ---


async def test_nodes_are_there_as_long_as_they_say_so(store: RoomStore, pass_time: PassTime) -> None:
    one, two = NodeRecord(ONE, "wss://one", 3, False), NodeRecord(TWO, "wss://two", 0, True)
    await store.announce(two, TTL_S)
    await store.announce(one, TTL_S)
    assert await store.nodes() == (one, two)
    await pass_time(TTL_S - 1)
    busier = NodeRecord(ONE, "wss://one", 4, False)
    await store.announce(busier, TTL_S)
    await pass_time(2.0)
    assert await store.nodes() == (busier,)
    await store.withdraw(ONE)
    await store.withdraw(ONE)
    assert await store.nodes() == ()


# --- Revocations ---


async def test_what_is_revoked_is_so_for_its_time(store: RoomStore, pass_time: PassTime) -> None:
    assert not await store.revoked("jti")
    await store.revoke("jti", TTL_S)
    assert await store.revoked("jti")
    assert not await store.revoked("other")
    await pass_time(TTL_S + 1)
    assert not await store.revoked("jti")
