"""What came of a consultation, as the doctor writes it down: note, medicines, referrals, certificates.

Frozen models with bounded text. A member that is not known is refused, not dropped: a doctor who sent
something should not believe that it was kept.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from media_server.outcome.text import OPENED, ElevenDigits, Line, Page, Paragraph
from signalling import Private

LONGEST_ATTENDANCE: Final = timedelta(hours=24)
MOST_PACKAGES: Final = 10

_MEDICINE: Final = r"^[A-Z][0-9]{2}[A-Z]{2}([0-9]{2})?$"  # ATC, fourth or fifth level
# ICPC-2: a chapter and a component ("A03"), or a process without a chapter ("-67").
_ICPC2: Final = r"^([ABDFHKLNPRSTUWXYZ](0[1-9]|[1-9][0-9])|-[3-6][0-9])$"


class OutcomeModel(BaseModel):
    """Frozen; unknown members refused; values never quoted in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the first or last day there is") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, kept in UTC."""


class Note(OutcomeModel):
    """What the doctor found and did, and what the patient is advised to do."""

    text: Page
    advice: Page | None = None


class PrescriptionIntent(OutcomeModel):
    """A medicine that the doctor means to prescribe; the prescription is made in the doctor's own software.

    `atc` is a code of the fourth or fifth level, in capitals; `quantity` counts packages.
    """

    atc: Annotated[Private[Annotated[str, Field(pattern=_MEDICINE)]], OPENED]
    display: Line
    dose: Annotated[Paragraph, Field(description="How much, how often, for how long, in words")]
    quantity: Annotated[int, Field(strict=True, ge=1, le=MOST_PACKAGES)] = 1


class ReferralTo(Enum):
    GP = "gp"
    SPECIALIST = "specialist"
    HOSPITAL = "hospital"
    EMERGENCY = "emergency"
    OTHER = "other"


class Urgency(Enum):
    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class Referral(OutcomeModel):
    """Somebody has to see the patient in person. `specialty` is needed for a specialist."""

    to: ReferralTo
    specialty: Line | None = None
    urgency: Urgency
    reason: Paragraph

    @model_validator(mode="after")
    def _specialist_of_what(self) -> Self:
        if self.to is ReferralTo.SPECIALIST and self.specialty is None:
            raise ValueError("specialty is needed for a referral to a specialist")
        return self


class CertificateKind(Enum):
    ATTENDANCE = "attendance"


class Certificate(OutcomeModel):
    """That the patient consulted from one time to another, by a doctor whom it names (advice a169012)."""

    kind: CertificateKind = CertificateKind.ATTENDANCE
    attended_from: Moment
    attended_to: Moment
    doctor_name: Line
    doctor_nihdi: ElevenDigits
    issued_at: Moment

    @model_validator(mode="after")
    def _a_consultation_that_was(self) -> Self:
        if not timedelta(0) < self.attended_to - self.attended_from <= LONGEST_ATTENDANCE:
            raise ValueError("attended_to has to be later than attended_from, by a day at most")
        if self.issued_at < self.attended_from:
            raise ValueError("issued_at is earlier than attended_from")
        return self


class OutcomeKind(Enum):
    """How a consultation ended, for the report and for statistics."""

    ADVICE = "advice"
    TREATMENT = "treatment"
    REFERRAL = "referral"
    EMERGENCY = "emergency"
    OUT_OF_SCOPE = "out-of-scope"
    NOT_REACHED = "not-reached"


class Closure(OutcomeModel):
    """The doctor is done. `icpc2` is a code that the doctor has confirmed; nobody else ever assigns one."""

    kind: OutcomeKind
    icpc2: Annotated[Private[Annotated[str, Field(pattern=_ICPC2)]], OPENED] | None = None


class Rating(OutcomeModel):
    """The patient's, 1 to 5. No text: it is kept without a name, and words would give one away."""

    score: Annotated[int, Field(strict=True, ge=1, le=5)]
