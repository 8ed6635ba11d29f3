"""What the keeper of the queue ends: whatever nobody else does, for content that never ends is never
purged.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

import signalling
from media_server.consents import Ledger
from media_server.consultations import (
    ConsultationStore,
    Desk,
    DutyDesk,
    EndReason,
    Guests,
    NotInThisState,
    QueueKeeper,
    RoomFacts,
    RoomNews,
    State,
    Step,
)
from media_server.people import Doctors
from media_server.purge import purge
from media_server.records import FieldKeys, audit_entries_about, reading
from tests.media_server.records.rows import BEGAN_US, DAY_US, House


class Busy:
    """A node whose every room has somebody in it who never leaves."""

    def __init__(self) -> None:
        self.concluded: list[str] = []

    def waiting_patients(self) -> list[tuple[str, str]]:
        return [("c-1", "p-1")]

    def room_state(self, _room: str) -> signalling.RoomState:
        return signalling.RoomState.OPEN

    def holds(self, _room: str) -> bool:
        return True

    def conclude(self, room: str) -> None:
        self.concluded.append(room)

    def expel(self, _room: str, _participant: str) -> None:
        """Nobody was let in."""


class Practising:
    """Doctors whom nothing speaks against."""

    def get(self, id_: str) -> str:
        return id_

    def may_go_on_duty(self, _doctor: str) -> tuple[()]:
        return ()


class Signer:
    kid = "key-1"
    private = Ed25519PrivateKey.generate()


class Stage:
    def __init__(self, engine: Engine, keys: FieldKeys) -> None:
        self.now_us = BEGAN_US
        self.rooms = Busy()
        clock, server = (lambda: self.now_us), cast("signalling.SignallingServer", self.rooms)
        self.store = ConsultationStore(engine, keys, clock)
        ledger = Ledger(engine, Signer(), "belgium", clock)
        self.queue = queue = signalling.MemoryWaiting(lambda: self.now_us / 1e6)
        facts, guests = RoomFacts(self.store, keys), Guests(engine, ledger)
        news = RoomNews(signalling.LocalNews(), server, ledger, facts, guests)
        self.desk = desk = Desk(self.store, ledger, keys, queue, news, clock, 5, 86_400.0, 120.0)
        self.duty = DutyDesk(self.store, keys, queue, news, desk, absence_s=300.0)
        doctors = cast("Doctors", Practising())
        self.keeper = QueueKeeper(self.store, desk, self.duty, queue, server, doctors, clock, 3, 300.0)

    def expired(self) -> float:
        return next(row.value for row in self.keeper.rows() if row.name == "consultations_expired")


@pytest.mark.parametrize("state", ["arrived", "in-progress"])
async def test_what_nobody_ends_is_ended_after_days_whoever_is_in_its_room_and_then_purged(
    records: Engine, tmp_path: Path, state: str
) -> None:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    doctor: dict[str, Any] = {"doctor": "d-1", "opened_at_us": BEGAN_US} if state == "in-progress" else {}
    house.consultation(state=state, ended_at_us=None, purge_at_us=None, created_at_us=BEGAN_US, **doctor)
    stage = Stage(records, house.keys)
    stage.now_us = BEGAN_US + 3 * DAY_US
    await stage.keeper.sweep()
    assert (stage.store.get("c-1").state, stage.expired()) == (State(state), 0)
    stage.now_us += 1
    await stage.keeper.sweep()
    over = stage.store.get("c-1")
    assert (over.state, over.reason) == (State.CANCELLED, EndReason.EXPIRED)
    assert (stage.rooms.concluded, stage.expired()) == (["c-1"], 1)
    with reading(records) as connection:
        noted = [(entry.action, entry.role) for entry in audit_entries_about(connection, "c-1")]
    assert noted == [("consultation.expire", "system")]
    assert purge(records, stage.now_us + DAY_US).counts["consultations"] == 1


async def test_a_doctor_who_vanishes_before_calling_loses_the_patient_and_one_who_reads_does_not(
    records: Engine, tmp_path: Path
) -> None:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    house.consultation(state="arrived", ended_at_us=None, purge_at_us=None, created_at_us=BEGAN_US)
    stage = Stage(records, house.keys)
    stage.store.step("c-1", Step.CLAIM, "d-1", "doctor", doctor="d-1")
    for _ in range(20):  # ten minutes of reading
        stage.now_us += 30_000_000
        await stage.duty.is_read(stage.store.get("c-1"))
        await stage.keeper.sweep()
    assert stage.store.get("c-1").state is State.TRIAGED
    stage.now_us += 299_000_000
    await stage.keeper.sweep()
    assert stage.store.get("c-1").doctor == "d-1"
    stage.now_us += 1_000_000
    await stage.keeper.sweep()
    back = stage.store.get("c-1")
    assert (back.state, back.doctor, back.created_at_us) == (State.ARRIVED, None, BEGAN_US)
    with reading(records) as connection:
        last = audit_entries_about(connection, "c-1")[-1]
    assert (last.action, last.role, last.details) == (
        "consultation.give-back",
        "system",
        {"because": "doctor-absent"},
    )


async def test_no_patient_is_taken_back_while_the_node_could_not_see_the_doctor(
    records: Engine, tmp_path: Path
) -> None:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    claimed: dict[str, Any] = {"doctor": "d-1", "claimed_at_us": BEGAN_US - 1_800_000_000}
    house.consultation(
        state="triaged", ended_at_us=None, purge_at_us=None, created_at_us=BEGAN_US - 2_000_000_000, **claimed
    )
    stage = Stage(records, house.keys)  # has only just begun
    stage.now_us += 299_000_000
    await stage.keeper.sweep()
    assert stage.store.get("c-1").state is State.TRIAGED
    stage.now_us += 1_000_000
    await stage.keeper.sweep()
    assert stage.store.get("c-1").state is State.ARRIVED


def claimed_by_another(stage: Stage) -> None:
    stage.store.step("c-1", Step.GIVE_BACK, "d-1", "doctor")
    stage.store.step("c-1", Step.CLAIM, "d-2", "doctor", doctor="d-2")


def claimed_anew(stage: Stage) -> None:
    stage.store.step("c-1", Step.GIVE_BACK, "d-1", "doctor")
    stage.store.step("c-1", Step.CLAIM, "d-1", "doctor", doctor="d-1")


def read_again(stage: Stage) -> None:
    stage.store.see_reader(stage.store.get("c-1"))


@pytest.mark.parametrize("meanwhile", [claimed_by_another, claimed_anew, read_again])
async def test_only_the_claim_that_was_found_forgotten_is_taken_back(
    records: Engine, tmp_path: Path, meanwhile: Callable[[Stage], None]
) -> None:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    house.doctor("d-2", "87654321")
    house.consultation(state="arrived", ended_at_us=None, purge_at_us=None, created_at_us=BEGAN_US)
    stage = Stage(records, house.keys)
    stage.store.step("c-1", Step.CLAIM, "d-1", "doctor", doctor="d-1")
    stage.now_us += 300_000_000
    found = stage.store.get("c-1")
    meanwhile(stage)
    claimed = stage.store.get("c-1")
    with pytest.raises(NotInThisState):
        await stage.duty.take_back("d-1", found, "doctor-absent")
    assert stage.store.get("c-1") == claimed


async def test_a_doctor_gives_back_no_claim_of_anothers(records: Engine, tmp_path: Path) -> None:
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.doctor()
    house.doctor("d-2", "87654321")
    house.consultation(state="arrived", ended_at_us=None, purge_at_us=None, created_at_us=BEGAN_US)
    stage = Stage(records, house.keys)
    stage.store.step("c-1", Step.CLAIM, "d-1", "doctor", doctor="d-1")
    found = stage.store.get("c-1")
    read_again(stage)
    claimed_by_another(stage)
    claimed = stage.store.get("c-1")
    with pytest.raises(NotInThisState):
        await stage.duty.give_back("d-1", found)
    assert stage.store.get("c-1") == claimed


async def test_whoever_leaves_while_places_are_kept_holds_none(records: Engine, tmp_path: Path) -> None:
    """Those behind would wait for nobody, until the place ran out."""
    house = House(records, FieldKeys.open(tmp_path / "keys"))
    house.patient()
    house.consultation(state="arrived", ended_at_us=None, purge_at_us=None, created_at_us=BEGAN_US)
    stage = Stage(records, house.keys)
    as_it_was_read = stage.store.get("c-1")
    await stage.desk.keep_place(as_it_was_read)
    assert await stage.queue.position(signalling.WaitingId("c-1")) == 1
    await stage.desk.cancel(as_it_was_read)
    await stage.desk.keep_place(as_it_was_read)
    assert await stage.queue.position(signalling.WaitingId("c-1")) is None
