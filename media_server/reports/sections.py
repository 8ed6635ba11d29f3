"""The report as sections of plain text, in one language: what the GP's document and the patient's copy show.

Nothing here is markup; `xhtml.py` turns it into that, and escapes.
"""

from dataclasses import dataclass
from enum import Enum

from media_server.languages import Language
from media_server.outcome import Certificate, Prescription, Referral
from media_server.reports.content import Recipient, ReportContent, time_by_medium
from media_server.reports.wording import word, written_date, written_duration, written_time


class SectionKind(Enum):
    """Which section; the value is the key of its title."""

    CONTACT = "contact"
    REASON = "reason"
    FINDINGS = "findings"
    ADVICE = "advice"
    PRESCRIPTIONS = "prescriptions"
    REFERRALS = "referrals"
    CERTIFICATES = "certificates"
    OUTCOME = "outcome"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Prose:
    """Text with line breaks."""

    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's own words."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels and values."""

    rows: tuple[tuple[str, str], ...]


Block = Prose | Quote | Facts


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    kind: SectionKind
    title: str
    blocks: tuple[Block, ...]


def heading(content: ReportContent, language: Language, *, with_number: bool) -> Facts:
    """Of whom, by whom, for whom, when."""
    patient, doctor = content.patient, content.doctor
    rows = [(word("patient", language), patient.name)]
    if patient.birth_date is not None:
        rows.append((word("birth-date", language), written_date(patient.birth_date.reveal(), language)))
    rows.append((word("sex", language), word(f"sex-{patient.sex.value}", language)))
    if with_number and patient.ssin is not None:
        rows.append((word("national-number", language), patient.ssin.reveal()))
    rows.append(
        (word("doctor", language), _with_number(doctor.name.reveal(), doctor.nihdi.reveal(), language))
    )
    if content.recipient is not None:
        rows.append((word("gp", language), recipient_shown(content.recipient, language)))
    rows.append((word("written-at", language), written_time(content.written_at, language)))
    return Facts(tuple(rows))


def sections(content: ReportContent, language: Language) -> tuple[Section, ...]:
    """In the order of reading; a section of which there is nothing to say is left out."""
    note, recipient = content.note, content.recipient
    found: list[tuple[SectionKind, list[Block]]] = [
        (SectionKind.CONTACT, [_contact(content, language)]),
        (SectionKind.REASON, _reason(content, language)),
        (SectionKind.FINDINGS, [Prose(note.text.reveal())]),
        (SectionKind.ADVICE, [] if note.advice is None else [Prose(note.advice.reveal())]),
        (SectionKind.PRESCRIPTIONS, [_prescription(each, language) for each in content.prescriptions]),
        (SectionKind.REFERRALS, [_referral(each, language) for each in content.referrals]),
        (SectionKind.CERTIFICATES, [_certificate(each, language) for each in content.certificates]),
        (SectionKind.OUTCOME, [_outcome(content, language)]),
        (SectionKind.CONSENT, [] if recipient is None else _consent(recipient, language)),
    ]
    return tuple(Section(kind, word(kind.value, language), tuple(blocks)) for kind, blocks in found if blocks)


def recipient_shown(recipient: Recipient, language: Language) -> str:
    name = None if recipient.name is None else recipient.name.reveal()
    return _with_number(name, recipient.nihdi.reveal(), language)


def _with_number(name: str | None, nihdi: str, language: Language) -> str:
    # As the number is printed: 1-23456-78-901.
    number = f"{word('doctor-number', language)} {nihdi[0]}-{nihdi[1:6]}-{nihdi[6:8]}-{nihdi[8:]}"
    return number if name is None else f"{name} ({number})"


def _contact(content: ReportContent, language: Language) -> Facts:
    times = (
        ("requested-at", content.requested_at),
        ("started-at", content.started_at),
        ("ended-at", content.ended_at),
    )
    rows = [(word(key, language), written_time(moment, language)) for key, moment in times]
    rows += [
        (word(f"medium-{medium.value}", language), written_duration(length))
        for medium, length in time_by_medium(content.media).items()
    ]
    return Facts(tuple(rows))


def _reason(content: ReportContent, language: Language) -> list[Block]:
    blocks: list[Block] = [Quote(content.reason.words.reveal())]
    if (category := content.reason.category.get(language)) is not None:
        blocks.append(Facts(((word("category", language), category.reveal()),)))
    return blocks


def _prescription(prescription: Prescription, language: Language) -> Facts:
    intent = prescription.intent
    return Facts(
        (
            (word("medicine", language), intent.display.reveal()),
            (word("atc", language), intent.atc.reveal()),
            (word("dose", language), intent.dose.reveal()),
            (word("quantity", language), str(intent.quantity)),
        )
    )


def _referral(referral: Referral, language: Language) -> Facts:
    rows = [(word("referral-to", language), word(f"to-{referral.to.value}", language))]
    if referral.specialty is not None:
        rows.append((word("specialty", language), referral.specialty.reveal()))
    rows.append((word("urgency", language), word(f"urgency-{referral.urgency.value}", language)))
    rows.append((word("referral-reason", language), referral.reason.reveal()))
    return Facts(tuple(rows))


def _certificate(certificate: Certificate, language: Language) -> Facts:
    attended = (certificate.attended_from, certificate.attended_to)
    doctor = _with_number(certificate.doctor_name.reveal(), certificate.doctor_nihdi.reveal(), language)
    return Facts(
        (
            (
                word(f"certificate-{certificate.kind.value}", language),
                " – ".join(written_time(moment, language) for moment in attended),  # noqa: RUF001
            ),
            (word("issued-by", language), doctor),
            (word("issued-at", language), written_time(certificate.issued_at, language)),
        )
    )


def _outcome(content: ReportContent, language: Language) -> Facts:
    closure = content.closure
    rows = [(word("outcome-kind", language), word(f"outcome-{closure.kind.value}", language))]
    if closure.icpc2 is not None:
        rows.append((word("icpc2", language), closure.icpc2.reveal()))
    return Facts(tuple(rows))


def _consent(recipient: Recipient, language: Language) -> list[Block]:
    consent = recipient.consent
    return [
        Prose(word("consent-text", language)),
        Facts(
            (
                (word("gp", language), recipient_shown(recipient, language)),
                (word("granted-at", language), written_time(consent.granted_at, language)),
                (word("consent-id", language), consent.id),
            )
        ),
    ]
