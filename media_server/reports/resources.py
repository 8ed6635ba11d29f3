"""The resources of a report to a GP (FHIR R4), each made of the content and of references to its neighbours.

A medicine is a proposal and a referral a plan: neither orders anything, the doctor's own software does that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import JsonValue

from media_server.languages import Language
from media_server.outcome import Prescription, Referral, Urgency
from media_server.reports import fhir_systems as systems
from media_server.reports.content import Doctor, Medium, MediumSpan, Patient, Recipient, ReportContent
from media_server.reports.sections import heading
from media_server.reports.wording import word
from media_server.reports.xhtml import narrative

Json = dict[str, JsonValue]

# v3-ParticipationMode has no word for sound alone over the internet; the telephone is nearest.
_MEDIUM: Final = {Medium.VIDEO: ("VIDEOCONF", "videoconferencing"), Medium.AUDIO: ("PHONE", "telephone")}
_PRIORITY: Final = {Urgency.ROUTINE: "routine", Urgency.URGENT: "urgent", Urgency.EMERGENCY: "stat"}


def instant(moment: datetime) -> str:
    """UTC to the second; `moment` is in UTC already."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def period(start: datetime, end: datetime) -> Json:
    return {"start": instant(start), "end": instant(end)}


def reference(full_url: str) -> Json:
    return {"reference": full_url}


def concept(system: str, code: str, display: str | None = None) -> Json:
    coding: Json = {"system": system, "code": code}
    if display is not None:
        coding["display"] = display
    return {"coding": [coding]}


def patient(content: ReportContent, gp_role: str) -> Json:
    person: Patient = content.patient
    name: Json = {"text": person.name, "family": person.family_name.reveal()}
    if person.given_name is not None:
        name["given"] = [person.given_name.reveal()]
    resource: Json = {
        "resourceType": "Patient",
        "text": dict(
            narrative([heading(content, content.language, with_number=True)], content.language.value)
        ),
        "name": [name],
        "gender": person.sex.value,
        "communication": [
            {"language": concept(systems.LANGUAGE_TAG, person.language.value), "preferred": True},
        ],
        "generalPractitioner": [reference(gp_role)],
    }
    if person.ssin is not None:
        resource["identifier"] = [{"system": systems.SSIN, "value": person.ssin.reveal()}]
    if person.birth_date is not None:
        resource["birthDate"] = person.birth_date.reveal().isoformat()
    return resource


def practitioner(person: Doctor | Recipient) -> Json:
    resource: Json = {
        "resourceType": "Practitioner",
        "identifier": [{"system": systems.NIHDI, "value": person.nihdi.reveal()}],
    }
    if person.name is not None:
        resource["name"] = [{"text": person.name.reveal()}]
    return resource


def practitioner_role(practitioner_url: str) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "practitioner": reference(practitioner_url),
        "code": [concept(systems.CD_HCPARTY, "persphysician")],
    }


def encounter(content: ReportContent, patient_url: str, doctor_url: str) -> Json:
    why: Json = {"text": content.reason.words.reveal()}
    if content.closure.icpc2 is not None:
        why = concept(systems.ICPC2, content.closure.icpc2.reveal()) | why
    performer = concept(systems.PARTICIPATION_TYPE, "PPRF", "primary performer")
    return {
        "resourceType": "Encounter",
        "identifier": [
            {"system": systems.URI, "value": f"urn:teleconsult:consultation:{content.consultation}"}
        ],
        "status": "finished",
        # When it was asked for; waiting is an encounter that has arrived.
        "statusHistory": [
            {"status": "arrived", "period": period(content.requested_at, content.started_at)},
            {"status": "in-progress", "period": period(content.started_at, content.ended_at)},
        ],
        "class": {"system": systems.ACT_CODE, "code": "VR", "display": "virtual"},
        "subject": reference(patient_url),
        "participant": [{"type": [performer], "individual": reference(doctor_url)}],
        "period": period(content.started_at, content.ended_at),
        "length": _length(content.ended_at - content.started_at),
        "reasonCode": [why],
    }


def encounter_part(span: MediumSpan, whole_url: str, patient_url: str, language: Language) -> Json:
    """A part in time: one medium, and how long it carried the consultation."""
    code, display = _MEDIUM[span.medium]
    medium = concept(systems.PARTICIPATION_MODE, code, display)
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": systems.ACT_CODE, "code": "VR", "display": "virtual"},
        "type": [medium | {"text": word(f"medium-{span.medium.value}", language)}],
        "subject": reference(patient_url),
        "period": period(span.started_at, span.ended_at),
        "length": _length(span.ended_at - span.started_at),
        "partOf": reference(whole_url),
    }


def consent(recipient: Recipient, patient_url: str, gp_role_url: str, language: Language) -> Json:
    """That the patient lets this report go to this GP; permitted to nobody else."""
    given = recipient.consent
    return {
        "resourceType": "Consent",
        "identifier": [{"system": systems.URI, "value": f"urn:teleconsult:consent:{given.id}"}],
        "status": "active",
        "scope": concept(systems.CONSENT_SCOPE, "patient-privacy", "Privacy Consent"),
        "category": [concept(systems.LOINC, "59284-0", "Consent Document")],
        "patient": reference(patient_url),
        "dateTime": instant(given.granted_at),
        "policyRule": concept(systems.ACT_CODE, "OPTIN", "opt-in")
        | {"text": f"{word('consent-text', language)} ({given.text_version})"},
        "provision": {
            "type": "permit",
            "period": period(given.granted_at, given.expires_at),
            "actor": [
                {
                    "role": concept(systems.PARTICIPATION_TYPE, "IRCP", "information recipient"),
                    "reference": reference(gp_role_url),
                }
            ],
        },
    }


def medication_request(prescription: Prescription, content: ReportContent, links: Sequence[str]) -> Json:
    """`links`: patient, encounter, the doctor's role."""
    intent = prescription.intent
    medicine = concept(systems.ATC, intent.atc.reveal()) | {"text": intent.display.reveal()}
    subject, during, requester = map(reference, links)
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "proposal",
        "medicationCodeableConcept": medicine,
        "subject": subject,
        "encounter": during,
        "authoredOn": instant(content.written_at),
        "requester": requester,
        "dosageInstruction": [{"text": intent.dose.reveal()}],
        "dispenseRequest": {
            "quantity": {"value": intent.quantity, "unit": word("package", content.language)}
        },
    }


def service_request(referral: Referral, content: ReportContent, links: Sequence[str]) -> Json:
    """`links`: patient, encounter, the doctor's role."""
    to = word(f"to-{referral.to.value}", content.language)
    if referral.specialty is not None:
        to = f"{to}: {referral.specialty.reveal()}"
    subject, during, requester = map(reference, links)
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "plan",
        "priority": _PRIORITY[referral.urgency],
        "code": {"text": to},
        "subject": subject,
        "encounter": during,
        "authoredOn": instant(content.written_at),
        "requester": requester,
        "performerType": {"text": to},
        "reasonCode": [{"text": referral.reason.reveal()}],
    }


def _length(duration: timedelta) -> Json:
    return {"value": round(duration.total_seconds()), "unit": "s", "system": systems.UCUM, "code": "s"}
