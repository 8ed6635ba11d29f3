"""What the doctor reads before the call, put together: the answers, whose they are, what was agreed to."""

from collections.abc import Callable, Sequence
from datetime import date

from auth import PersonId, Private
from media_server.consent_texts import TextKind
from media_server.consents import Entry
from media_server.consultations import STOP_PASSED, Consultation, Content
from media_server.endpoints.files import attachments_of
from media_server.endpoints.services import Services, moment
from media_server.intake import (
    ConsentShown,
    NoticeRead,
    PatientFacts,
    Questionnaire,
    QuestionnaireResponse,
    Sex,
    Standing,
    StopPassed,
    Summary,
    summarise,
)
from media_server.people import Patient
from media_server.records import AuditEntry, audit_entries_about, reading


def summary_of(
    services: Services,
    consultation: Consultation,
    content: Content,
    asked: Questionnaire,
    response: QuestionnaireResponse,
) -> Summary:
    """In the language of `asked`. Raises RecordsUnusable."""
    patient = services.patients.get(PersonId(consultation.patient))
    with reading(services.engine) as connection:
        noted = audit_entries_about(connection, consultation.id)
    return summarise(
        asked,
        response,
        patient=_facts(patient, content, consultation),
        consents=_consents(services.ledger.current(consultation.id), services.ledger.expired),
        notices=_notices(noted),
        attachments=len(attachments_of(services, consultation)),
        taken_s=float(content.taken_s or 0),
        now=services.now(),
        stop_passed=_stop_passed(noted),
    )


def _facts(patient: Patient, content: Content, consultation: Consultation) -> PatientFacts:
    """Of whom the consultation is about: the child, where an adult asked for one."""
    details, child = patient.details, content.proxy_for
    if child is not None:
        name: Private[str] = Private(f"{child.given_name} {child.family_name}")
        birthdate: Private[date] | None = Private(date.fromisoformat(child.birthdate))
        sex = Sex.UNKNOWN
    else:
        name, birthdate = details.name, details.birthdate
        sex = Sex.UNKNOWN if details.sex is None else Sex(details.sex.reveal().value)
    return PatientFacts(
        name=name,
        birthdate=birthdate,
        sex=sex,
        language=consultation.language.value,
        # Of a child nobody vouched for anything; its parent's login says nothing of it.
        verified_at=None if child is not None else moment(patient.verified_at_us),
        fund=_private(content.insurance_fund),
        proxy=None if child is None else Private(f"{details.name.reveal()} ({child.relationship})"),
        callback_number=_private(content.callback_number),
        location=Private(content.location),
    )


def _consents(entries: Sequence[Entry], expired: Callable[[Entry], bool]) -> list[ConsentShown]:
    return [
        ConsentShown(
            TextKind(entry.word.kind.value),
            Standing.EXPIRED if expired(entry) else Standing(entry.word.state.value),
        )
        for entry in entries
    ]


def _notices(noted: Sequence[AuditEntry]) -> list[NoticeRead]:
    """As the patient acknowledged them on asking for the consultation."""
    return [
        NoticeRead(TextKind(str(entry.details["kind"])), str(entry.details["version"]))
        for entry in noted
        if entry.action == "notice.acknowledged"
    ]


def _stop_passed(noted: Sequence[AuditEntry]) -> StopPassed | None:
    for entry in noted:
        if entry.action == STOP_PASSED:
            # Older entries have no such time: the patient had gone on when the answers were handed in.
            at = moment(int(entry.details.get("passed_at_us", entry.at_us)))
            return StopPassed(at, still_named=int(entry.details["flags"]) > 0)
    return None


def _private(value: str | None) -> Private[str] | None:
    return None if value is None else Private(value)
