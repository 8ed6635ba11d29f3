"""A consultation from its beginning to the call: asked for, looked at, cancelled, entered."""

import asyncio
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field

from auth import Operation, PersonId, Private, Role, Standing, parse_national_number
from media_server.api import Answer, Call, Caller, Endpoint, FieldFault, Invalid
from media_server.consents import ConsentKind
from media_server.consultations import (
    ConsentGiven,
    ConsentNeeded,
    Consultation,
    Content,
    GeneralPractitioner,
    NotInThisState,
    Proxy,
    ProxyNeeded,
    RecordingForbidden,
    RedFlag,
    Request,
    State,
)
from media_server.endpoints.agreements import (
    Acknowledgement,
    Agreement,
    NoticeKind,
    check_agreement,
    consent_given,
    notices_shown,
)
from media_server.endpoints.guest_endpoints import guest_name
from media_server.endpoints.intake_endpoints import MOST_RESPONSE_BYTES, checked_response
from media_server.endpoints.models import (
    Body,
    ConsultationShown,
    Fund,
    Name,
    NationalNumber,
    Practitioner,
    Shown,
)
from media_server.endpoints.services import Services
from media_server.endpoints.showing import show
from media_server.intake import questionnaire, red_flags
from media_server.languages import Language
from media_server.people import AGE_OF_OWN_CONSULTATION, Patient, age_on
from media_server.records import ask_rows
from media_server.settings import Policy

_DAY_US = timedelta(days=1) // timedelta(microseconds=1)
_PHONE = r"^\+?[0-9][0-9 ./()-]{4,24}$"


Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ProxyFor(Body):
    """The child for whom the adult who is logged in asks."""

    given_name: Name
    family_name: Name
    birthdate: date
    relationship: Annotated[str, Field(min_length=1, max_length=40)]
    national_number: NationalNumber | None = None


class NewConsultation(Body):
    """`questionnaire_response`: a completed FHIR QuestionnaireResponse. `location`: where the patient is now,
    for 112. `insurance_fund`: three digits. `consents`: by kind; `teleconsultation` has to be granted.
    `notices`: by kind; all have to be acknowledged.
    """

    questionnaire_response: dict[str, Any]
    language: Language
    insurance_fund: Fund | None = None
    location: Line
    callback_number: Annotated[str, Field(pattern=_PHONE)] | None = None
    general_practitioner: Practitioner | None = None
    proxy_for: ProxyFor | None = None
    continue_despite_warning: bool = False
    consents: dict[ConsentKind, Agreement] = Field(default_factory=dict)
    notices: dict[NoticeKind, Acknowledgement] = Field(default_factory=dict)
    taken_s: Annotated[int, Field(ge=0, le=86_400)] | None = None


class ConsultationsShown(Shown):
    consultations: list[ConsultationShown]


class TicketWanted(Body):
    """`encryption_key`: base64url; it is said again in `join`, and not kept."""

    encryption_key: Annotated[str, Field(max_length=512)] | None = None


class TicketShown(Shown):
    """`expires_in`: seconds; `participant`: who its bearer is in the room."""

    ticket: str
    url: str
    expires_in: int
    participant: str


