"""Two nodes and one store: a node that is told to stop hands its rooms over, and the calls with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from signalling.codes import CloseCode
from signalling.errors import StoreUnavailable
from signalling.memory_rooms import MemoryRooms
from signalling.placement import Placement
from signalling.store import Lease, NodeId, NodeRecord, Place
from tests.signalling.people import ROOM, a_doctor, somebody
from tests.signalling.rig import Peer, Rig, Tickets, a_server, eventually, found
from tests.signalling.test_recording import DOCTOR, PATIENT, PEOPLE, POLICY
from tests.signalling.test_recording_server import FakeLedger, FakeRecorder, until_recording

OLD, NEW = NodeId("old"), NodeId("new")


class HiccupingRooms(MemoryRooms):
    """Does not answer so many times."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop().time)
        self.hiccups = 0
        self.answer_lost = False
        self.dead: NodeId | None = None

    async def announce(self, record: NodeRecord, ttl_s: float) -> None:
        if record.node != self.dead:
            await super().announce(record, ttl_s)

    async def nodes(self) -> tuple[NodeRecord, ...]:
        if self.hiccups:
            self.hiccups -= 1
            raise StoreUnavailable
        return await super().nodes()

    async def hand_over(self, *about: Any) -> Lease:
        lease = await super().hand_over(*about)
        if self.answer_lost:
            self.answer_lost = False
            raise StoreUnavailable
        return lease


@dataclass
class Pair:
    store: HiccupingRooms
    old: Rig
    new: Rig
    recorders: tuple[FakeRecorder, FakeRecorder]

    async def followed(self, peer: Peer, *, leave: bool = True) -> Peer:
        """What a client does that is told to move."""
        moved = await peer.event("moved")
        assert moved["url"] == "wss://new"
        again = await self.new.connect(peer.codec)
        assert (await again.join(moved["ticket"]))["type"] == "ok"
        if leave:
            await peer.ask("leave")
        return again

    async def recorded(self) -> tuple[Peer, Peer]:
        """A doctor and a patient on the old node, who have granted and are recorded."""
        doctor, patient = [await self.old.joined(PEOPLE[who]) for who in (DOCTOR, PATIENT)]
        for peer in (doctor, patient):
            await peer.ask("consent", kind="recording", state="granted")
        await doctor.ask("recording", action="start")
        self.old.server.recording_opened(ROOM, self.recorders[0].opened[0].attempt, 100.0)
        return doctor, patient


@asynccontextmanager
async def a_pair(*, drain_s: float = 30.0, lease_s: float = 0.4) -> AsyncIterator[Pair]:
    store, tickets = HiccupingRooms(), Tickets()
    recorders = FakeRecorder(), FakeRecorder()
    async with AsyncExitStack() as stack:
        rigs = []
        for node, recorder in zip((OLD, NEW), recorders, strict=True):
            rig = await stack.enter_async_context(
                a_server(
                    store=store,
                    tickets=tickets,
                    recorder=recorder,
                    consents=FakeLedger(),
                    node=node,
                    node_url=f"wss://{node}",
                    policy=POLICY,
                    recording=True,
                    drain_s=drain_s,
                    lease_s=lease_s,
                )
            )
            rigs.append(rig)
        await found(lambda: _both(store))
        yield Pair(store, rigs[0], rigs[1], recorders)


async def _both(store: MemoryRooms) -> bool | None:
    return True if len(await store.nodes()) == 2 else None


async def test_everybody_is_told_where_to_go_and_the_room_is_the_same_there() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        patient = await pair.old.joined(somebody("patient", admitted=False))
        await doctor.ask("admit", participant="patient")
        lease = await pair.store.owner(ROOM)
        drained = asyncio.create_task(pair.old.server.drain())
        there = await pair.followed(doctor, leave=False)
        here = await pair.followed(patient, leave=False)
        # The old node goes on for those who have not left it yet.
        assert (await doctor.ask("relay", to=None, kind="note", body=""))["type"] == "ok"
        assert here.state["participant"]["admitted"] is True
        assert {p["id"] for p in here.state["participants"]} == {"doctor", "patient"}
        assert (await there.event("participant-joined"))["participant"]["id"] == "patient"
        owner = await pair.store.owner(ROOM)
        assert lease is not None
        assert owner is not None
        assert (owner.node, owner.epoch > lease.epoch) == (NEW, True)
        assert not drained.done()
        for peer in (doctor, patient):
            assert (await peer.ask("leave"))["type"] == "ok"
        await drained
        # What the old one did last has not touched what is the other's.
        assert await pair.store.owner(ROOM) == owner
        assert pair.new.server.sessions_now == 2


