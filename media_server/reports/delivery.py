"""A report on its way to a GP, and the port that takes it there."""

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final, NewType, Protocol

from media_server.recording.sealing import seal
from media_server.reports.content import ReportContent
from media_server.reports.document import document_bytes
from media_server.reports.errors import NoRecipient, Trouble, Undeliverable
from signalling import Private

ReportId = NewType("ReportId", str)
IdempotencyKey = NewType("IdempotencyKey", str)
"""Names one delivery, however often it is tried: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`."""

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NIHDI: Final = re.compile(r"[0-9]{11}")

FHIR_JSON: Final = "application/fhir+json"
SEALED: Final = "application/x-age"
"""An age file (C2SP age.md) with the FHIR document inside."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is sent. `recipient` is the RIZIV/INAMI number (11 digits) of the GP whom the patient named."""

    id: ReportId
    consultation: str
    recipient: Private[str]
    media_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the receiver has it: its own `reference`, and the SHA-256 (hex) of what it was given."""

    reference: str
    sha256: str


class ReportDelivery(Protocol):
    """Takes reports to GPs. A key is delivered once, however often it is tried, with one receipt."""

    async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
        """Raises Undeliverable, TryLater. May be cancelled, and tried again after that."""


def check_address(report: Report, key: IdempotencyKey) -> None:
    """Before key or recipient become a path or a header. Raises Undeliverable."""
    if not _KEY.fullmatch(key):
        raise Undeliverable(Trouble.OUR_FAULT, "an idempotency key that is none")
    if not _NIHDI.fullmatch(report.recipient.reveal()):
        raise Undeliverable(Trouble.OUR_FAULT, "the recipient has no RIZIV/INAMI number of 11 digits")


def report_to_gp(id: ReportId, content: ReportContent) -> Report:
    """In clear, as a FHIR document. Raises NoRecipient."""
    if content.recipient is None:
        raise NoRecipient("the patient named no GP")
    return Report(id, content.consultation, content.recipient.nihdi, FHIR_JSON, document_bytes(content))


def sealed_for(age_recipient: str, report: Report) -> Report:
    """The same, readable only by whoever holds the identity of `age_recipient` (age1…). Raises BadRecipient.

    Sealing draws random numbers, so a report is sealed once, when it is queued, and not for each attempt.
    """
    out = BytesIO()
    seal(age_recipient).write([report.body], out)
    return Report(report.id, report.consultation, report.recipient, SEALED, out.getvalue())
