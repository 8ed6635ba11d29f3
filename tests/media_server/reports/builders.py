"""One consultation as it could have been, told in full; tests change one thing."""

from datetime import UTC, datetime, timedelta
from typing import Any

from media_server.languages import Language
from media_server.outcome import AtcRules, Prescription, PrescriptionIntent, prescribe
from media_server.reports import FHIR_JSON, Report, ReportContent, ReportId
from signalling import Private

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)  # by a clock in Brussels
GP_NIHDI = "19234011004"
DOCTOR_NIHDI = "10829059004"
SSIN = "85073003328"
WORDS = 'Jeuk & uitslag <sinds> gisteren,\n"vooral" \'s nachts'


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def a_prescription(**changed: Any) -> Prescription:
    fields = {"atc": "R06AE07", "display": "Cetirizine 10 mg", "dose": "1 per dag\n10 dagen", "quantity": 2}
    return prescribe(PrescriptionIntent.model_validate(fields | changed), AtcRules.built_in())


def a_content(**changed: Any) -> ReportContent:
    fields: dict[str, Any] = {
        "consultation": "c-7f3a",
        "language": Language.NL,
        "written_at": minutes(13),
        "patient": {
            "family_name": "D'Hondt & <Zoon>",
            "given_name": "Zoé",
            "ssin": SSIN,
            "birth_date": "1985-07-30",
            "sex": "male",
            "language": "fr",
        },
        "doctor": {"name": "Dr. Ann Claes", "nihdi": DOCTOR_NIHDI},
        "recipient": {
            "nihdi": GP_NIHDI,
            "name": "Dr. Luc Maes",
            "consent": {
                "id": "consent-9",
                "granted_at": minutes(5),
                "expires_at": minutes(5) + timedelta(days=7),
                "text_version": "report-2026-1",
            },
        },
        "requested_at": minutes(-8),
        "started_at": minutes(0),
        "ended_at": minutes(12),
        "media": [
            {"medium": "video", "started_at": minutes(0), "ended_at": minutes(7)},
            {"medium": "audio", "started_at": minutes(7), "ended_at": minutes(9)},
            {"medium": "video", "started_at": minutes(9), "ended_at": minutes(12)},
        ],
        "reason": {"words": WORDS, "category": {"nl": "Huid", "fr": "Peau"}},
        "note": {"text": "Urticaria; geen alarmtekens.", "advice": "Niet krabben & koelen."},
        "prescriptions": [a_prescription()],
        "referrals": [
            {
                "to": "specialist",
                "specialty": "dermatologie",
                "urgency": "urgent",
                "reason": "moet gezien worden",
            }
        ],
        "certificates": [
            {
                "attended_from": minutes(0),
                "attended_to": minutes(12),
                "doctor_name": "Dr. Ann Claes",
                "doctor_nihdi": DOCTOR_NIHDI,
                "issued_at": minutes(12),
            }
        ],
        "closure": {"kind": "treatment", "icpc2": "S98"},
    }
    return ReportContent.model_validate(fields | changed)


def a_report(number: int = 1, body: bytes = b'{"resourceType":"Bundle"}') -> Report:
    return Report(ReportId(f"r-{number}"), f"c-{number}", Private(GP_NIHDI), FHIR_JSON, body)
