"""The report of a consultation: its content, the GP's FHIR document, the patient's copy, and the way there.

Content and documents are pure. Knows no pages and no database: what waits to be sent is behind `OutboxStore`,
and whether it may be sent is asked of whoever keeps the consents.
"""

from media_server.reports.content import (
    ConsentGiven,
    Doctor,
    Medium,
    MediumSpan,
    Patient,
    Reason,
    Recipient,
    ReportContent,
    Sex,
)
from media_server.reports.delivery import (
    FHIR_JSON,
    SEALED,
    IdempotencyKey,
    Receipt,
    Report,
    ReportDelivery,
    ReportId,
    report_to_gp,
    sealed_for,
)
from media_server.reports.document import document, document_bytes
from media_server.reports.errors import (
    BadDelivery,
    DeliveryFailed,
    LeaseLost,
    NoRecipient,
    ReportError,
    Trouble,
    TryLater,
    Undeliverable,
)
from media_server.reports.patient_copy import patient_copy

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "ReportContent",
    "Patient",
    "Sex",
    "Doctor",
    "Recipient",
    "ConsentGiven",
    "Reason",
    "Medium",
    "MediumSpan",
    "document",
    "document_bytes",
    "patient_copy",
    "Report",
    "ReportId",
    "report_to_gp",
    "sealed_for",
    "FHIR_JSON",
    "SEALED",
    "ReportDelivery",
    "IdempotencyKey",
    "Receipt",
    "ReportError",
    "NoRecipient",
    "BadDelivery",
    "DeliveryFailed",
    "Undeliverable",
    "TryLater",
    "Trouble",
    "LeaseLost",
]
