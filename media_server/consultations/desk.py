"""Where consultations begin and end for the patient: asked for, waited for, given up.

A row in SQL says that somebody waits; the queue says in which order. A node that dies between the two loses
nothing: whoever is present in a waiting room is put back into the queue by `queue_keeper`.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

import signalling
from media_server.consents import ConsentKind, ConsentState, Ledger, Word
from media_server.consultations.absence import doctor_is_away
from media_server.consultations.errors import DoctorThere, FairUse, NoSuchConsultation, PatientWaits
from media_server.consultations.participants import participant_id
from media_server.consultations.priorities import Priority
from media_server.consultations.record import Consultation, Content
from media_server.consultations.room_news import Concluded, Returned, RoomNews
from media_server.consultations.states import State, Step, after
from media_server.consultations.store import ConsultationStore
from media_server.languages import Language
from media_server.records import (
    FieldKeys,
    RecordsUnusable,
    ask_rows,
    newest_audit_about_nothing,
    tables,
    writing,
)

log = logging.getLogger(__name__)

STOP_PASSED = "intake-warning.continue"
"""In the audit log: the patient went on past the stop screen. Of a consultation, `flags` is how many alarm
signs its answers name, and `passed_at_us` when the patient went on, in Unix microseconds.
"""
INTAKE_LIFE_S = 86_400.0
"""How long answers are kept for whoever goes on with them later: nobody takes longer to ask."""
WAIT_S = 600.0
"""How long a place is kept for somebody whom no node sees: a dead battery, a tunnel, another app."""


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """By the patient beforehand, in the words of that version. `recipient`: of a report."""

    kind: ConsentKind
    text_version: str
    text_hash: str
    language: str
    recipient: str | None = None
    expires_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """A text that the patient was shown and said to have read. `hash`: SHA-256, hexadecimal, of it."""

    kind: str
    text_version: str
    language: str
    text_hash: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a patient asks for, checked; among `consents` is the one to the teleconsultation itself."""

    language: Language
    content: Content
    questionnaire_version: str
    consents: tuple[ConsentGiven, ...]
    notices: tuple[NoticeShown, ...]


