"""FHIR R4 QuestionnaireResponse (https://hl7.org/fhir/R4/questionnaireresponse.html), as far as intake keeps
it.

What a client repeats of the questionnaire, the text of an item and the name of an option, is dropped on
reading: the questionnaire says it, in every language, and nobody can slip a text in by that way.
"""

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from media_server.intake.primitives import FhirCode, FhirDateTime, FhirString, FhirUri, LinkId
from media_server.intake.values import AnyValue, Coding, Element


class ResponseStatus(Enum):
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    AMENDED = "amended"
    ENTERED_IN_ERROR = "entered-in-error"
    STOPPED = "stopped"


def _dropped(value: object) -> None:
    return None


def _without_display(coding: Coding | None) -> Coding | None:
    return None if coding is None else coding.model_copy(update={"display": None})


class Reference(Element):
    reference: FhirString = Field(max_length=255)
    type: FhirUri | None = None


class Answer(AnyValue):
    coding: Annotated[Coding | None, AfterValidator(_without_display)] = None
    item: tuple["ResponseItem", ...] = ()


class ResponseItem(Element):
    link_id: LinkId
    text: Annotated[Any, AfterValidator(_dropped)] = None
    answer: tuple[Answer, ...] = ()
    item: tuple["ResponseItem", ...] = ()


class QuestionnaireResponse(Element):
    resource_type: Literal["QuestionnaireResponse"]
    id: FhirCode | None = None
    questionnaire: FhirUri
    status: ResponseStatus
    language: FhirCode | None = None
    subject: Reference | None = None
    encounter: Reference | None = None
    authored: FhirDateTime | None = None
    author: Reference | None = None
    source: Reference | None = None
    item: tuple[ResponseItem, ...] = ()