async def test_what_decides_about_the_room_is_for_the_node_that_has_it() -> None:
    async with a_pair() as pair:
        doctor, patient = await pair.old.joined(a_doctor()), await pair.old.joined(somebody("patient"))
        drained = asyncio.create_task(pair.old.server.drain())
        there = await pair.followed(doctor, leave=False)
        for request in (
            {"type_": "admit", "participant": "patient"},
            {"type_": "remove", "participant": "patient"},
            {"type_": "end"},
            {"type_": "recording", "action": "start"},
            {"type_": "consent", "kind": "recording", "state": "granted"},
        ):
            assert (await doctor.ask(**request))["code"] == "try-again"
        assert (await doctor.ask("consent", kind="recording", state="withdrawn"))["type"] == "ok"
        assert (await there.ask("end"))["type"] == "ok"
        for peer in (doctor, patient):
            await peer.ask("leave")
        await drained


async def test_whoever_comes_late_is_sent_on_with_the_ticket_unused() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        drained = asyncio.create_task(pair.old.server.drain())
        await doctor.event("moved")
        ticket = pair.old.tickets.issue(somebody("patient"))
        refused = await (await pair.old.connect()).join(ticket)
        assert (refused["code"], refused["url"]) == ("moved", "wss://new")
        other = pair.old.tickets.issue(somebody("patient", room="other"))
        assert (await (await pair.old.connect()).join(other))["code"] == "draining"
        assert (await (await pair.new.connect()).join(ticket))["type"] == "ok"
        await doctor.ask("leave")
        await drained


async def test_a_websocket_lost_during_a_drain_is_resumed_and_hears_where_to_go() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        await doctor.cut()
        drained = asyncio.create_task(pair.old.server.drain())
        await found(lambda: _at_new(pair.store))
        again, _ = await pair.old.resumed(doctor, 0)
        await pair.followed(again)
        await drained


async def _at_new(store: MemoryRooms) -> bool | None:
    owner = await store.owner(ROOM)
    return True if owner is not None and owner.node == NEW else None


async def test_a_store_that_is_away_for_a_moment_only_delays_it() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        pair.store.hiccups = 3
        drained = asyncio.create_task(pair.old.server.drain())
        await pair.followed(doctor)
        await drained


async def test_a_room_whose_giving_away_was_not_answered_is_given_all_the_same() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        pair.store.answer_lost = True
        drained = asyncio.create_task(pair.old.server.drain())
        await pair.followed(doctor)
        await drained


async def test_a_room_given_to_a_node_that_died_is_free_again() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        drained = asyncio.create_task(pair.old.server.drain())
        await doctor.event("moved")
        pair.store.dead = NEW
        await pair.store.withdraw(NEW)
        await found(lambda: _free(pair.store))
        await doctor.ask("leave")
        await drained


async def _free(store: MemoryRooms) -> bool | None:
    return True if await store.owner(ROOM) is None else None


async def test_a_drain_that_is_given_up_is_not_waited_for_a_second_time() -> None:
    async with a_pair() as pair:
        doctor = await pair.old.joined(a_doctor())
        drained = asyncio.create_task(pair.old.server.drain())
        await doctor.event("moved")
        drained.cancel()
        closing = asyncio.create_task(pair.old.server.close())
        assert await doctor.closed() == CloseCode.DRAINING
        async with asyncio.timeout(5):
            await closing


async def test_who_does_not_follow_in_time_is_closed_and_the_room_lives_on() -> None:
    async with a_pair(drain_s=0.05) as pair:
        doctor = await pair.old.joined(a_doctor())
        sleepy = await pair.old.joined(somebody("patient"))
        drained = asyncio.create_task(pair.old.server.drain())
        await pair.followed(doctor)
        assert await sleepy.closed() == CloseCode.DRAINING
        await drained
        assert pair.new.server.rooms_now == 1


async def test_without_another_node_everybody_is_closed_at_once() -> None:
    async with a_server() as rig:
        doctor = await rig.joined(a_doctor())
        drained = asyncio.create_task(rig.server.drain())
        assert await doctor.closed() == CloseCode.DRAINING
        await drained


