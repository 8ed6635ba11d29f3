"""Keeps the places of those who are there, and tells them how far they have come.

Once a second each node looks at the waiting rooms that are its own: who is present keeps the place in the
queue (or gets one again, if Redis lost it), and hears place and estimate when they have changed. Once a
minute whoever was claimed and forgotten, or whose doctor vanished before calling, waits again, and what
nobody saw for hours is ended.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress

import signalling
from auth import PersonId
from media_server.consultations.absence import CLAIM_ABSENCE_S, reader_is_away
from media_server.consultations.desk import Desk
from media_server.consultations.duty_desk import CLAIM_S, DutyDesk
from media_server.consultations.errors import ConsultationRefused
from media_server.consultations.estimates import Pace
from media_server.consultations.record import Consultation
from media_server.consultations.states import State, Step
from media_server.consultations.store import ConsultationStore
from media_server.forever import forever
from media_server.metric_rows import Row
from media_server.people import Doctors, UnknownPerson

log = logging.getLogger(__name__)

EVERY_S = 1.0
_SWEEP_EVERY_S = 60.0
_FORGOTTEN_AFTER_S = 6 * 3600.0
DAYS_OPEN = 3.0
_RECENT_S = 12 * 3600.0
_DAY_US = 86_400_000_000


class QueueKeeper:
    def __init__(
        self,
        store: ConsultationStore,
        desk: Desk,
        duty_desk: DutyDesk,
        queue: signalling.WaitingQueue,
        rooms: signalling.SignallingServer,
        doctors: Doctors,
        clock_us: Callable[[], int],
        days_open: float = DAYS_OPEN,
        absence_s: float = CLAIM_ABSENCE_S,
    ) -> None:
        """`absence_s`: as the duty desk's. `days_open`: whatever is open for longer is ended, whoever may
        still be in its room: content that never ends would never be purged.
        """
        self._store = store
        self._desk = desk
        self._duty_desk = duty_desk
        self._queue = queue
        self._rooms = rooms
        self._doctors = doctors
        self._clock_us = clock_us
        self._longest_us = int(days_open * _DAY_US)
        self._absence_s = absence_s
        self._began_us = clock_us()
        self._expired = 0
        self._told: dict[str, tuple[int, float | None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(forever("queue-look", self.look, EVERY_S), name="queue-look")
            every_s = min(_SWEEP_EVERY_S, self._absence_s / 4)
            group.create_task(forever("queue-sweep", self.sweep, every_s), name="queue-sweep")

    async def look(self) -> None:
        """Once round the waiting rooms. Raises StoreUnavailable, RecordsUnusable."""
        waiting = self._rooms.waiting_patients()
        told: dict[str, tuple[int, float | None]] = {}
        if waiting:
            rows = await asyncio.to_thread(self._store.in_state, State.ARRIVED, State.TRIAGED)
            unopened = {row.id: row for row in rows}
            pace = await asyncio.to_thread(self._pace)
            for room, participant in waiting:
                consultation = unopened.get(room)
                if consultation is None:
                    continue
                await self._desk.keep_place(consultation)
                position = await self._queue.position(signalling.WaitingId(consultation.id))
                if position is None or consultation.state is not State.ARRIVED:
                    continue
                estimate = pace.wait_s(position, consultation.language)
                told[room] = position, estimate
                if self._told.get(room) != told[room]:
                    event = signalling.Queue(position=position, estimated_wait_s=estimate)
                    self._rooms.tell(room, event, participant)
        self._told = told

    async def place(self, consultation: Consultation) -> tuple[int, float | None] | None:
        """(place, estimated wait in seconds or None); None: does not wait.

        Raises StoreUnavailable, RecordsUnusable.
        """
        position = await self._queue.position(signalling.WaitingId(consultation.id))
        if position is None:
            return None
        pace = await asyncio.to_thread(self._pace)
        return position, pace.wait_s(position, consultation.language)

    async def sweep(self) -> None:
        """Give back who was forgotten, end what nobody will end. Raises StoreUnavailable, RecordsUnusable."""
        for claimed, because in await asyncio.to_thread(self._forgotten):
            assert claimed.doctor is not None, "it is claimed"
            with suppress(ConsultationRefused):  # somebody took a step meanwhile
                await self._duty_desk.take_back(claimed.doctor, claimed, because)
        await self._end_the_old()

    async def _end_the_old(self) -> None:
        before = self._clock_us() - int(_FORGOTTEN_AFTER_S * 1e6)
        open_ones = await asyncio.to_thread(
            self._store.in_state, State.ARRIVED, State.TRIAGED, State.IN_PROGRESS, before_us=before
        )
        alive = {room for room, _ in self._rooms.waiting_patients()}
        for consultation in open_ones:
            if self._older(consultation, self._longest_us):
                await self._expire(consultation)
                continue
            if consultation.id in alive or self._rooms.room_state(signalling.RoomId(consultation.id)):
                continue
            if consultation.state is State.IN_PROGRESS and not self._older(consultation, _DAY_US):
                continue  # the doctor may still be writing
            if await self._queue.position(signalling.WaitingId(consultation.id)) is not None:
                continue  # another node sees the patient
            await self._expire(consultation)

    async def _expire(self, consultation: Consultation) -> None:
        with suppress(ConsultationRefused):
            await self._desk.end(consultation, Step.EXPIRE, "queue-keeper", "system")
            self._expired += 1
            log.warning("consultation.expired", extra={"consultation": consultation.id})

    def rows(self) -> Iterator[Row]:
        """For the metrics page."""
        yield Row("consultations_expired", "Consultations that nobody ended, ended by us", self._expired)

    def _forgotten(self) -> list[tuple[Consultation, str]]:
        """Who was claimed and never called, and why that will not come any more, as a code."""
        claimed = self._store.in_state(State.TRIAGED)
        found = ((each, self._why_never_called(each)) for each in claimed)
        return [(each, because) for each, because in found if because is not None]

    def _why_never_called(self, claimed: Consultation) -> str | None:
        now = self._clock_us()
        if (claimed.claimed_at_us or 0) < now - int(CLAIM_S * 1e6):
            return "claimed-long-ago"
        # Doctors could not show themselves to a node that did not run.
        has_run = now - self._began_us >= self._absence_s * 1e6
        if has_run and reader_is_away(claimed, now, self._absence_s):
            return "doctor-absent"
        return "doctor-barred" if claimed.doctor and self._barred(claimed.doctor) else None

    def _barred(self, doctor: str) -> bool:
        try:
            return bool(self._doctors.may_go_on_duty(self._doctors.get(PersonId(doctor))))
        except UnknownPerson:
            return True

    def _older(self, consultation: Consultation, than_us: int) -> bool:
        return self._clock_us() - consultation.created_at_us > than_us

    def _pace(self) -> Pace:
        """How fast patients are taken now; blocking."""
        on_duty = [doctor.duty_languages for doctor in self._doctors.all_on_duty()]
        return Pace(on_duty, self._store.mean_call_s(self._clock_us() - int(_RECENT_S * 1e6)))
