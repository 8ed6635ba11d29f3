"""The doctor's side of the queue: who waits, one taken, read, called, given back, or not reached.

A claim in the queue is held while the doctor reads, so that a patient who is given back returns to the old
place. The row in SQL decides: whoever cannot take the step there has not got the patient.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import signalling
from media_server.consultations.absence import CLAIM_ABSENCE_S, reader_is_due
from media_server.consultations.desk import Desk
from media_server.consultations.errors import (
    AlreadyClaimed,
    DoctorBusy,
    NoSuchConsultation,
    NotInThisState,
    QueueEmpty,
)
from media_server.consultations.participants import participant_id
from media_server.consultations.record import Consultation
from media_server.consultations.room_news import Claimed, PutOut, RoomNews
from media_server.consultations.states import CALLS_BEFORE_NO_SHOW, State, Step
from media_server.consultations.store import ConsultationStore
from media_server.languages import Language
from media_server.people import Doctor
from media_server.records import FieldKeys, reading, tables, writing

log = logging.getLogger(__name__)

CLAIM_S = 3600.0
"""How long a claim of the queue is held for; longer than anybody reads before calling."""
_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """Who waits, and at which place among those of the same language."""

    consultation: Consultation
    position: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a doctor asks for: `only` this one; or the next who speaks one of `languages` (None: any that the
    doctor is on duty for) and has this priority or a higher one.
    """

    only: str | None = None
    languages: frozenset[Language] | None = None
    least_priority: int = 0


ANYBODY = Wanted()