async def test_draining_nodes_are_given_no_rooms() -> None:
    async with a_pair() as pair:
        drained = asyncio.create_task(pair.old.server.drain())
        await drained
        assert await pair.new.server.place(ROOM) == "wss://new"


async def test_a_recording_goes_on_at_the_new_node_as_the_same() -> None:
    async with a_pair() as pair:
        before, after = pair.recorders
        doctor, patient = await pair.recorded()
        drained = asyncio.create_task(pair.old.server.drain())
        there = await pair.followed(patient, leave=False)
        (start,) = after.opened
        assert (start.continues, start.asked_by) == ("recording-1", DOCTOR)
        assert [consent.participant for consent in start.consents] == [PATIENT]
        pair.new.server.recording_opened(ROOM, start.attempt, 101.0)
        await until_recording(there, "on")
        assert before.closed == []  # it goes on while somebody is there
        await pair.followed(doctor)
        await patient.ask("leave")
        await drained
        assert [reason for _, reason in before.closed] == ["node-draining"]
        assert after.closed == []


async def test_a_consent_taken_back_after_the_room_was_given_away_counts_there_too() -> None:
    async with a_pair() as pair:
        before, after = pair.recorders
        doctor, patient = await pair.recorded()
        drained = asyncio.create_task(pair.old.server.drain())
        there = await pair.followed(doctor, leave=False)
        assert len(after.opened) == 1
        moved = await patient.event("moved")
        await patient.ask("consent", kind="recording", state="withdrawn")
        assert [reason for _, reason in before.closed] == ["consent-withdrawn"]
        await found(lambda: _revoked(pair.store))
        again = await pair.new.connect()
        state = await again.join(moved["ticket"])
        assert state["room"]["recording"]["granted"] == [DOCTOR]
        await eventually(lambda: [reason for _, reason in after.closed] == ["joined-without-consent"])
        assert there.state["type"] == "ok"
        for peer in (doctor, patient):
            await peer.ask("leave")
        await drained


async def _revoked(store: MemoryRooms) -> bool | None:
    return True if await store.revoked("consent:c-2") else None


async def test_a_recording_that_nobody_followed_does_not_begin_by_itself_later() -> None:
    async with a_pair(drain_s=0.05) as pair:
        before, after = pair.recorders
        doctor = await pair.old.joined(PEOPLE[DOCTOR])
        await doctor.ask("consent", kind="recording", state="granted")
        await doctor.ask("recording", action="start")
        pair.old.server.recording_opened(ROOM, before.opened[0].attempt, 100.0)
        drained = asyncio.create_task(pair.old.server.drain())
        assert await doctor.closed() == CloseCode.DRAINING
        await drained
        await pair.new.joined(PEOPLE[DOCTOR])
        assert after.opened == []


async def test_a_recording_does_not_go_on_without_its_consents() -> None:
    async with a_pair() as pair:
        _, after = pair.recorders
        doctor, patient = await pair.recorded()
        drained = asyncio.create_task(pair.old.server.drain())
        await patient.event("moved")
        await pair.new.joined(somebody("stranger"))  # is there first, and has not granted
        await pair.followed(doctor)
        await patient.ask("leave")
        await drained
        assert after.opened == []


# --- Placement ---


def a_node(name: str, participants: int, **more: bool) -> NodeRecord:
    return NodeRecord(NodeId(name), f"wss://{name}", participants, **more)


async def placed(*nodes: NodeRecord) -> str:
    store = MemoryRooms(asyncio.get_running_loop().time)
    for node in nodes:
        await store.announce(node, 10.0)
    placement = Placement(store, Place(NodeId("here"), "wss://here"), lambda all_, count: all_[:count])
    return await placement.place(ROOM)


async def test_of_two_nodes_the_less_loaded_gets_the_room() -> None:
    assert await placed(a_node("a", 10), a_node("b", 9), a_node("c", 0)) == "wss://b"


async def test_full_and_draining_nodes_get_none() -> None:
    full, draining = a_node("a", 0, full=True), a_node("b", 0, draining=True)
    assert await placed(full, draining, a_node("c", 99)) == "wss://c"
    assert await placed(full, draining) == "wss://here"


async def test_a_room_that_is_somewhere_stays_there() -> None:
    async with a_pair() as pair:
        await pair.old.joined(a_doctor())
        for _ in range(20):
            assert await pair.new.server.place(ROOM) == "wss://old"
        await eventually(lambda: pair.old.server.sessions_now == 1)
