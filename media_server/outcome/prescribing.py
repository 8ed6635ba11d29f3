"""The one way from what a doctor wants to prescribe to a prescription that is kept: past the rules."""

from typing import Annotated

from pydantic import AfterValidator

from media_server.outcome.atc_rules import AtcRules, Decision, Verdict
from media_server.outcome.errors import MedicineBlocked, MedicineUnknown
from media_server.outcome.models import OutcomeModel, PrescriptionIntent


def _allowed(decision: Decision) -> Decision:
    if decision.verdict is not Verdict.ALLOWED:
        raise ValueError("the rules do not allow this medicine")
    return decision


class Prescription(OutcomeModel):
    """An intent together with the decision that allowed it. There is none without."""

    intent: PrescriptionIntent
    decision: Annotated[Decision, AfterValidator(_allowed)]


def prescribe(intent: PrescriptionIntent, rules: AtcRules) -> Prescription:
    """Raises MedicineBlocked or MedicineUnknown; the audit log gets its decision from `rules.decide`."""
    decision = rules.decide(intent.atc.reveal())
    match decision.verdict:
        case Verdict.ALLOWED:
            return Prescription(intent=intent, decision=decision)
        case Verdict.BLOCKED:
            assert decision.kind is not None
            assert decision.reason_key is not None
            raise MedicineBlocked(
                "atc: this service does not prescribe medicines of this kind; refer the patient",
                decision.kind.value,
                decision.reason_key,
                decision.rule_version,
                rules.reasons(decision.reason_key),
            )
        case Verdict.UNKNOWN_CODE:
            raise MedicineUnknown("atc: no medicine that the rules know; give the code of the substance")
