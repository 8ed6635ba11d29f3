"""Which doctors may go on duty, and why not. Pure.

A well-formed number proves no right to practise. Somebody has looked the doctor up in the public registry,
not too long ago, and says so with name and date; and the doctor has been trained for this service.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from auth import RECOGNISED_GENERAL_PRACTITIONERS, NihdiNumber

_DAY_US = 86_400 * 1_000_000


class Reason(Enum):
    """Why a doctor may not go on duty: codes, shown to the doctor."""

    QUALIFICATION = "qualification"
    REGISTRY_NOT_VERIFIED = "registry-not-verified"
    REGISTRY_LAPSED = "registry-lapsed"
    TRAINING_NOT_COMPLETED = "training-not-completed"


@dataclass(frozen=True, slots=True)
class DutyRules:
    """What a deployment asks of its doctors. `verified_for_days`: how long a look at the registry holds."""

    qualifications: Collection[str] = RECOGNISED_GENERAL_PRACTITIONERS
    verified_for_days: int = 365

    def reasons_against(
        self,
        nihdi: NihdiNumber,
        registry_verified_at_us: int | None,
        training_completed_at_us: int | None,
        now_us: int,
    ) -> tuple[Reason, ...]:
        """None: may go on duty. A date to come counts as not yet there."""
        reasons = []
        if not nihdi.is_doctor_with(self.qualifications):
            reasons.append(Reason.QUALIFICATION)
        if registry_verified_at_us is None or registry_verified_at_us > now_us:
            reasons.append(Reason.REGISTRY_NOT_VERIFIED)
        elif now_us - registry_verified_at_us >= self.verified_for_days * _DAY_US:
            reasons.append(Reason.REGISTRY_LAPSED)
        if training_completed_at_us is None or training_completed_at_us > now_us:
            reasons.append(Reason.TRAINING_NOT_COMPLETED)
        return tuple(reasons)