class Desk:
    """`fair_use`: consultations a patient may have in a calendar month (UTC); `absence_s`: how long a doctor
    may be away from a call until its patient may go back into the queue.
    """

    def __init__(
        self,
        store: ConsultationStore,
        ledger: Ledger,
        keys: FieldKeys,
        queue: signalling.WaitingQueue,
        news: RoomNews,
        clock_us: Callable[[], int],
        fair_use: int,
        purge_after_s: float,
        absence_s: float,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._keys = keys
        self._queue = queue
        self._news = news
        self._clock_us = clock_us
        self._fair_use = fair_use
        self._purge_after_us = int(purge_after_s * 1e6)
        self._absence_s = absence_s

    async def ask(self, patient: str, request: Request) -> Consultation:
        """Begin a consultation and wait. Raises PatientWaits, FairUse, RecordsUnusable."""
        consultation = await asyncio.to_thread(self._begin, patient, request)
        await self.keep_place(consultation)
        return consultation

    def _begin(self, patient: str, request: Request) -> Consultation:
        now = self._clock_us()
        consultation = Consultation(
            id=f"c-{secrets.token_hex(12)}",
            patient=patient,
            state=State.ARRIVED,
            language=request.language,
            priority=Priority.NORMAL.value,
            questionnaire_version=request.questionnaire_version,
            created_at_us=now,
        )
        with writing(self._store.engine) as connection:
            # One row of the patient's, so that two requests at once don't both find nothing.
            connection.execute(
                tables.patients.select().where(tables.patients.c.id == patient).with_for_update()
            )
            if self._store.open_of_patient(connection, patient) is not None:
                raise PatientWaits("there is a consultation already that is not over")
            if self._store.count_of_patient(connection, patient, month_began_us(now)) >= self._fair_use:
                raise FairUse(f"at most {self._fair_use} consultations in a month")
            passed_us = self._stop_passed_us(connection, patient, now)
            self._store.add(connection, consultation, request.content)
            if request.content.flags or passed_us is not None:
                # Which answers led to the stop screen is health data; how many still do is not.
                details = {
                    "flags": len(request.content.flags),
                    "passed_at_us": now if passed_us is None else passed_us,
                }
                self._store.note(connection, consultation, patient, "patient", STOP_PASSED, details=details)
            for notice in request.notices:
                self._note_notice(connection, consultation, notice)
            for consent in request.consents:
                self._ledger.append_within(connection, self._word(consultation, consent))
            connection.execute(tables.intake_drafts.delete().where(tables.intake_drafts.c.patient == patient))
        return consultation

    def _stop_passed_us(self, connection: Connection, patient: str, now: int) -> int | None:
        """When the patient went on past the stop screen, while answering for what is asked for now: after the
        consultation before, and not longer ago than answers are kept. None: that was not noted.
        """
        since = now - int(INTAKE_LIFE_S * 1e6)
        before = self._store.last_asked_us(connection, patient)
        return newest_audit_about_nothing(
            connection, patient, STOP_PASSED, since if before is None else max(since, before)
        )

    def _note_notice(self, connection: Connection, consultation: Consultation, notice: NoticeShown) -> None:
        details = {
            "kind": notice.kind,
            "version": notice.text_version,
            "language": notice.language,
            "hash": notice.text_hash,
        }
        self._store.note(
            connection, consultation, consultation.patient, "patient", "notice.acknowledged", details=details
        )

    def _word(self, consultation: Consultation, consent: ConsentGiven) -> Word:
        return Word(
            consultation=consultation.id,
            participant=participant_id(self._keys, consultation.id, consultation.patient),
            kind=consent.kind,
            state=ConsentState.GRANTED,
            actor=consultation.patient,
            role="patient",
            text_version=consent.text_version,
            text_hash=consent.text_hash,
            language=consent.language,
            recipient=consent.recipient,
            expires_at_us=consent.expires_at_us,
        )

    async def keep_place(self, consultation: Consultation) -> None:
        """The patient was seen just now: wait on at the same place. Who is claimed keeps it, too, for the
        doctor may give the patient back. Never raises: whoever is in a waiting room is put into the
        queue again once it answers.
        """
        if consultation.state not in (State.ARRIVED, State.TRIAGED):
            return
        try:
            await self._queue.push(waiting_of(consultation), WAIT_S)
            if await self._is_over(consultation.id):  # it ended while we thought that it waits
                await self._queue.remove(signalling.WaitingId(consultation.id))
        except signalling.StoreUnavailable:
            log.warning("queue.unavailable", extra={"consultation": consultation.id})
        except RecordsUnusable:
            log.warning("queue.unconfirmed", extra={"consultation": consultation.id})

    async def _is_over(self, id_: str) -> bool:
        """Raises RecordsUnusable."""
        try:
            return (await ask_rows(self._store.engine, lambda: self._store.get(id_))).state.over
        except NoSuchConsultation:
            return True

    async def cancel(self, consultation: Consultation) -> Consultation:
        """The patient goes. Raises NotInThisState, RecordsUnusable."""
        return await self.end(consultation, Step.CANCEL, consultation.patient, "patient")

    async def return_to_queue(self, consultation: Consultation) -> Consultation:
        """The doctor has vanished, and the patient waits for another one, before those who came later. Who is
        in the room is put out of it: the patient waits in it again, guests need a new invitation.

        Raises NotInThisState, DoctorThere, RecordsUnusable.
        """
        before, back = await asyncio.to_thread(self._return, consultation.id)
        if before.doctor is not None:
            try:
                await self._queue.give_back(
                    signalling.ClaimerId(before.doctor), signalling.WaitingId(back.id)
                )
            except signalling.StoreUnavailable:
                log.warning("queue.unavailable", extra={"consultation": back.id})
        await self._news.tell(Returned(back.id))
        await self.keep_place(back)
        return back

    def _return(self, id_: str) -> tuple[Consultation, Consultation]:
        """Before and after."""
        with writing(self._store.engine) as connection:
            before = self._store.get_within(connection, id_, for_update=True)
            after(before.state, Step.RETURN)
            if not doctor_is_away(before, self._clock_us(), self._absence_s):
                raise DoctorThere("the doctor is in the call, or was a moment ago")
            connection.execute(
                tables.invitations.update()
                .where(tables.invitations.c.consultation == id_, tables.invitations.c.revoked_at_us.is_(None))
                .values(revoked_at_us=self._clock_us())
            )
            return before, self._store.step_within(connection, before, Step.RETURN, before.patient, "patient")

    async def end(
        self,
        consultation: Consultation,
        step: Step,
        actor: str,
        role: str,
        also: Callable[[Connection], None] = lambda _: None,
        **changes: object,
    ) -> Consultation:
        """Any step after which it is over: out of the queue, the room closed, the time of the purge set.

        `also`: what is written together with it, or not at all.
        """
        changes["purge_at_us"] = self._clock_us() + self._purge_after_us

        def take() -> Consultation:
            with writing(self._store.engine) as connection:
                also(connection)
                before = self._store.get_within(connection, consultation.id)
                return self._store.step_within(connection, before, step, actor, role, changes=changes)

        over = await asyncio.to_thread(take)
        try:
            await self._queue.remove(signalling.WaitingId(over.id))
        except signalling.StoreUnavailable:
            log.warning("queue.unavailable", extra={"consultation": over.id})  # a claim of it finds it over
        await self._news.tell(Concluded(over.id))
        return over


def waiting_of(consultation: Consultation) -> signalling.Waiting:
    """As it stands in the queue: by when it was asked for, also for a queue that has forgotten it."""
    return signalling.Waiting(
        signalling.WaitingId(consultation.id),
        consultation.language.value,
        consultation.priority,
        consultation.created_at_us // 1000,
    )


def month_began_us(now_us: int) -> int:
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    return int(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() * 1e6)
