"""Patients wait and doctors call them in: how long a patient takes to know, and to see somebody.

So many patients wait at a time; when one has been helped, another comes. The queue is the server's own, where
test persons can log in (`consultation_desk.py`); else it is ours, and the server's part is the room: whoever
waits knocks, and is admitted.
"""

import asyncio
import time
from typing import Protocol

from loadtest.results import Phase
from loadtest.tickets import Ticket
from loadtest.tool.entrances import Entrance
from loadtest.tool.fleet import Member
from loadtest.tool.run import Run
from loadtest.tool.tally import WaitingTally

LET_IN_S = 15.0
LOOK_AGAIN_S = 0.1


class Desk(Protocol):
    """Where patients ask and doctors claim. Several of each at the same time; numbers tell who."""

    through: str
    doctors: int
    patients: int

    async def ask(self, patient: int) -> str:
        """Be in the queue; the room where it will be. Raises DeskFailed."""
        ...

    async def claim(self, doctor: int) -> str | None:
        """The room of who has waited longest, or None when nobody waits. Raises DeskFailed."""
        ...

    def entrance(self, number: int, role: str) -> Entrance:
        """Where that person's tickets come from."""
        ...

    async def finish(self, doctor: int, room: str) -> None:
        """It is over. Raises DeskFailed."""
        ...


class DeskFailed(Exception):
    """Somebody was not served; the text is a stable code."""


class TicketDesk:
    """A queue of our own, and rooms by tickets."""

    through = "tickets"

    def __init__(self, run: Run) -> None:
        self._run = run
        self._queue: asyncio.Queue[str] = asyncio.Queue()  # no longer than there are patients
        self.doctors = run.options.doctors
        self.patients = run.options.calls

    async def ask(self, patient: int) -> str:
        room = self._run.new_room()
        self._queue.put_nowait(room)
        return room

    async def claim(self, doctor: int) -> str | None:
        return None if self._queue.empty() else self._queue.get_nowait()

    def entrance(self, number: int, role: str) -> Entrance:
        return _ByRoom(self._run)

    async def finish(self, doctor: int, room: str) -> None:
        pass


class _ByRoom:
    def __init__(self, run: Run) -> None:
        self._run = run

    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        return await self._run.fleet.entrance(room).ticket(room, role, waiting=waiting)


class WaitingRoom:
    """One test. `patients` by their rooms, from when they have asked."""

    def __init__(self, run: Run, desk: Desk) -> None:
        self._run = run
        self._desk = desk
        self._waiting: dict[str, Member] = {}
        self._over: dict[str, asyncio.Event] = {}
        self._tally = run.fleet.tally.waiting = WaitingTally(through=desk.through)

    async def play(self) -> None:
        async with asyncio.TaskGroup() as everybody:
            for number in range(self._desk.patients):
                everybody.create_task(self._be_patient(number), name="patient")
            for number in range(self._desk.doctors):
                everybody.create_task(self._be_doctor(number), name="doctor")

    # Patients

    async def _be_patient(self, number: int) -> None:
        await asyncio.sleep(self._run.draw.uniform(0, self._desk.patients / self._run.options.ramp_per_s))
        while True:
            began_s = time.monotonic()
            try:
                room = await self._desk.ask(number)
            except DeskFailed as error:
                self._run.fleet.fail(f"queue: {error}")
                await asyncio.sleep(1.0)
                continue
            self._tally.asked += 1
            self._tally.queued.record(1e6 * (time.monotonic() - began_s))
            over = self._over[room] = asyncio.Event()
            member = await self._run.fleet.enter(
                room,
                "patient",
                waiting=True,
                entrance=self._desk.entrance(number, "patient"),
                seated=self._seat,
            )
            if member is not None:
                await self._see(member)
                await over.wait()
                await self._run.fleet.leave(member)
            self._waiting.pop(room, None)
            self._over.pop(room, None)

    def _seat(self, member: Member) -> None:
        self._waiting[member.room] = member

    async def _see(self, member: Member) -> None:
        if member.admitted_s is not None and await self._run.fleet.first_packet(member):
            self._tally.media.record(1e6 * (time.monotonic() - member.admitted_s))

    # Doctors

    async def _be_doctor(self, number: int) -> None:
        while True:
            try:
                room = await self._desk.claim(number)
            except DeskFailed as error:
                self._run.fleet.fail(f"claim: {error}")
                room = None
            if room is None:
                await asyncio.sleep(LOOK_AGAIN_S * self._run.draw.uniform(0.5, 1.5))
                continue
            try:
                await self._help(number, room)
                if room in self._waiting:
                    self._waiting[room].over_told = True  # the desk ends the room: nothing is lost
                await self._desk.finish(number, room)
            except DeskFailed as error:
                self._run.fleet.fail(f"finish: {error}")
            finally:
                if room in self._over:
                    self._over[room].set()

    async def _help(self, number: int, room: str) -> None:
        entrance = self._desk.entrance(number, "doctor")
        doctor = await self._run.fleet.enter(room, "doctor", entrance=entrance)
        if doctor is None:
            return
        try:
            patient = await self._until_there(doctor, room)
            if patient is None:
                self._run.fleet.fail("waiting room: the patient did not knock in time")
                return
            asked_s = time.monotonic()
            who = patient.participant.room.me
            if not await self._run.fleet.ask(doctor, "waiting room: admit", "admit", participant=who):
                return
            claim_s = time.monotonic() - asked_s
            knows = await patient.until(lambda member: member.admitted_s is not None, LET_IN_S)
            self._tally.claimed += 1  # not before: the window may end while the patient is being told
            self._tally.claim.record(1e6 * claim_s)
            if knows:
                assert patient.admitted_s is not None
                self._tally.called.record(1e6 * (patient.admitted_s - asked_s))
            else:
                self._run.fleet.fail("waiting room: not let in in time")
            await asyncio.sleep(self._run.options.talk_s)
        finally:
            await self._run.fleet.leave(doctor)

    async def _until_there(self, doctor: Member, room: str) -> Member | None:
        """The patient, once the doctor sees it knock."""
        deadline = time.monotonic() + LET_IN_S
        while time.monotonic() < deadline:
            patient = self._waiting.get(room)
            if patient is not None and doctor.participant.room.participants:
                return patient
            await asyncio.sleep(LOOK_AGAIN_S / 5)
        return None


async def play(run: Run, desk: Desk | None = None) -> None:
    run.progress.phase(Phase.JOINING, None)
    room = WaitingRoom(run, desk or TicketDesk(run))
    await run.measure(room.play)
