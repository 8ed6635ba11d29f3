"""The doctor's side: duty, the queue, the patient claimed, read, called, given back or missed."""

import asyncio
from datetime import datetime
from typing import Annotated

from pydantic import Field

from auth import Operation, PersonId, Standing
from media_server.api import Answer, Call, Endpoint, Parameter
from media_server.consultations import Consultation, Wanted
from media_server.endpoints.auditing import note
from media_server.endpoints.intake_endpoints import FhirDocument
from media_server.endpoints.intake_summary import summary_of
from media_server.endpoints.models import LANGUAGES, Body, ConsultationShown, Shown
from media_server.endpoints.services import Services, moment
from media_server.endpoints.showing import show
from media_server.intake import category_of, icpc2_suggestions, parse_response, questionnaire
from media_server.languages import Language
from media_server.people import MayNotGoOnDuty
from signalling import HIGHEST_PRIORITY


class Duty(Body):
    """`languages`: those in which the doctor takes patients."""

    on_duty: bool
    languages: Annotated[list[Language], Field(max_length=len(Language))] = Field(default_factory=list)


class DutyShown(Shown):
    on_duty: bool
    languages: list[Language]


class WaitingShown(Shown):
    """`position` among those of the same language. `priority`: 0, or 100 for who had a doctor and lost them
    again. No health data.
    """

    consultation: str
    position: int
    language: Language
    waiting_since: datetime
    priority: int


class QueueShown(Shown):
    """`claimed`: the consultations that the doctor has and that are not over."""

    waiting: list[WaitingShown]
    claimed: list[str]


class Claim(Body):
    """`consultation`: this one; left out, the next of those who speak one of `languages` (left out: any that
    the doctor is on duty for) and have `priority` or a higher one.
    """

    consultation: Annotated[str, Field(max_length=64)] | None = None
    languages: Annotated[list[Language], Field(min_length=1, max_length=len(Language))] | None = None
    priority: Annotated[int, Field(ge=0, le=HIGHEST_PRIORITY)] = 0


class AttemptShown(Shown):
    """Which call it is, from 1."""

    attempt: int


class LineShown(Shown):
    """`quoted`: the patient's own words, in `language`."""

    label: str
    value: str
    quoted: bool
    language: str | None


class SectionShown(Shown):
    key: str
    title: str
    lines: list[LineShown]


class SummaryShown(Shown):
    language: Language
    title: str
    sections: list[SectionShown]
    text: str


class CodeShown(Shown):
    """One of ICPC-2 that the doctor may confirm; nobody else assigns any."""

    code: str
    display: str


class IntakeShown(Shown):
    """`questionnaire` and `summary` are in the language asked for, the answers in the patient's words."""

    questionnaire: FhirDocument
    questionnaire_response: FhirDocument
    summary: SummaryShown
    category_codes: list[CodeShown]