class DutyDesk:
    def __init__(
        self,
        store: ConsultationStore,
        keys: FieldKeys,
        queue: signalling.WaitingQueue,
        news: RoomNews,
        desk: Desk,
        absence_s: float = CLAIM_ABSENCE_S,
    ) -> None:
        """`absence_s`: how long a doctor may not be seen until a patient who was not called is taken back."""
        self._store = store
        self._keys = keys
        self._queue = queue
        self._news = news
        self._desk = desk
        self._absence_s = absence_s

    async def waiting(self, doctor: Doctor) -> list[Listed]:
        """Those who speak one of the languages that the doctor is on duty for, the next first.

        Raises StoreUnavailable, RecordsUnusable.
        """
        arrived = await asyncio.to_thread(self._store.in_state, State.ARRIVED)
        spoken = sorted((each for each in arrived if each.language in doctor.duty_languages), key=_rank)
        spoken = spoken[:_MOST_LISTED]
        places = [await self._queue.position(signalling.WaitingId(each.id)) for each in spoken]
        # Who has no place was not seen for long, or is being claimed.
        return [Listed(each, place) for each, place in zip(spoken, places, strict=True) if place]

    async def claim(self, doctor: Doctor, wanted: Wanted = ANYBODY) -> Consultation:
        """The next of those wanted; whom the doctor has already, if nobody has been called yet.

        Raises QueueEmpty, AlreadyClaimed, DoctorBusy, StoreUnavailable, RecordsUnusable.
        """
        mine = await asyncio.to_thread(self._open, doctor.id)
        only = wanted.only
        if mine is not None:
            if mine.state is State.TRIAGED and only in (None, mine.id):
                return mine  # the answer of just now, once more
            raise DoctorBusy("end the consultation that you have first")
        claimer = signalling.ClaimerId(doctor.id)
        while (waiting := await self._next(claimer, doctor, wanted)) is not None:
            if only is not None and waiting.id != only:
                await self._queue.give_back(claimer, waiting.id)  # a claim whose answer was lost
                continue
            try:
                claimed = await asyncio.to_thread(self._take, doctor.id, waiting.id)
            except (NotInThisState, NoSuchConsultation):
                await self._queue.finish(claimer, waiting.id)  # it left, or another has it
                continue
            except DoctorBusy:
                # The same doctor asked twice at once; the queue gave both the same patient.
                mine = await asyncio.to_thread(self._open, doctor.id)
                if mine is not None and mine.id == waiting.id and mine.state is State.TRIAGED:
                    return mine
                await self._queue.give_back(claimer, waiting.id)
                raise
            await self._news.tell(Claimed(claimed.id, self._patient(claimed)))
            return claimed
        if only is not None:
            raise AlreadyClaimed("this patient waits no longer")
        raise QueueEmpty("nobody waits")

    async def _next(
        self, claimer: signalling.ClaimerId, doctor: Doctor, wanted: Wanted
    ) -> signalling.Waiting | None:
        """Only in languages that the doctor is on duty for."""
        spoken = doctor.duty_languages
        languages = [each.value for each in spoken if wanted.languages is None or each in wanted.languages]
        only = None if wanted.only is None else signalling.WaitingId(wanted.only)
        return await self._queue.claim(claimer, languages, CLAIM_S, only, wanted.least_priority)

    def _take(self, doctor: str, id_: str) -> Consultation:
        """Raises DoctorBusy, NotInThisState, NoSuchConsultation."""
        with writing(self._store.engine) as connection:
            # The doctor's own row, so that two requests at once don't both find nothing.
            connection.execute(tables.doctors.select().where(tables.doctors.c.id == doctor).with_for_update())
            if self._store.open_of_doctor(connection, doctor) is not None:
                raise DoctorBusy("end the consultation that you have first")
            before = self._store.get_within(connection, id_)
            return self._store.step_within(connection, before, Step.CLAIM, doctor, "doctor", doctor=doctor)

    async def give_back(self, doctor: str, consultation: Consultation) -> Consultation:
        """To the old place. Raises NotInThisState, RecordsUnusable."""
        return await self._put_back(
            doctor, consultation.id, doctor, "doctor", {}, lambda now: now.doctor == doctor
        )

    async def take_back(self, doctor: str, consultation: Consultation, because: str) -> Consultation:
        """Give the patient back for a doctor who does not. `consultation`: as it was when that was found; a
        claim that is another since then, or whose doctor has been seen, stays. `because`: a code, for the
        audit log.

        Raises NotInThisState, RecordsUnusable.
        """
        found = doctor, consultation.doctor_seen_at_us
        return await self._put_back(
            doctor,
            consultation.id,
            "queue-keeper",
            "system",
            {"because": because},
            lambda now: (now.doctor, now.doctor_seen_at_us) == found,
        )

    async def _put_back(
        self,
        doctor: str,
        id_: str,
        actor: str,
        role: str,
        details: Mapping[str, str],
        is_meant: Callable[[Consultation], bool],
    ) -> Consultation:
        def step() -> Consultation:
            with writing(self._store.engine) as connection:
                now = self._store.get_within(connection, id_, for_update=True)
                if not is_meant(now):
                    raise NotInThisState("it was claimed anew, or its doctor is back")
                return self._store.step_within(connection, now, Step.GIVE_BACK, actor, role, details=details)

        back = await asyncio.to_thread(step)
        try:
            await self._queue.give_back(signalling.ClaimerId(doctor), signalling.WaitingId(back.id))
        except signalling.StoreUnavailable:
            log.warning("queue.unavailable", extra={"consultation": back.id})
        await self._news.tell(PutOut(back.id, participant_id(self._keys, back.id, doctor)))
        await self._desk.keep_place(back)
        return back

    async def is_read(self, consultation: Consultation) -> None:
        """By its doctor, just now: they are there. Raises RecordsUnusable."""
        if reader_is_due(consultation, self._store.now_us(), self._absence_s):
            await asyncio.to_thread(self._store.see_reader, consultation)

    async def call(self, doctor: str, consultation: Consultation) -> Consultation:
        """From now on the patient may be let in. The claim stays: whoever does not answer may still be given
        back to the old place. Raises NotInThisState, RecordsUnusable.
        """
        changes = {} if consultation.opened_at_us else {"opened_at_us": self._store.now_us()}
        return await asyncio.to_thread(
            self._store.step, consultation.id, Step.CALL, doctor, "doctor", changes=changes
        )

    async def missed(self, doctor: str, consultation: Consultation) -> Consultation:
        """The patient did not answer; the second time that is a no-show, and over.

        Raises NotInThisState, RecordsUnusable.
        """
        calls = consultation.missed_calls + 1
        if calls >= CALLS_BEFORE_NO_SHOW:
            return await self._desk.end(consultation, Step.NO_SHOW, doctor, "doctor", missed_calls=calls)
        return await asyncio.to_thread(
            self._store.step,
            consultation.id,
            Step.MISS,
            doctor,
            "doctor",
            changes={"missed_calls": calls, "opened_at_us": None},
        )

    def _open(self, doctor: str) -> Consultation | None:
        with reading(self._store.engine) as connection:
            return self._store.open_of_doctor(connection, doctor)

    def _patient(self, consultation: Consultation) -> str:
        return participant_id(self._keys, consultation.id, consultation.patient)


def _rank(consultation: Consultation) -> tuple[int, int]:
    return -consultation.priority, consultation.created_at_us
