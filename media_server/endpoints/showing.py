"""A consultation as those who may know of it see it."""

import asyncio

import signalling
from auth import PersonId, Standing
from media_server.consultations import Consultation, State, doctor_is_away
from media_server.endpoints.files import attachments_of
from media_server.endpoints.models import (
    ConsultationShown,
    DoctorShown,
    PatientShown,
    PractitionerShown,
    QueuePlace,
    ReportState,
)
from media_server.endpoints.reporting import report_state
from media_server.endpoints.services import Services, moment, moment_or_none


async def show(services: Services, consultation: Consultation, standing: Standing) -> ConsultationShown:
    """As its patient or its doctor sees it. Raises RecordsUnusable."""
    queue = None
    if standing is Standing.ITS_PATIENT:
        queue = await _place(services, consultation)
    return await asyncio.to_thread(_show, services, consultation, standing, queue)


async def _place(services: Services, consultation: Consultation) -> QueuePlace | None:
    if consultation.state is State.TRIAGED:
        return QueuePlace(position=0, estimated_wait_s=0.0)
    if consultation.state is not State.ARRIVED:
        return None
    try:
        place = await services.keeper.place(consultation)
    except signalling.StoreUnavailable:
        return None  # it is kept all the same, and told again when it can be
    return None if place is None else QueuePlace(position=place[0], estimated_wait_s=place[1])


def _show(
    services: Services, consultation: Consultation, standing: Standing, queue: QueuePlace | None
) -> ConsultationShown:
    return ConsultationShown(
        id=consultation.id,
        state=consultation.state,
        reason=consultation.reason,
        language=consultation.language,
        created_at=moment(consultation.created_at_us),
        opened_at=moment_or_none(consultation.opened_at_us),
        closed_at=moment_or_none(consultation.ended_at_us),
        queue=queue,
        may_return=doctor_is_away(consultation, services.clock_us(), services.settings.doctor_absence_s),
        doctor=_doctor(services, consultation),
        patient=_patient(services, consultation) if standing is Standing.ITS_DOCTOR else None,
        general_practitioner=_named(services, consultation) if standing is Standing.ITS_PATIENT else None,
        missed_calls=consultation.missed_calls,
        medium=consultation.medium,
        outcome=consultation.outcome,
        report=ReportState(state=report_state(services, consultation)),
        attachments=attachments_of(services, consultation),
        rated=consultation.rated,
        purge_at=moment_or_none(consultation.purge_at_us),
    )


def _doctor(services: Services, consultation: Consultation) -> DoctorShown | None:
    if consultation.doctor is None:
        return None
    doctor = services.doctors.get(PersonId(consultation.doctor))
    return DoctorShown(
        name=doctor.details.name.reveal(),
        nihdi=doctor.nihdi.formatted.reveal(),
        qualification=doctor.nihdi.qualification,
    )


def _named(services: Services, consultation: Consultation) -> PractitionerShown | None:
    """The GP that the patient named."""
    if consultation.state.over:
        return None
    gp = services.store.content(consultation.id).general_practitioner
    return None if gp is None else PractitionerShown(name=gp.name, nihdi=gp.nihdi)


def _patient(services: Services, consultation: Consultation) -> PatientShown | None:
    """Whom it is about: the child, where an adult asked for one."""
    if consultation.purged_at_us is not None:
        return None
    child = services.store.content(consultation.id).proxy_for
    if child is not None:
        return PatientShown(
            id=services.patient_of(consultation),
            name=f"{child.given_name} {child.family_name}",
            birthdate=child.birthdate,
            language=consultation.language,
        )
    details = services.patients.get(PersonId(consultation.patient)).details
    birthdate = details.birthdate and details.birthdate.reveal().isoformat()
    return PatientShown(
        id=services.patient_of(consultation),
        name=details.name.reveal(),
        birthdate=birthdate or (details.birthdate_as_string and details.birthdate_as_string.reveal()),
        gender=details.sex and details.sex.reveal().value,
        language=consultation.language,
    )
