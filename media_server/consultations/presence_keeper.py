"""Notes which doctors are in their calls, and tells patients whose doctor has vanished that they may go back.

Each node does so for the rooms that it has. What is noted in the records holds for whichever node the patient
asks, and outlasts the node that noted it.
"""

import asyncio
from collections.abc import Callable

import signalling
from media_server.consultations.absence import doctor_is_away, note_every_s
from media_server.consultations.store import ConsultationStore
from media_server.forever import forever

EVERY_S = 1.0
Whom = tuple[signalling.RoomId, signalling.ParticipantId]


class PresenceKeeper:
    """`clock_us`: Unix microseconds."""

    def __init__(
        self,
        store: ConsultationStore,
        rooms: signalling.SignallingServer,
        clock_us: Callable[[], int],
        absence_s: float,
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._clock_us = clock_us
        self._absence_s = absence_s
        self._noted_us: dict[str, int] = {}
        self._told: set[Whom] = set()

    async def run(self) -> None:
        """Until cancelled."""
        await forever("presence", self.look, min(EVERY_S, self._absence_s / 4))

    async def look(self) -> None:
        """Once round the rooms. Raises RecordsUnusable."""
        there = {room for room, _ in self._rooms.admitted(signalling.Role.DOCTOR)}
        await self._note(there)
        patients = [*self._rooms.admitted(signalling.Role.PATIENT), *self._rooms.waiting_patients()]
        alone = {room for room, _ in patients} - there
        away = await asyncio.to_thread(self._left_alone, alone) if alone else set()
        told = {whom for whom in patients if whom[0] in away}
        for room, patient in told - self._told:
            self._tell(room, patient, may_return=True)
        for room, patient in self._told - told:
            if room in there:
                self._tell(room, patient, may_return=False)
        self._told = told

    async def _note(self, there: set[signalling.RoomId]) -> None:
        """Seldom enough that it costs the records nothing; at once for a doctor who has just come."""
        now = self._clock_us()
        lately = now - int(note_every_s(self._absence_s) * 1e6)
        self._noted_us = {room: at for room, at in self._noted_us.items() if room in there and at > lately}
        new = there - self._noted_us.keys()
        if new:
            # All at once: then they are due together the next time, too.
            await asyncio.to_thread(self._store.see_doctors, there)
            self._noted_us = dict.fromkeys(there, now)

    def _left_alone(self, rooms: set[signalling.RoomId]) -> set[str]:
        now = self._clock_us()
        found = self._store.some(rooms)
        return {each.id for each in found if doctor_is_away(each, now, self._absence_s)}

    def _tell(self, room: signalling.RoomId, patient: signalling.ParticipantId, *, may_return: bool) -> None:
        event = signalling.Queue(position=0, estimated_wait_s=0.0, may_return=may_return)
        self._rooms.tell(room, event, patient)