class ConsultationEndpoints:
    def __init__(self, services: Services) -> None:
        self._services = services

    def endpoints(self) -> tuple[Endpoint, ...]:
        at = "/consultations/{consultation}"
        return (
            Endpoint(
                "POST",
                "/consultations",
                Operation.CREATE_CONSULTATION,
                "Ask for a doctor: hand in the answers and wait",
                self._create,
                body=NewConsultation,
                answer=ConsultationShown,
                status=201,
                most_bytes=MOST_RESPONSE_BYTES,
                refusals={
                    403: ("consent-needed", "proxy-needed", "recording-forbidden"),
                    409: ("red-flag", "text-changed", "already-waiting"),
                    429: ("fair-use",),
                },
            ),
            Endpoint(
                "GET",
                "/consultations",
                Operation.LIST_CONSULTATIONS,
                "One's own of the last day, newest first",
                self._list,
                answer=ConsultationsShown,
            ),
            Endpoint(
                "GET",
                at,
                Operation.GET_CONSULTATION,
                "State, place in the queue, who takes part",
                self._get,
                answer=ConsultationShown,
            ),
            Endpoint(
                "POST",
                f"{at}/cancel",
                Operation.CANCEL,
                "Wait no longer",
                self._cancel,
                answer=ConsultationShown,
                refusals={409: ("state",)},
            ),
            Endpoint(
                "POST",
                f"{at}/return-to-queue",
                Operation.RETURN,
                "Wait for another doctor: this one has been gone from the call for long",
                self._return,
                answer=ConsultationShown,
                refusals={409: ("doctor-there", "state")},
            ),
            Endpoint(
                "POST",
                f"{at}/ticket",
                Operation.GET_TICKET,
                "The right to join the room once, within a minute",
                self._ticket,
                body=TicketWanted,
                answer=TicketShown,
                refusals={403: ("consent-needed", "invitation"), 409: ("state",)},
            ),
        )

    async def _create(self, call: Call[NewConsultation]) -> Answer:
        body, services = call.body, self._services
        response = await asyncio.to_thread(
            checked_response, body.questionnaire_response, body.language, complete=True
        )
        patient = await asyncio.to_thread(services.patients.get, PersonId(call.who.person))
        _check_proxy(body, patient, services.now().date())
        if body.insurance_fund is None and patient.details.national_number is not None:
            raise Invalid([FieldFault("/insurance_fund", "missing", "is needed: three digits")])
        asked = questionnaire(body.language)
        flags = red_flags(asked, response)
        if flags and not body.continue_despite_warning:
            await self._refuse(call, "red-flag")
            raise RedFlag("an answer says that this may be an emergency: call 112")
        notices = notices_shown(body.notices, body.language)
        consents = await self._consents(call)
        gp = body.general_practitioner
        request = Request(
            language=body.language,
            content=Content(
                questionnaire_response=response.to_fhir(),
                location=body.location,
                callback_number=body.callback_number,
                insurance_fund=body.insurance_fund,
                general_practitioner=None if gp is None else GeneralPractitioner(gp.name, gp.nihdi),
                proxy_for=None if body.proxy_for is None else _proxy(body.proxy_for),
                flags=tuple(flag.code for flag in flags),
                taken_s=body.taken_s,
            ),
            questionnaire_version=asked.version,
            consents=consents,
            notices=notices,
        )
        consultation = await services.desk.ask(call.who.person, request)
        return Answer(await show(services, consultation, Standing.ITS_PATIENT), status=201)

    async def _consents(self, call: Call[NewConsultation]) -> tuple[ConsentGiven, ...]:
        """Raises ConsentNeeded, RecordingForbidden, TextChanged, Invalid."""
        given = call.body.consents
        teleconsultation = given.get(ConsentKind.TELECONSULTATION)
        if teleconsultation is None or not teleconsultation.granted:
            await self._refuse(call, "consent-needed")
            raise ConsentNeeded("without consent to the teleconsultation nobody is put into the queue")
        recording = given.get(ConsentKind.RECORDING)
        if recording is not None and recording.granted:
            if self._services.settings.policy is not Policy.CONSENTED_RECORDING:
                await self._refuse(call, "recording-forbidden")
                raise RecordingForbidden("this service records nothing, whoever agrees")
            fault = FieldFault(
                "/consents/recording", "too-early", "is asked for in the call, of all who are there"
            )
            raise Invalid([fault])
        if ConsentKind.THIRD_PARTY_PRESENCE in given:
            fault = FieldFault(
                "/consents/third_party_presence", "too-early", "is asked for each guest once they are invited"
            )
            raise Invalid([fault])
        for kind, agreement in given.items():
            check_agreement(kind, agreement, f"/consents/{kind.value}")
        now = self._services.clock_us()
        said = (consent_given(kind, agreement, call.body.language, now) for kind, agreement in given.items())
        return tuple(consent for consent in said if consent is not None)

    async def _refuse(self, call: Call[NewConsultation], why: str) -> None:
        await asyncio.to_thread(
            self._services.store.refused, None, call.who.person, "patient", "consultation.create", why
        )

    async def _list(self, call: Call[None]) -> Answer:
        services, caller = self._services, call.who
        since = services.clock_us() - _DAY_US
        if caller.role is Role.PATIENT:
            found = await asyncio.to_thread(services.store.of_patient, caller.person, since)
            standing = Standing.ITS_PATIENT
        else:
            found = await asyncio.to_thread(services.store.of_doctor, caller.person, since)
            standing = Standing.ITS_DOCTOR
        return Answer(ConsultationsShown(consultations=[await show(services, c, standing) for c in found]))

    async def _get(self, call: Call[None]) -> Answer:
        if call.standing is Standing.ITS_PATIENT:
            await self._services.desk.keep_place(call.about)
        if call.standing is Standing.ITS_DOCTOR:
            await self._services.duty_desk.is_read(call.about)
        return Answer(await show(self._services, call.about, call.standing))

    async def _cancel(self, call: Call[None]) -> Answer:
        over = await self._services.desk.cancel(call.about)
        return Answer(await show(self._services, over, call.standing))

    async def _return(self, call: Call[None]) -> Answer:
        back = await self._services.desk.return_to_queue(call.about)
        return Answer(await show(self._services, back, call.standing))

    async def _ticket(self, call: Call[TicketWanted]) -> Answer:
        consultation, services = call.about, self._services
        if consultation.state.over:
            raise NotInThisState("the consultation is over")
        if call.standing is Standing.ITS_DOCTOR and consultation.state is not State.IN_PROGRESS:
            raise NotInThisState("call the patient first")
        await services.desk.keep_place(consultation)
        participant = services.participant(consultation, call.who.person)
        name = await self._let_in(call.who, consultation)
        ticket = services.issuer.issue(
            room=consultation.id,
            role=call.who.role,
            name=name,
            participant=participant,
            # A doctor decides when the patient comes in; a guest needs the patient's word as well.
            admitted=call.who.role is Role.DOCTOR,
            session=call.who.session,
        )
        url = await services.place(consultation.id)
        shown = TicketShown(
            ticket=ticket, url=url, expires_in=services.issuer.life_s, participant=participant
        )
        return Answer(shown)

    async def _let_in(self, caller: Caller, consultation: Consultation) -> Private[str]:
        """The caller's name. Raises ConsentNeeded once the patient wants no teleconsultation any more,
        InvitationRefused for a guest whose invitation was taken back.
        """
        services, kind = self._services, ConsentKind.TELECONSULTATION
        is_guest = caller.role is Role.GUEST

        def ask() -> tuple[bool, Private[str] | None]:
            if services.ledger.grant(consultation.id, kind, services.patient_of(consultation)) is None:
                return False, None
            return True, None if is_guest else services.name_of(caller)

        granted, name = await ask_rows(services.engine, ask)
        if not granted:
            who = caller.person, caller.role.value
            await asyncio.to_thread(
                services.store.refused, consultation.id, *who, "room.enter", "consent-needed"
            )
            raise ConsentNeeded("the patient has taken back the consent to the teleconsultation")
        if name is not None:
            return name
        return await asyncio.to_thread(guest_name, services, consultation, caller.person)


def _check_proxy(body: NewConsultation, patient: Patient, today: date) -> None:
    """Raises ProxyNeeded, Invalid."""
    if patient.needs_proxy(today):
        raise ProxyNeeded("under sixteen, an adult has to log in and ask")
    child = body.proxy_for
    if child is not None and not 0 <= age_on(today, child.birthdate) < AGE_OF_OWN_CONSULTATION:
        fault = FieldFault("/proxy_for/birthdate", "not-a-child", "has to be of a child under sixteen")
        raise Invalid([fault])
    if child is not None and child.national_number is not None:
        number = parse_national_number(child.national_number)
        if number.disagreements(child.birthdate, None):
            fault = FieldFault("/proxy_for/national_number", "birthdate", "is of another birth date")
            raise Invalid([fault])


def _proxy(child: ProxyFor) -> Proxy:
    return Proxy(
        given_name=child.given_name,
        family_name=child.family_name,
        birthdate=child.birthdate.isoformat(),
        relationship=child.relationship,
        national_number=child.national_number,
    )
