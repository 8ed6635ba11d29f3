"""What came of a consultation: note, medicines, referrals, certificates, closure, rating.

Pure: models, and the rule of which medicines the service does not prescribe. Knows no database, no pages and
no sockets.
"""

from media_server.outcome.atc_rules import AtcRules, Decision, Kind, Verdict
from media_server.outcome.errors import BadRules, MedicineBlocked, MedicineUnknown, OutcomeRefused
from media_server.outcome.models import (
    Certificate,
    CertificateKind,
    Closure,
    Moment,
    Note,
    OutcomeKind,
    OutcomeModel,
    PrescriptionIntent,
    Rating,
    Referral,
    ReferralTo,
    Urgency,
)
from media_server.outcome.prescribing import Prescription, prescribe
from media_server.outcome.text import Day, ElevenDigits, Line, Page, Paragraph

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "Note",
    "PrescriptionIntent",
    "Prescription",
    "prescribe",
    "AtcRules",
    "Decision",
    "Verdict",
    "Kind",
    "Referral",
    "ReferralTo",
    "Urgency",
    "Certificate",
    "CertificateKind",
    "Closure",
    "OutcomeKind",
    "Rating",
    "OutcomeModel",
    "Moment",
    "Line",
    "Paragraph",
    "Page",
    "Day",
    "ElevenDigits",
    "OutcomeRefused",
    "MedicineBlocked",
    "MedicineUnknown",
    "BadRules",
]
