"""The report of a consultation: gathered from what was written, sent to the GP, read by the patient."""

from datetime import date

from sqlalchemy import select

from auth import PersonId
from media_server.api import Caller
from media_server.consents import ConsentKind, Entry
from media_server.consultations import ConsentNeeded, Consultation, Content, Incomplete, State
from media_server.endpoints.auditing import note
from media_server.endpoints.services import Services, moment
from media_server.intake import category_names, category_of, parse_response, words_of
from media_server.outcome import Certificate, Closure, Note, OutcomeModel, Prescription, Referral
from media_server.records import reading, tables, writing
from media_server.reports import (
    ConsentGiven,
    Doctor,
    Medium,
    MediumSpan,
    OutboxState,
    Patient,
    Queued,
    Reason,
    Recipient,
    ReportContent,
    ReportId,
    Sex,
    report_to_gp,
)

_outcomes = tables.outcomes

MODELS: dict[str, type[OutcomeModel]] = {
    "note": Note,
    "prescription": Prescription,
    "referral": Referral,
    "certificate": Certificate,
    "closure": Closure,
}


def written(services: Services, consultation: Consultation) -> list[tuple[str, str, OutcomeModel]]:
    """(id, kind, what the doctor wrote), oldest first; blocking."""
    with reading(services.engine) as connection:
        rows = connection.execute(
            select(_outcomes)
            .where(_outcomes.c.consultation == consultation.id)
            .order_by(_outcomes.c.created_at_us, _outcomes.c.id)
        ).all()
    return [
        (
            row.id,
            row.kind,
            MODELS[row.kind].model_validate_json(services.keys.open_sealed(place(row.id), row.sealed)),
        )
        for row in rows
    ]


def place(id: str) -> str:
    return f"outcomes/sealed/{id}"


def report_state(services: Services, consultation: Consultation) -> str:
    """none, or the outbox's word for the newest report; blocking."""
    state = services.outbox.state_of(consultation.id)
    return "none" if state is None else state.value


def queue_report(services: Services, consultation: Consultation, caller: Caller) -> OutboxState:
    """Put it on its way to the GP whom the patient named; what is on its way already stays so. Blocking.

    Raises ConsentNeeded, Incomplete, Purged.
    """
    patient = services.patient_of(consultation)
    granted = services.ledger.grant(consultation.id, ConsentKind.REPORT_TO_GP, patient)
    if granted is None or granted.word.recipient is None:
        note(
            services,
            consultation,
            caller.person,
            "doctor",
            "report.queued",
            outcome="refused",
            why="consent-needed",
        )
        raise ConsentNeeded("the patient has not agreed to a report, or named no GP by number")
    content = gather(services, consultation, granted)
    # One for each consent: whoever takes it back and gives it anew, maybe to another GP, has a new report.
    report = report_to_gp(ReportId(f"r-{granted.id}"), content)
    ends_us = granted.word.expires_at_us or services.clock_us()
    queued = Queued(report, services.clock_us(), ends_us)
    with writing(services.engine) as connection:
        services.store.get_within(connection, consultation.id, for_update=True)
        if services.outbox.exists_within(connection, report.id):
            services.outbox.requeue_within(connection, queued)
        else:
            services.outbox.add_within(connection, queued)
            services.store.note(connection, consultation, caller.person, "doctor", "report.queued")
    services.wake_outbox()
    return services.outbox.state_of(consultation.id) or OutboxState.QUEUED


def gather(services: Services, consultation: Consultation, granted: Entry | None) -> ReportContent:
    """Everything the report says; `granted`: the consent to send it to a GP. Blocking.

    Raises Incomplete while the consultation is not closed or has no note, Purged.
    """
    if consultation.state is not State.FINISHED or not consultation.opened_at_us:
        raise Incomplete("close the consultation first")
    items = [model for _, _, model in written(services, consultation)]
    notes = [item for item in items if isinstance(item, Note)]
    closures = [item for item in items if isinstance(item, Closure)]
    if not notes or not closures:
        raise Incomplete("write the note first")
    content = services.store.content(consultation.id)
    assert consultation.doctor is not None, "it is finished"
    assert consultation.ended_at_us is not None
    doctor = services.doctors.get(PersonId(consultation.doctor))
    response = parse_response(content.questionnaire_response)
    started, ended = moment(consultation.opened_at_us), moment(consultation.ended_at_us)
    media: tuple[MediumSpan, ...] = ()
    if consultation.medium is not None:
        medium = Medium(consultation.medium.value)
        media = (MediumSpan(medium=medium, started_at=started, ended_at=ended),)
    return ReportContent(
        consultation=consultation.id,
        language=doctor.details.language or doctor.languages[0],
        written_at=ended,
        patient=_patient(services, consultation, content),
        doctor=Doctor(name=doctor.details.name, nihdi=doctor.nihdi.digits),
        recipient=None if granted is None else _recipient(granted, content),
        requested_at=moment(consultation.created_at_us),
        started_at=started,
        ended_at=ended,
        media=media,
        reason=Reason(words=words_of(response) or "-", category=category_names(category_of(response) or "")),
        note=notes[-1],
        prescriptions=tuple(item for item in items if isinstance(item, Prescription)),
        referrals=tuple(item for item in items if isinstance(item, Referral)),
        certificates=tuple(item for item in items if isinstance(item, Certificate)),
        closure=closures[-1],
    )


def _patient(services: Services, consultation: Consultation, content: Content) -> Patient:
    """Whom it is about: the child, where an adult asked for one."""
    details, child = services.patients.get(PersonId(consultation.patient)).details, content.proxy_for
    if child is not None:
        return Patient(
            family_name=child.family_name,
            given_name=child.given_name,
            ssin=child.national_number,
            birth_date=date.fromisoformat(child.birthdate),
            language=consultation.language,
        )
    return Patient(
        family_name=details.family_name,
        given_name=details.given_name,
        ssin=details.national_number,
        birth_date=details.birthdate,
        sex=Sex.UNKNOWN if details.sex is None else Sex(details.sex.reveal().value),
        language=consultation.language,
    )


def _recipient(granted: Entry, content: Content) -> Recipient:
    word, practitioner = granted.word, content.general_practitioner
    assert word.recipient is not None
    assert word.expires_at_us is not None
    named = practitioner is not None and practitioner.nihdi == word.recipient
    return Recipient(
        nihdi=word.recipient,
        name=practitioner.name if named and practitioner is not None else None,
        consent=ConsentGiven(
            id=granted.id,
            granted_at=moment(granted.at_us),
            expires_at=moment(word.expires_at_us),
            text_version=word.text_version or "1",
        ),
    )
