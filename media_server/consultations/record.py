"""One consultation as it is kept: what everybody may know who counts it, and what only its two may read."""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from media_server.consultations.states import EndReason, State
from media_server.languages import Language


class Medium(Enum):
    """What carried the call; sound alone is reimbursed otherwise than a picture."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Consultation:
    """Times are Unix microseconds. `doctor_seen_at_us`: when the doctor was last known to be in the call,
    or to read before it; `purged_at_us`: when its content was removed, None while there is any.
    """

    id: str
    patient: str
    state: State
    language: Language
    priority: int
    questionnaire_version: str
    created_at_us: int
    doctor: str | None = None
    reason: EndReason | None = None
    missed_calls: int = 0
    medium: Medium | None = None
    outcome: str | None = None
    rated: bool = False
    claimed_at_us: int | None = None
    opened_at_us: int | None = None
    doctor_seen_at_us: int | None = None
    ended_at_us: int | None = None
    purge_at_us: int | None = None
    purged_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """Whom the adult who is logged in speaks for: a child. `birthdate` is YYYY-MM-DD."""

    given_name: str
    family_name: str
    birthdate: str
    relationship: str
    national_number: str | None = None


@dataclass(frozen=True, slots=True)
class GeneralPractitioner:
    """`nihdi`: the RIZIV/INAMI number, eleven digits."""

    name: str
    nihdi: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Why the patient calls. `questionnaire_response` is FHIR's resource as it came; `taken_s`: how long the
    questions took, in seconds; `insurance_fund`: three digits.
    """

    questionnaire_response: dict[str, Any]
    location: str
    callback_number: str | None = None
    insurance_fund: str | None = None
    general_practitioner: GeneralPractitioner | None = None
    proxy_for: Proxy | None = None
    flags: tuple[str, ...] = ()
    taken_s: int | None = None

    def __repr__(self) -> str:
        return "Content(<private>)"

    def to_json(self) -> bytes:
        """For sealing; never for a log."""
        plain: dict[str, Any] = {
            "questionnaire_response": self.questionnaire_response,
            "location": self.location,
            "callback_number": self.callback_number,
            "insurance_fund": self.insurance_fund,
            "general_practitioner": _fields(self.general_practitioner),
            "proxy_for": _fields(self.proxy_for),
            "flags": list(self.flags),
            "taken_s": self.taken_s,
        }
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Content":
        """Of what `to_json` wrote."""
        read = json.loads(text)
        practitioner, proxy = read["general_practitioner"], read["proxy_for"]
        return cls(
            questionnaire_response=read["questionnaire_response"],
            location=read["location"],
            callback_number=read["callback_number"],
            insurance_fund=read["insurance_fund"],
            general_practitioner=GeneralPractitioner(**practitioner) if practitioner else None,
            proxy_for=Proxy(**proxy) if proxy else None,
            flags=tuple(read["flags"]),
            taken_s=read["taken_s"],
        )


def _fields(value: GeneralPractitioner | Proxy | None) -> dict[str, str | None] | None:
    return None if value is None else {name: getattr(value, name) for name in value.__slots__}