class QueueEndpoints:
    def __init__(self, services: Services) -> None:
        self._services = services

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/consultations/{consultation}"
        return (
            Endpoint(
                "PUT",
                "/duty",
                Operation.PUT_DUTY,
                "Go on duty, or off",
                self._duty,
                body=Duty,
                answer=DutyShown,
                refusals={403: ("may-not-go-on-duty",)},
            ),
            Endpoint(
                "GET",
                "/queue",
                Operation.GET_QUEUE,
                "Who waits in the languages one is on duty for, the next first",
                self._queue,
                answer=QueueShown,
                refusals={403: ("not-on-duty",)},
            ),
            Endpoint(
                "POST",
                "/queue/claim",
                Operation.CLAIM,
                "Take the next patient, or this one",
                self._claim,
                body=Claim,
                answer=ConsultationShown,
                refusals={403: ("not-on-duty",), 404: ("queue-empty",), 409: ("already-claimed", "busy")},
            ),
            Endpoint(
                "POST",
                f"{at}/give-back",
                Operation.GIVE_BACK,
                "Put the patient back to the old place",
                self._give_back,
                refusals={409: ("state",)},
            ),
            Endpoint(
                "POST",
                f"{at}/call",
                Operation.CALL,
                "Call the patient: from now on there are tickets for the doctor",
                self._call,
                answer=AttemptShown,
                refusals={403: ("may-not-go-on-duty",), 409: ("state",)},
            ),
            Endpoint(
                "POST",
                f"{at}/missed-call",
                Operation.MISS_CALL,
                "The patient did not answer; the second time that is a no-show",
                self._missed,
                answer=ConsultationShown,
                refusals={409: ("state",)},
            ),
            Endpoint(
                "GET",
                f"{at}/intake",
                Operation.GET_INTAKE,
                "Answers and summary",
                self._intake,
                answer=IntakeShown,
                query=(
                    Parameter(
                        "lang",
                        "The language of questions and summary; without it, the doctor's own",
                        values=LANGUAGES,
                        required=False,
                    ),
                ),
                refusals={410: ("purged",)},
            ),
        )

    async def _duty(self, call: Call[Duty]) -> Answer:
        doctors, id_ = self._services.doctors, PersonId(call.who.person)
        if call.body.on_duty:
            doctor = await asyncio.to_thread(doctors.go_on_duty, id_, call.body.languages)
        else:
            doctor = await asyncio.to_thread(doctors.go_off_duty, id_)
        on_duty = doctor.on_duty_since_us is not None
        return Answer(DutyShown(on_duty=on_duty, languages=list(doctor.duty_languages)))

    async def _queue(self, call: Call[None]) -> Answer:
        services = self._services
        doctor = await asyncio.to_thread(services.doctors.on_duty, PersonId(call.who.person))
        listed = await services.duty_desk.waiting(doctor)
        mine = await asyncio.to_thread(services.store.of_doctor, doctor.id, 0)
        waiting = [
            WaitingShown(
                consultation=one.consultation.id,
                position=one.position,
                language=one.consultation.language,
                waiting_since=moment(one.consultation.created_at_us),
                priority=one.consultation.priority,
            )
            for one in listed
        ]
        return Answer(QueueShown(waiting=waiting, claimed=[c.id for c in mine if not c.state.over]))

    async def _claim(self, call: Call[Claim]) -> Answer:
        services = self._services
        doctor = await asyncio.to_thread(services.doctors.on_duty, PersonId(call.who.person))
        body = call.body
        languages = None if body.languages is None else frozenset(body.languages)
        claimed = await services.duty_desk.claim(doctor, Wanted(body.consultation, languages, body.priority))
        return Answer(await show(services, claimed, Standing.ITS_DOCTOR))

    async def _give_back(self, call: Call[None]) -> Answer:
        await self._services.duty_desk.give_back(call.who.person, call.about)
        return Answer()

    async def _call(self, call: Call[None]) -> Answer:
        await asyncio.to_thread(self._check_may_call, PersonId(call.who.person))
        called = await self._services.duty_desk.call(call.who.person, call.about)
        return Answer(AttemptShown(attempt=called.missed_calls + 1))

    def _check_may_call(self, id_: PersonId) -> None:
        """Who goes off duty may finish with the last patient; who may not practise may call nobody.

        Raises MayNotGoOnDuty.
        """
        doctors = self._services.doctors
        if reasons := doctors.may_go_on_duty(doctors.get(id_)):
            raise MayNotGoOnDuty(", ".join(reason.value for reason in reasons))

    async def _missed(self, call: Call[None]) -> Answer:
        after = await self._services.duty_desk.missed(call.who.person, call.about)
        return Answer(await show(self._services, after, Standing.ITS_DOCTOR))

    async def _intake(self, call: Call[None]) -> Answer:
        await self._services.duty_desk.is_read(call.about)
        wanted = Language(call.query["lang"]) if "lang" in call.query else None
        return Answer(await asyncio.to_thread(self._read_intake, call.about, call.who.person, wanted))

    def _read_intake(
        self, consultation: Consultation, doctor_id: str, wanted: Language | None
    ) -> IntakeShown:
        services = self._services
        content = services.store.content(consultation.id)
        doctor = services.doctors.get(PersonId(doctor_id))
        language = wanted or doctor.details.language or doctor.languages[0]
        asked = questionnaire(language)
        response = parse_response(content.questionnaire_response)
        summary = summary_of(services, consultation, content, asked, response)
        note(services, consultation, doctor_id, "doctor", "intake.read")
        return IntakeShown(
            questionnaire=FhirDocument.model_validate(asked.to_fhir()),
            questionnaire_response=FhirDocument.model_validate(content.questionnaire_response),
            summary=SummaryShown.model_validate(summary.as_json() | {"text": summary.text()}),
            category_codes=[
                CodeShown(code=each.code, display=each.name)
                for each in icpc2_suggestions(category_of(response) or "", language)
            ],
        )
