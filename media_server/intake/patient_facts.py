"""What the summary says besides the answers: who the patient is, where, and what was agreed to."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from auth import Private
from media_server.consent_texts import TextKind


class Sex(Enum):
    """https://hl7.org/fhir/R4/valueset-administrative-gender.html"""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class Standing(Enum):
    """Where a consent stands now."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """None: not known, and shown so. `language`: BCP 47, the one the patient is spoken to in. `verified_at`:
    when the identity provider vouched for name and birthdate, with its time zone. `fund`: as the patient
    stated it. `proxy`: the name of whoever answers for the patient; None: the patient does. `location`: now,
    for 112.
    """

    name: Private[str]
    birthdate: Private[date] | None
    sex: Sex
    language: str
    verified_at: datetime | None = None
    fund: Private[str] | None = None
    proxy: Private[str] | None = None
    callback_number: Private[str] | None = None
    location: Private[str] | None = None


@dataclass(frozen=True, slots=True)
class ConsentShown:
    kind: TextKind
    standing: Standing


@dataclass(frozen=True, slots=True)
class StopPassed:
    """That the patient chose to go on past the notice for 112, and whether the answers handed in afterwards
    still name an alarm sign.
    """

    at: datetime
    still_named: bool


@dataclass(frozen=True, slots=True)
class NoticeRead:
    """A text that nobody agrees to, and that the patient said to have read. `version`: of its words."""

    kind: TextKind
    version: str
