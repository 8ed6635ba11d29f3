"""Who is logged in, what they may do now, and what was noted of them."""

import asyncio
from datetime import datetime

from pydantic import RootModel
from sqlalchemy import select

from auth import Operation, PersonId, Role
from media_server.api import Answer, Call, Caller, Endpoint
from media_server.consultations import month_began_us
from media_server.endpoints.models import LANGUAGES, Shown
from media_server.endpoints.services import Services, moment
from media_server.languages import Language
from media_server.login.settings import ItsmeEnvironment
from media_server.people import Reason, UnknownPerson
from media_server.records import reading, tables


class LoginOptions(Shown):
    """How one can come in. `development`: the provider is a stand-in for itsme."""

    itsme: bool
    development: bool
    walk_in: bool
    policy: str
    languages: list[Language]


class MePatient(Shown):
    """`consultations_left`: this month; `active_consultation`: the one that is not over."""

    needs_proxy: bool
    has_national_number: bool
    consultations_left: int
    active_consultation: str | None
    intake_draft: bool


class MeDoctor(Shown):
    nihdi: str
    qualification: str
    languages: list[Language]
    on_duty: bool
    duty_languages: list[Language]
    may_go_on_duty: bool
    why_not: list[Reason]


class MeGuest(Shown):
    consultation: str


class Me(Shown):
    """`csrf_token`: for pages, to be sent back in `X-CSRF-Token`."""

    id: str
    role: Role
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    birthdate: str | None = None
    language: Language | None = None
    verified_at: datetime | None = None
    csrf_token: str | None = None
    session_expires_at: datetime
    patient: MePatient | None = None
    doctor: MeDoctor | None = None
    guest: MeGuest | None = None


class Who(Shown):
    """`name`: a doctor's."""

    role: str
    name: str | None = None


class TrailEntry(Shown):
    """`what`: a code such as `medical-file.read`; `outcome`: done or refused."""

    at: datetime
    who: Who
    what: str
    consultation: str
    outcome: str


class Trail(RootModel[list[TrailEntry]]):
    """Newest first."""


class MeEndpoints:
    def __init__(self, services: Services) -> None:
        self._services = services

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "GET",
                "/login-options",
                Operation.GET_LOGIN_OPTIONS,
                "How one can come in here",
                self._options,
                answer=LoginOptions,
            ),
            Endpoint("GET", "/me", Operation.GET_ME, "Who is logged in", self._me, answer=Me),
            Endpoint(
                "GET",
                "/audit-trail",
                Operation.GET_AUDIT_TRAIL,
                "Who did what with one's own consultations",
                self._trail,
                answer=Trail,
            ),
        )

    async def _options(self, _call: Call[None]) -> Answer:
        settings = self._services.settings
        environment = settings.itsme_environment
        return Answer(
            LoginOptions(
                itsme=environment is not ItsmeEnvironment.NONE,
                development=environment is ItsmeEnvironment.DEVELOPMENT,
                walk_in=settings.walk_in,
                policy=settings.policy.value,
                languages=[Language(tag) for tag in LANGUAGES],
            )
        )

    async def _me(self, call: Call[None]) -> Answer:
        described = {
            Role.PATIENT: self._patient,
            Role.DOCTOR: self._doctor,
            Role.GUEST: self._guest,
        }[call.who.role]
        return Answer(await asyncio.to_thread(described, call.who))

    def _patient(self, caller: Caller) -> Me:
        services = self._services
        patient = services.patients.get(PersonId(caller.person))
        details = patient.details
        with reading(services.engine) as connection:
            active = services.store.open_of_patient(connection, patient.id)
            used = services.store.count_of_patient(
                connection, patient.id, month_began_us(services.clock_us())
            )
            draft = connection.execute(
                select(tables.intake_drafts.c.patient).where(tables.intake_drafts.c.patient == patient.id)
            ).scalar()
        return Me(
            id=patient.id,
            role=caller.role,
            name=details.name.reveal(),
            given_name=details.given_name and details.given_name.reveal(),
            family_name=details.family_name.reveal(),
            birthdate=details.birthdate and details.birthdate.reveal().isoformat(),
            language=details.language,
            verified_at=moment(patient.verified_at_us),
            csrf_token=caller.csrf,
            session_expires_at=moment(caller.expires_at_us),
            patient=MePatient(
                needs_proxy=patient.needs_proxy(services.now().date()),
                has_national_number=details.national_number is not None,
                consultations_left=max(services.settings.fair_use_per_month - used, 0),
                active_consultation=None if active is None else active.id,
                intake_draft=draft is not None,
            ),
        )

    def _doctor(self, caller: Caller) -> Me:
        services = self._services
        doctor = services.doctors.get(PersonId(caller.person))
        details, why_not = doctor.details, services.doctors.may_go_on_duty(doctor)
        return Me(
            id=doctor.id,
            role=caller.role,
            name=details.name.reveal(),
            given_name=details.given_name and details.given_name.reveal(),
            family_name=details.family_name.reveal(),
            language=details.language or doctor.languages[0],
            csrf_token=caller.csrf,
            session_expires_at=moment(caller.expires_at_us),
            doctor=MeDoctor(
                nihdi=doctor.nihdi.formatted.reveal(),
                qualification=doctor.nihdi.qualification,
                languages=list(doctor.languages),
                on_duty=services.doctors.is_on_duty(doctor),
                duty_languages=list(doctor.duty_languages),
                may_go_on_duty=not why_not,
                why_not=list(why_not),
            ),
        )

    def _guest(self, caller: Caller) -> Me:
        return Me(
            id=caller.person,
            role=caller.role,
            csrf_token=caller.csrf,
            session_expires_at=moment(caller.expires_at_us),
            guest=MeGuest(consultation=caller.consultation or ""),
        )

    async def _trail(self, call: Call[None]) -> Answer:
        return Answer(Trail(await asyncio.to_thread(self._read_trail, call.who.person)))

    def _doctors_name(self, id_: str) -> str | None:
        """None for one who is in the registry no longer."""
        try:
            return self._services.doctors.get(PersonId(id_)).details.name.reveal()
        except UnknownPerson:
            return None

    def _read_trail(self, patient: str) -> list[TrailEntry]:
        """Of all one's consultations; who they were about is the patient, so each may be told."""
        services, audit, about = self._services, tables.audit, tables.consultations
        with reading(services.engine) as connection:
            rows = connection.execute(
                select(audit)
                .join(about, about.c.id == audit.c.subject)
                .where(about.c.patient == patient)
                .order_by(audit.c.number.desc())
                .limit(500)
            ).all()
        names = {id_: self._doctors_name(id_) for id_ in {row.actor for row in rows if row.role == "doctor"}}
        return [
            TrailEntry(
                at=moment(row.at_us),
                who=Who(role=row.role, name=names.get(row.actor)),
                what=row.action,
                consultation=row.subject,
                outcome=row.outcome,
            )
            for row in rows
        ]
