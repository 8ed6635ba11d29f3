"""Specifies what a running call notices of its store: nothing. And what a node does that lost a room."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from signalling.codes import CloseCode
from signalling.errors import StoreUnavailable
from signalling.media import ParticipantId, RoomId
from signalling.memory_rooms import MemoryRooms
from signalling.store import Lease, NodeId, Renewal, RoomRecord
from signalling.views import Role, RoomState
from tests.signalling.people import ROOM, a_doctor, a_record, a_waiting, somebody
from tests.signalling.rig import a_server, eventually, found

QUICK: dict[str, Any] = {"store_retry_s": 0.01, "lease_s": 0.03}


class FlakyRooms(MemoryRooms):
    """Memory that can be told to be away."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop().time)
        self.away = False
        self.asked_in_vain = 0

    def _be_there(self) -> None:
        if self.away:
            self.asked_in_vain += 1
            raise StoreUnavailable

    async def claim(self, jti: str, ttl_s: float) -> bool:
        self._be_there()
        return await super().claim(jti, ttl_s)

    async def owner(self, room: RoomId) -> Lease | None:
        self._be_there()
        return await super().owner(room)

    async def acquire(self, room: RoomId, node: NodeId, url: str, ttl_s: float) -> Lease:
        self._be_there()
        return await super().acquire(room, node, url, ttl_s)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> list[Renewal]:
        self._be_there()
        return await super().renew(leases, ttl_s)

    async def save_room(self, lease: Lease, record: RoomRecord, ttl_s: float) -> None:
        self._be_there()
        await super().save_room(lease, record, ttl_s)


async def until_saved(store: MemoryRooms, members: int) -> RoomRecord:
    async def look() -> RoomRecord | None:
        record = await store.load_room(ROOM)
        return record if record is not None and len(record.members) == members else None

    return await found(look)


async def test_what_a_successor_must_know_is_in_the_store_and_no_names() -> None:
    store = FlakyRooms()
    async with a_server(store=store) as rig:
        doctor = await rig.joined(a_doctor())
        await rig.joined(a_waiting("patient"))
        await doctor.ask("admit", participant="patient")
        await doctor.ask("remove", participant="patient")
        record = await until_saved(store, members=1)
        assert record.removed == {ParticipantId("patient")}
        assert "Name of" not in repr(vars(store))


async def test_a_room_is_taken_over_with_what_the_store_knows() -> None:
    store = FlakyRooms()
    async with a_server(store=store) as rig:
        doctor = await rig.joined(a_doctor())
        await rig.joined(a_waiting("patient"))
        await doctor.ask("admit", participant="patient")
        await until_saved(store, members=2)
        old = await store.owner(ROOM)
    assert old is not None
    assert await store.owner(ROOM) is None  # a node that closes gives its rooms free
    async with a_server(store=store, node=NodeId("heir")) as rig:
        patient = await rig.joined(a_waiting("patient"))
        assert patient.state["participant"]["admitted"] is True
        new = await store.owner(ROOM)
        assert new is not None
        assert new.epoch > old.epoch


async def test_an_ended_room_is_remembered_and_given_free() -> None:
    store = FlakyRooms()
    lease = await store.acquire(ROOM, NodeId("gone"), "", 60.0)
    await store.save_room(lease, a_record(RoomState.ENDED), 60.0)
    await store.release(lease)
    async with a_server(store=store) as rig:
        late = await rig.connect()
        assert (await late.join(rig.tickets.issue(a_doctor())))["code"] == "room-ended"
        assert await late.closed() == CloseCode.ROOM_ENDED
        assert await store.owner(ROOM) is None


async def test_calls_and_joins_to_rooms_here_go_on_while_the_store_is_away() -> None:
    store = FlakyRooms()
    async with a_server(store=store, **QUICK) as rig:
        doctor = await rig.joined(a_doctor())
        await until_saved(store, members=1)
        store.away = True
        patient = await rig.joined(somebody("patient"))
        await patient.ask("relay", to=None, kind="chat", body="")
        await doctor.event("relay")
        _, reply = await rig.resumed(patient, 0)
        assert reply["type"] == "ok"
        elsewhere = await rig.connect()
        other_room = somebody("other", room="another-room")
        assert (await elsewhere.join(rig.tickets.issue(other_room)))["code"] == "try-again"
        await eventually(lambda: store.asked_in_vain >= 4)
        store.away = False
        await until_saved(store, members=2)
        assert (await elsewhere.join(rig.tickets.issue(other_room)))["type"] == "ok"
        assert rig.server.counters.store_failures > 0


