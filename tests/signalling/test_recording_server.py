"""Recording and consent on the wire: what clients ask and hear, and what recorder and ledger are asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from signalling.consents import Consent, ConsentId, ConsentKind, ConsentsUnavailable
from signalling.media import ParticipantId, RoomId
from signalling.memory_rooms import MemoryRooms
from signalling.notes import Note
from signalling.recorder import Attempt, RecordingStart
from signalling.store import NodeId, RoomStore
from signalling.views import ConsentState
from signalling.wire import Codec
from tests.signalling.people import ROOM
from tests.signalling.rig import Peer, Rig, a_server, eventually
from tests.signalling.test_recording import DOCTOR, GUEST, PATIENT, PEOPLE, POLICY


@dataclass
class FakeRecorder:
    """Does what it is told, and remembers it; the test brings the news."""

    opened: list[RecordingStart] = field(default_factory=list)
    notes: list[tuple[Attempt, Note]] = field(default_factory=list)
    closed: list[tuple[Attempt, str]] = field(default_factory=list)

    def open(self, start: RecordingStart) -> None:
        self.opened.append(start)

    def note(self, attempt: Attempt, note: Note) -> None:
        self.notes.append((attempt, note))

    def name_of(self, attempt: Attempt) -> str | None:
        return f"recording-{attempt}"

    def close(self, attempt: Attempt, reason: str) -> None:
        self.closed.append((attempt, reason))


@dataclass
class FakeLedger:
    """Writes what it is told, unless `away`, once `held` lets it (`slow_for`: holds up this one only)."""

    written: list[tuple[ParticipantId, ConsentState, str | None]] = field(default_factory=list)
    away: bool = False
    held: asyncio.Event | None = None
    slow_for: ParticipantId | None = None
    tried: int = 0

    async def record(
        self,
        room: RoomId,
        participant: ParticipantId,
        kind: ConsentKind,
        state: ConsentState,
        text_version: str | None,
    ) -> Consent:
        self.tried += 1
        if self.held is not None and self.slow_for in (None, participant):
            await self.held.wait()
        if self.away:
            raise ConsentsUnavailable
        self.written.append((participant, state, text_version))
        id_ = ConsentId(f"c-{len(self.written)}")
        return Consent(id_, "ab" * 32, participant, kind, state, 1_000_000, text_version)


@dataclass
class House:
    rig: Rig
    recorder: FakeRecorder
    ledger: FakeLedger
    doctor: Peer
    patient: Peer

    def open_now(self) -> None:
        """The recorder says that it records."""
        self.rig.server.recording_opened(RoomId(ROOM), self.recorder.opened[-1].attempt, 100.0)

    async def recording(self) -> None:
        await self.doctor.ask("consent", kind="recording", state="granted")
        await self.patient.ask("consent", kind="recording", state="granted")
        await self.doctor.ask("recording", action="start")
        self.open_now()
        await until_recording(self.patient, "on")


async def until_recording(peer: Peer, state: str) -> dict[str, Any]:
    while True:
        event = await peer.event("recording")
        if event["state"] == state:
            return event


@asynccontextmanager
async def a_house(
    codec: Codec = Codec.JSON, *, store: RoomStore | None = None, **settings: Any
) -> AsyncIterator[House]:
    recorder, ledger = FakeRecorder(), FakeLedger()
    changed: dict[str, Any] = {"policy": POLICY, "recording": True, "store_retry_s": 0.01} | settings
    async with a_server(store=store, recorder=recorder, consents=ledger, **changed) as rig:
        doctor = await rig.joined(PEOPLE[DOCTOR], codec)
        patient = await rig.joined(PEOPLE[PATIENT], codec)
        yield House(rig, recorder, ledger, doctor, patient)


@pytest.mark.parametrize("codec", Codec)
async def test_a_doctor_asks_the_patient_allows_and_both_see_it_on(codec: Codec) -> None:
    async with a_house(codec) as house:
        assert (await house.doctor.ask("consent", kind="recording", state="granted"))["type"] == "ok"
        assert (await house.doctor.ask("recording", action="start"))["recording"] == "starting"
        asked = await house.patient.event("recording")
        assert (asked["state"], asked["reason"], asked["by"]) == ("starting", "asked", DOCTOR)
        request = await house.patient.event("consent")
        assert (request["state"], request["participant"]) == ("requested", PATIENT)
        assert house.recorder.opened == []
        await house.patient.ask("consent", kind="recording", state="granted", text_version="2026-11")
        assert [start.room for start in house.recorder.opened] == [ROOM]
        house.open_now()
        on = await until_recording(house.doctor, "on")
        assert (on["since"], on["by"]) == (100.0, DOCTOR)
        assert house.ledger.written == [
            (DOCTOR, ConsentState.GRANTED, None),
            (PATIENT, ConsentState.GRANTED, "2026-11"),
        ]


async def test_whoever_joins_reads_how_things_are() -> None:
    async with a_house() as house:
        assert house.doctor.state["room"]["recording"] == {"state": "off", "since": None, "available": True}
        await house.recording()
        await house.patient.ask("leave")
        again = await house.rig.joined(PEOPLE[PATIENT])
        assert again.state["room"]["recording"] == {
            "state": "on",
            "since": 100.0,
            "by": DOCTOR,
            "granted": [DOCTOR, PATIENT],
            "available": True,
        }


async def test_a_withdrawal_closes_the_recorder_before_the_reply_even_if_the_ledger_is_away() -> None:
    async with a_house() as house:
        await house.recording()
        house.ledger.away = True
        reply = await house.patient.ask("consent", kind="recording", state="withdrawn")
        assert reply["type"] == "ok"
        assert house.recorder.closed == [(1, "consent-withdrawn")]
        stopping = await until_recording(house.doctor, "stopping")
        assert stopping["reason"] == "consent-withdrawn"
        house.rig.server.recording_closed(RoomId(ROOM), Attempt(1))
        assert (await until_recording(house.doctor, "off"))["reason"] == "consent-withdrawn"
        house.ledger.away = False
        await eventually(lambda: (PATIENT, ConsentState.WITHDRAWN, None) in house.ledger.written)


async def test_a_grant_that_cannot_be_written_does_not_count() -> None:
    async with a_house() as house:
        house.ledger.away = True
        reply = await house.patient.ask("consent", kind="recording", state="granted")
        assert reply["code"] == "try-again"
        await house.doctor.ask("recording", action="start")
        assert house.recorder.opened == []


async def test_a_no_that_overtakes_its_own_grant_wins() -> None:
    async with a_house() as house:
        house.ledger.held = asyncio.Event()
        other = await house.rig.connect()
        granting = asyncio.create_task(house.patient.ask("consent", kind="recording", state="granted"))
        await eventually(lambda: house.rig.server.counters.messages["consent"] == 1)
        # The same person on a new connection, while the old one still waits for the ledger.
        await other.ask("resume", resume_token=house.patient.state["resume_token"], last_seq=0)
        assert (await other.ask("consent", kind="recording", state="refused"))["type"] == "ok"
        house.ledger.held.set()
        with pytest.raises(ConnectionError):
            await granting
        await eventually(lambda: len(house.ledger.written) == 2)
        assert house.ledger.written[-1][1] in (ConsentState.REFUSED, ConsentState.WITHDRAWN)
        assert house.rig.server.room_state(RoomId(ROOM)) is not None
        await house.doctor.ask("consent", kind="recording", state="granted")
        assert (await house.doctor.ask("recording", action="start"))["recording"] == "starting"
        assert house.recorder.opened == []


async def test_somebody_let_in_without_a_grant_ends_it_and_is_told_where_things_stand() -> None:
    async with a_house() as house:
        await house.recording()
        guest = await house.rig.joined(PEOPLE[GUEST])
        assert house.recorder.closed == [(1, "joined-without-consent")]
        assert guest.state["room"]["recording"]["state"] in ("on", "stopping")
        assert (await until_recording(guest, "stopping"))["reason"] == "joined-without-consent"


async def test_draining_closes_the_recorder_with_that_reason() -> None:
    async with a_house() as house:
        await house.recording()
        await house.rig.server.drain()
        assert house.recorder.closed == [(1, "node-draining")]


async def test_a_node_that_lost_the_room_closes_the_recorder_with_that_reason() -> None:
    loop = asyncio.get_running_loop()
    store = MemoryRooms(loop.time)
    async with a_house(store=store, lease_s=0.03) as house:
        await house.recording()
        mine = await store.owner(ROOM)
        assert mine is not None
        await store.release(mine)
        await store.acquire(ROOM, NodeId("other"), "wss://other.example", 60.0)
        await house.doctor.closed()
        assert house.recorder.closed == [(1, "fenced")]


async def test_news_of_an_earlier_life_of_the_room_means_nothing_in_the_next() -> None:
    async with a_house(ended_room_memory_s=0.0) as house:
        await house.recording()
        await house.doctor.ask("end")
        assert house.recorder.closed == [(1, "room-ended")]
        await eventually(lambda: house.rig.server.room_state(ROOM) is None)
        doctor = await house.rig.joined(PEOPLE[DOCTOR])
        await doctor.ask("consent", kind="recording", state="granted")
        await doctor.ask("recording", action="start")
        assert [start.attempt for start in house.recorder.opened] == [1, 2]
        house.rig.server.recording_closed(ROOM, Attempt(1))
        house.rig.server.recording_failed(ROOM, Attempt(1), "disk-full")
        house.open_now()
        assert (await until_recording(doctor, "on"))["since"] == 100.0


async def test_tracks_that_come_and_go_are_noted_and_trouble_is_told() -> None:
    async with a_house() as house:
        await house.recording()
        wishes = {"0": {"publish": {"source": "camera"}}}
        track = (await house.patient.ask("offer", sdp="v=0", tracks=wishes))["tracks"]["0"]
        await house.patient.ask("mute", track=track, muted=True)
        await house.patient.ask("offer", sdp="stop 0", tracks={})
        heard = [type(note).__name__ for _, note in house.recorder.notes]
        assert heard == ["TrackAdded", "TrackMuted", "TrackRemoved"]
        house.rig.server.recording_trouble(ROOM, Attempt(1), "slow-disk")
        assert (await until_recording(house.doctor, "on"))["reason"] is None
        assert (await until_recording(house.doctor, "on"))["reason"] == "slow-disk"


async def test_withdrawals_that_cannot_be_written_are_named_when_the_node_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with a_house() as house:
        await house.recording()
        house.ledger.away = True
        await house.patient.ask("consent", kind="recording", state="withdrawn")
    (record,) = [record for record in caplog.records if record.message == "consents.unwritten"]
    assert record.__dict__["consents"] == 1


async def test_asking_is_given_up_by_the_clock() -> None:
    async with a_house(consent_wait_s=0.05) as house:
        await house.doctor.ask("consent", kind="recording", state="granted")
        await house.doctor.ask("recording", action="start")
        assert (await until_recording(house.patient, "off"))["reason"] == "consent-not-given"


async def test_news_of_unknown_rooms_is_ignored() -> None:
    async with a_house() as house:
        house.rig.server.recording_closed(RoomId("gone"), Attempt(7))
        house.rig.server.recording_trouble(RoomId("gone"), Attempt(7), "slow-disk")
        assert house.recorder.closed == []


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"recording": False, "policy": "belgium"}, "not-allowed"), ({}, "not-available")],
)
async def test_without_policy_or_recorder_it_is_refused(settings: dict[str, Any], code: str) -> None:
    changed: dict[str, Any] = {"policy": POLICY, "recording": True} | settings
    async with a_server(**changed) as rig:
        doctor = await rig.joined(PEOPLE[DOCTOR])
        assert "available" not in doctor.state["room"]["recording"]
        assert (await doctor.ask("recording", action="start"))["code"] == code
        assert (await doctor.ask("consent", kind="recording", state="granted"))["code"] == code
