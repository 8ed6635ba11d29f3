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
from media_server.reports.folder_delivery import FolderDelivery
from media_server.reports.message_signatures import MessageSigner
from media_server.reports.outbox import Cancelled, Delayed, Delivered, GivenUp, Outbox, OutboxEvent
from media_server.reports.outbox_store import Claim, OutboxState, OutboxStore, Queued
from media_server.reports.patient_copy import CONTENT_SECURITY_POLICY, patient_copy
from media_server.reports.retry import GiveUp, RetryAt, RetryPolicy, after_failure
from media_server.reports.webhook_delivery import WebhookDelivery, open_webhook

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
    "CONTENT_SECURITY_POLICY",
    "Report",
    "ReportId",
    "report_to_gp",
    "sealed_for",
    "FHIR_JSON",
    "SEALED",
    "ReportDelivery",
    "IdempotencyKey",
    "Receipt",
    "FolderDelivery",
    "WebhookDelivery",
    "open_webhook",
    "MessageSigner",
    "Outbox",
    "OutboxStore",
    "OutboxState",
    "Queued",
    "Claim",
    "OutboxEvent",
    "Delivered",
    "Delayed",
    "GivenUp",
    "Cancelled",
    "RetryPolicy",
    "RetryAt",
    "GiveUp",
    "after_failure",
    "ReportError",
    "NoRecipient",
    "BadDelivery",
    "DeliveryFailed",
    "Undeliverable",
    "TryLater",
    "Trouble",
    "LeaseLost",
]