# --- Tickets ---


async def test_a_ticket_opens_the_door_once_even_to_two_at_once() -> None:
    async with a_server() as rig:
        ticket = rig.tickets.issue(a_doctor())
        first, second = await rig.connect(), await rig.connect()
        replies = await asyncio.gather(first.join(ticket), second.join(ticket))
        assert sorted(reply.get("code", "ok") for reply in replies) == ["ok", "ticket-refused"]


async def test_a_ticket_shown_at_the_wrong_node_is_still_good_at_the_right_one() -> None:
    store = FlakyRooms()
    await store.acquire(ROOM, NodeId("other"), "wss://other", 60.0)
    async with a_server(store=store) as rig:
        peer = await rig.connect()
        ticket = rig.tickets.issue(a_doctor())
        reply = await peer.join(ticket)
        assert (reply["code"], reply["url"]) == ("moved", "wss://other")
        assert await store.claim(rig.tickets.verify(ticket).jti, 60.0)


async def test_while_the_store_is_away_a_ticket_for_a_room_here_still_opens_the_door_once() -> None:
    store = FlakyRooms()
    async with a_server(store=store, **QUICK) as rig:
        await rig.joined(a_doctor())
        used = rig.tickets.issue(somebody("early"))
        assert (await (await rig.connect()).join(used))["type"] == "ok"
        store.away = True
        fresh = rig.tickets.issue(somebody("late"))
        assert (await (await rig.connect()).join(fresh))["type"] == "ok"
        for ticket in (used, fresh):
            assert (await (await rig.connect()).join(ticket))["code"] == "ticket-refused"


async def test_a_ticket_that_could_not_be_used_for_the_store_was_away_can_be_used_later() -> None:
    store = FlakyRooms()
    async with a_server(store=store) as rig:
        store.away = True
        ticket = rig.tickets.issue(a_doctor())
        assert (await (await rig.connect()).join(ticket))["code"] == "try-again"
        store.away = False
        assert (await (await rig.connect()).join(ticket))["type"] == "ok"


# --- Fencing ---


async def test_a_node_that_lost_a_room_lets_go_of_it_and_leaves_it_to_its_new_owner() -> None:
    store = FlakyRooms()
    async with a_server(store=store, **QUICK) as rig:
        doctor = await rig.joined(a_doctor())
        await doctor.ask("offer", sdp="v=0", tracks={})
        await until_saved(store, members=1)
        mine = await store.owner(ROOM)
        assert mine is not None
        await store.release(mine)
        theirs = await store.acquire(ROOM, NodeId("other"), "wss://other.example", 60.0)
        assert await doctor.closed() == CloseCode.DRAINING
        assert [event["type"] for event in doctor.events] == []
        await eventually(lambda: not rig.media.open)
        assert await store.owner(ROOM) == theirs
        assert rig.server.counters.rooms_fenced == 1
        late = await rig.connect()
        assert (await late.join(rig.tickets.issue(a_doctor())))["code"] == "moved"


async def test_a_whole_consultation_leaves_nothing_private_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with a_server() as rig:
        doctor = await rig.joined(a_doctor())
        ticket = rig.tickets.issue(a_waiting("patient"))
        patient = await rig.connect()
        token = (await patient.join(ticket))["resume_token"]
        await doctor.ask("admit", participant="patient")
        await patient.ask("offer", sdp="o=the offer", tracks={"0": {"publish": {"source": "camera"}}})
        await patient.ask("offer", sdp="bad", tracks={})
        await patient.ask("relay", to="doctor", kind="chat", body="dGhlIGNvbXBsYWludA")
        await patient.send({"type": "relay", "id": 99, "to": "someone they know"})
        await patient.receive()
        await rig.resumed(patient, 0)
        guest = await rig.joined(a_waiting("guest", Role.GUEST))
        await (await rig.connect()).join("a forged ticket")
        await guest.ask("leave")
        await doctor.ask("end")
        await doctor.closed()
    ours = [record for record in caplog.records if record.name.startswith("signalling")]
    said = "\n".join(str(record.__dict__) for record in ours)
    assert "participant.joined" in said
    for private in (
        "Name of",
        ticket,
        token,
        "the offer",
        "complaint",
        "dGhlIGNvbXBsYWludA",
        "someone they know",
        "forged",
        "127.0.0.1",
    ):
        assert private not in said
