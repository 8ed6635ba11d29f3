"""What several parts' bodies and answers are made of."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from auth import BadIdentifier, parse_insurance_fund, parse_national_number, parse_nihdi_number
from media_server.consultations import EndReason, Medium, State
from media_server.languages import Language

LANGUAGES = tuple(language.value for language in Language)


class Body(BaseModel):
    """What comes in: unknown members are ignored, values never quoted in an error."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Shown(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)


def _checked(check: Callable[[str], object]) -> AfterValidator:
    def checked(value: str) -> str:
        try:
            check(value)
        except BadIdentifier as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(checked)


Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\S(?:[^\x00-\x1f\x7f]*\S)?$")]
Fund = Annotated[str, Field(pattern=r"^[0-9]{3}$"), _checked(parse_insurance_fund)]
Nihdi = Annotated[str, Field(pattern=r"^[0-9]{11}$"), _checked(parse_nihdi_number)]
NationalNumber = Annotated[str, Field(pattern=r"^[0-9]{11}$"), _checked(parse_national_number)]


class Practitioner(Body):
    """`nihdi`: the RIZIV/INAMI number, eleven digits; without it no report can be sent."""

    name: Name
    nihdi: Nihdi | None = None


class PractitionerShown(Shown):
    name: str
    nihdi: str | None


class QueuePlace(Shown):
    """`position`: 1 the next; `estimated_wait_s`: null while no doctor is on duty who speaks the language."""

    position: int
    estimated_wait_s: float | None


class DoctorShown(Shown):
    name: str
    nihdi: str
    qualification: str


class PatientShown(Shown):
    """`id`: the participant's in the room."""

    id: str
    name: str
    birthdate: str | None = None
    gender: str | None = None
    language: Language


class ReportState(Shown):
    """none, queued, delivered, failed or cancelled."""

    state: str


class AttachmentShown(Shown):
    """`from`: the participant who sent it."""

    id: str
    content_type: str
    bytes: int
    sender: str = Field(serialization_alias="from")
    created_at: datetime


class ConsultationShown(Shown):
    """`state` is FHIR's Encounter.status. `patient` is for its doctor, `queue` for who waits; `may_return`:
    the doctor has been gone from the call for so long that the patient may go back into the queue.
    """

    id: str
    state: State
    reason: EndReason | None = None
    language: Language
    created_at: datetime
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    queue: QueuePlace | None = None
    may_return: bool = False
    doctor: DoctorShown | None = None
    patient: PatientShown | None = None
    general_practitioner: PractitionerShown | None = Field(
        default=None, description="As its patient named them; shown to its patient until the end."
    )
    missed_calls: int
    medium: Medium | None = None
    outcome: str | None = None
    report: ReportState | None = None
    attachments: list[AttachmentShown] = Field(default_factory=list)
    rated: bool = False
    purge_at: datetime | None = None
