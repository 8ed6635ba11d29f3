"""What a report says, in whatever form it is written: the same for the GP's document and the patient's copy.

Frozen models, bounded; what is about a person is `Private`.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from media_server.languages import Language
from media_server.outcome import (
    Certificate,
    Closure,
    Day,
    ElevenDigits,
    Line,
    Moment,
    Note,
    OutcomeModel,
    Paragraph,
    Prescription,
    Referral,
)

MOST: Final = 20
"""Prescriptions, referrals and certificates, of each."""
MOST_SPANS: Final = 1000

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$")]


class Sex(Enum):
    """FHIR's administrative-gender."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class Patient(OutcomeModel):
    """`ssin`: the national or BIS number, for those who have one."""

    family_name: Line
    given_name: Line | None = None
    ssin: ElevenDigits | None = None
    birth_date: Day | None = None
    sex: Sex = Sex.UNKNOWN
    language: Language

    @property
    def name(self) -> str:
        names = (self.given_name, self.family_name)
        return " ".join(name.reveal() for name in names if name is not None)


class Doctor(OutcomeModel):
    name: Line
    nihdi: ElevenDigits


class ConsentGiven(OutcomeModel):
    """The entry of the consent ledger that a report to the GP rests on."""

    id: Id
    granted_at: Moment
    expires_at: Moment
    text_version: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._~|/-]+$")]


class Recipient(OutcomeModel):
    """The GP whom the patient named, and the consent that names this GP alone."""

    nihdi: ElevenDigits
    name: Line | None = None
    consent: ConsentGiven


class Medium(Enum):
    """What carried the consultation. Reimbursement depends on it, so the report shows it."""

    VIDEO = "video"
    AUDIO = "audio"


class MediumSpan(OutcomeModel):
    """One medium without interruption."""

    medium: Medium
    started_at: Moment
    ended_at: Moment


class Reason(OutcomeModel):
    """Why the patient called: their own words, and the category they chose as each language names it."""

    words: Paragraph
    category: dict[Language, Line] = Field(default_factory=dict)


class ReportContent(OutcomeModel):
    """One consultation, told. `language` is that of the report to the GP: the doctor's."""

    consultation: Id
    language: Language
    written_at: Moment
    patient: Patient
    doctor: Doctor
    recipient: Recipient | None = None
    requested_at: Moment
    started_at: Moment
    ended_at: Moment
    media: Annotated[tuple[MediumSpan, ...], Field(max_length=MOST_SPANS)] = ()
    reason: Reason
    note: Note
    prescriptions: Annotated[tuple[Prescription, ...], Field(max_length=MOST)] = ()
    referrals: Annotated[tuple[Referral, ...], Field(max_length=MOST)] = ()
    certificates: Annotated[tuple[Certificate, ...], Field(max_length=MOST)] = ()
    closure: Closure

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = (self.requested_at, self.started_at, self.ended_at, self.written_at)
        if list(times) != sorted(times):
            raise ValueError("requested_at, started_at, ended_at and written_at have to follow each other")
        for span in self.media:
            if not self.started_at <= span.started_at <= span.ended_at <= self.ended_at:
                raise ValueError("media: a span is not within the consultation")
        return self


def time_by_medium(spans: Sequence[MediumSpan]) -> dict[Medium, timedelta]:
    """How long each medium that was used carried the consultation, all its spans together."""
    totals: dict[Medium, timedelta] = {}
    for span in spans:
        totals[span.medium] = totals.get(span.medium, timedelta()) + (span.ended_at - span.started_at)
    return totals
