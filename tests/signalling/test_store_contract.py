"""The contract of RoomStore, which every implementation keeps. To add one, add it to IMPLEMENTATIONS."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from signalling.errors import Fenced
from signalling.media import ParticipantId, RoomId
from signalling.memory_rooms import MemoryRooms
from signalling.session import SessionId, TokenHash
from signalling.store import Lease, MemberRecord, NodeId, NodeRecord, RoomRecord, RoomStore, SessionRecord
from signalling.views import Role, RoomEncryption, RoomState

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
)


class Clock:
    """Turned by hand; an implementation with a clock of its own is told to let that much time pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


Made = tuple[RoomStore, Callable[[float], None]]


@asynccontextmanager
async def memory() -> AsyncIterator[Made]:
    clock = Clock()
    yield MemoryRooms(clock), clock.advance


IMPLEMENTATIONS: dict[str, Callable[[], AbstractAsyncContextManager[Made]]] = {"memory": memory}


@pytest.fixture(params=list(IMPLEMENTATIONS))
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Made]:
    async with IMPLEMENTATIONS[request.param]() as made:
        yield made


@pytest.fixture
def store(made: Made) -> RoomStore:
    return made[0]


@pytest.fixture
def pass_time(made: Made) -> Callable[[float], None]:
    return made[1]


async def owned(store: RoomStore, node: NodeId = ONE, room: RoomId = ROOM) -> Lease:
    return await store.acquire(room, node, f"wss://{node}", TTL_S)


# --- Tickets ---


async def test_a_ticket_is_claimed_once(store: RoomStore, pass_time: Callable[[float], None]) -> None:
    assert await store.claim("jti", TTL_S)
    assert not await store.claim("jti", TTL_S)
    pass_time(TTL_S - 1)
    assert not await store.claim("jti", TTL_S)
    assert await store.claim("other", TTL_S)
    pass_time(2.0)
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
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    old = await owned(store)
    pass_time(TTL_S + 1)
    assert await store.owner(ROOM) is None
    new = await owned(store, TWO)
    assert new.node == TWO
    assert new.epoch > old.epoch


async def test_renewing_keeps_a_lease(store: RoomStore, pass_time: Callable[[float], None]) -> None:
    mine = await owned(store)
    for _ in range(3):
        pass_time(TTL_S - 1)
        assert await store.renew(mine, TTL_S)
    assert await owned(store, TWO) == mine


async def test_asking_for_ones_own_room_again_prolongs_the_lease(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    mine = await owned(store)
    pass_time(TTL_S - 1)
    await owned(store)
    pass_time(TTL_S - 1)
    assert await store.owner(ROOM) == mine


async def test_a_late_renewal_succeeds_if_nobody_took_the_room(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    mine = await owned(store)
    pass_time(TTL_S + 1)
    assert await store.renew(mine, TTL_S)
    assert await store.owner(ROOM) == mine


async def test_whoever_was_succeeded_is_fenced_in_everything(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    old = await owned(store)
    pass_time(TTL_S + 1)
    new = await owned(store, TWO)
    await store.save_room(new, RECORD, TTL_S)
    assert not await store.renew(old, TTL_S)
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


# --- Rooms ---


async def test_a_room_is_remembered_as_saved_last_and_for_its_time(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    mine = await owned(store)
    assert await store.load_room(ROOM) is None
    ended = RoomRecord(ROOM, RoomState.ENDED, RoomEncryption.END_TO_END, "consented-recording")
    await store.save_room(mine, ended, TTL_S)
    await store.save_room(mine, RECORD, TTL_S)
    assert await store.load_room(ROOM) == RECORD
    await store.release(mine)
    assert await store.load_room(ROOM) == RECORD
    pass_time(TTL_S + 1)
    assert await store.load_room(ROOM) is None


async def test_a_lease_that_ran_out_still_writes_if_nobody_took_the_room(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    mine = await owned(store)
    pass_time(TTL_S + 1)
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


async def test_a_session_is_found_by_its_tokens_hash(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    token = TokenHash("hash")
    record = SessionRecord(token, SessionId("session"), ROOM, ParticipantId("doctor"), ONE)
    await store.save_session(record, TTL_S)
    assert await store.find_session(token) == record
    assert await store.find_session(TokenHash("other")) is None
    await store.drop_session(token)
    await store.drop_session(token)
    assert await store.find_session(token) is None
    await store.save_session(record, TTL_S)
    pass_time(TTL_S + 1)
    assert await store.find_session(token) is None


# --- Nodes ---


async def test_nodes_are_there_as_long_as_they_say_so(
    store: RoomStore, pass_time: Callable[[float], None]
) -> None:
    one, two = NodeRecord(ONE, "wss://one", 3, False), NodeRecord(TWO, "wss://two", 0, True)
    await store.announce(two, TTL_S)
    await store.announce(one, TTL_S)
    assert await store.nodes() == (one, two)
    pass_time(TTL_S - 1)
    busier = NodeRecord(ONE, "wss://one", 4, False)
    await store.announce(busier, TTL_S)
    pass_time(2.0)
    assert await store.nodes() == (busier,)
    await store.withdraw(ONE)
    await store.withdraw(ONE)
    assert await store.nodes() == ()
