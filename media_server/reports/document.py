"""The report to a GP: a FHIR R4 document (a Bundle of type `document`, Composition first).

Ids follow from the consultation's, and nothing is drawn or read from a clock, so that the same content always
gives the same bytes. The Composition's identifier is the report's, whatever it says; the Bundle's is that of
these very words (R4 §documents).
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

from media_server.reports import fhir_systems as systems
from media_server.reports import resources
from media_server.reports.content import Recipient, ReportContent
from media_server.reports.errors import NoRecipient
from media_server.reports.resources import Json, concept, instant, reference
from media_server.reports.sections import Section, SectionKind, heading, sections
from media_server.reports.wording import word
from media_server.reports.xhtml import narrative

_CODES: Final = {
    SectionKind.CONTACT: ("46240-8", "History of Hospitalizations+Outpatient visits Narrative"),
    SectionKind.REASON: ("29299-5", "Reason for visit Narrative"),
    SectionKind.FINDINGS: ("51847-2", "Evaluation + Plan note"),
    SectionKind.ADVICE: ("69730-0", "Instructions"),
    SectionKind.PRESCRIPTIONS: ("57828-6", "Prescription list"),
    SectionKind.REFERRALS: ("57133-1", "Referral note"),
    SectionKind.CONSENT: ("59284-0", "Consent Document"),
}


def document_bytes(content: ReportContent) -> bytes:
    """`application/fhir+json`, UTF-8. Raises NoRecipient."""
    return json.dumps(document(content), ensure_ascii=False, separators=(",", ":")).encode()


def document(content: ReportContent) -> Json:
    """Raises NoRecipient for content that goes to no GP."""
    if content.recipient is None:
        raise NoRecipient("the patient named no GP")
    entries = _Entries(content.consultation)
    linked = _add_resources(entries, content, content.recipient)
    composition = _composition(entries, content, linked)
    version = uuid5(NAMESPACE_URL, f"urn:sha256:{sha256(content.model_dump_json().encode()).hexdigest()}")
    return {
        "resourceType": "Bundle",
        "id": str(version),
        "language": content.language.value,
        "identifier": {"system": systems.URI, "value": version.urn},
        "type": "document",
        "timestamp": instant(content.written_at),
        "entry": [entries.entry("composition", composition), *entries.all()],
    }


class _Entries:
    """The resources by the part they play, each under the URL that the others refer to it by."""

    def __init__(self, consultation: str) -> None:
        self._consultation = consultation
        self._resources: dict[str, Json] = {}

    def url(self, part: str) -> str:
        return uuid5(NAMESPACE_URL, f"urn:teleconsult:report:{self._consultation}/{part}").urn

    def add(self, part: str, resource: Json) -> str:
        self._resources[part] = resource
        return self.url(part)

    def entry(self, part: str, resource: Json) -> JsonValue:
        url = self.url(part)
        kind: Json = {"resourceType": resource["resourceType"], "id": url.removeprefix("urn:uuid:")}
        return {"fullUrl": url, "resource": kind | resource}

    def all(self) -> list[JsonValue]:
        return [self.entry(part, resource) for part, resource in self._resources.items()]


def _add_resources(
    entries: _Entries, content: ReportContent, recipient: Recipient
) -> Mapping[SectionKind, list[str]]:
    """Which resources each section is about."""
    patient, encounter, role, gp_role = map(entries.url, ("patient", "encounter", "doctor-role", "gp-role"))
    entries.add("patient", resources.patient(content, gp_role))
    doctor = entries.add("doctor", resources.practitioner(content.doctor))
    entries.add("doctor-role", resources.practitioner_role(doctor))
    gp = entries.add("gp", resources.practitioner(recipient))
    entries.add("gp-role", resources.practitioner_role(gp))
    entries.add("encounter", resources.encounter(content, patient, doctor))
    links = (patient, encounter, role)
    language = content.language
    return {
        SectionKind.CONTACT: [
            encounter,
            *(
                entries.add(f"medium-{number}", resources.encounter_part(span, encounter, patient, language))
                for number, span in enumerate(content.media, 1)
            ),
        ],
        SectionKind.PRESCRIPTIONS: [
            entries.add(f"prescription-{number}", resources.medication_request(each, content, links))
            for number, each in enumerate(content.prescriptions, 1)
        ],
        SectionKind.REFERRALS: [
            entries.add(f"referral-{number}", resources.service_request(each, content, links))
            for number, each in enumerate(content.referrals, 1)
        ],
        SectionKind.CONSENT: [
            entries.add("consent", resources.consent(recipient, patient, gp_role, language)),
        ],
    }


def _composition(entries: _Entries, content: ReportContent, linked: Mapping[SectionKind, list[str]]) -> Json:
    language = content.language
    written_at = instant(content.written_at)
    return {
        "resourceType": "Composition",
        "language": language.value,
        "text": dict(narrative([heading(content, language, with_number=True)], language.value)),
        "identifier": {"system": systems.URI, "value": entries.url("report")},
        "status": "final",
        "type": concept(systems.LOINC, "11488-4", "Consult note") | {"text": word("title", language)},
        "subject": reference(entries.url("patient")),
        "encounter": reference(entries.url("encounter")),
        "date": written_at,
        "author": [reference(entries.url("doctor-role"))],
        "title": word("title", language),
        "attester": [
            {"mode": "professional", "time": written_at, "party": reference(entries.url("doctor"))},
        ],
        "section": [
            _section(section, language.value, linked.get(section.kind, []))
            for section in sections(content, language)
        ],
    }


def _section(section: Section, language: str, linked: list[str]) -> JsonValue:
    written: Json = {"title": section.title}
    if section.kind in _CODES:
        written["code"] = concept(systems.LOINC, *_CODES[section.kind])
    written["text"] = dict(narrative(section.blocks, language))
    if linked:
        written["entry"] = [reference(url) for url in linked]
    return written
