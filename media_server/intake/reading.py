"""From JSON to a Questionnaire or a QuestionnaireResponse, or a list of what keeps it from being one."""

import re
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from media_server.intake.errors import BadQuestionnaire, BadResponse
from media_server.intake.faults import Fault, FaultCode
from media_server.intake.limits import QUESTIONNAIRE_LIMITS, RESPONSE_LIMITS, Limits, read_json
from media_server.intake.questionnaire import Questionnaire
from media_server.intake.response import QuestionnaireResponse
from media_server.intake.values import Element

Resource = TypeVar("Resource", bound=Element)

_LOOKS_LIKE_LINK_ID = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_OWN_CODES = {code.value for code in FaultCode}


def parse_questionnaire(document: object, limits: Limits = QUESTIONNAIRE_LIMITS) -> Questionnaire:
    """`document`: JSON text, or what a JSON parser made of it. Raises BadQuestionnaire.

    What it asks for may still be nonsense: see `check_questionnaire`.
    """
    questionnaire, faults = _read(Questionnaire, document, limits)
    if questionnaire is None:
        raise BadQuestionnaire(faults)
    return questionnaire


def parse_response(document: object, limits: Limits = RESPONSE_LIMITS) -> QuestionnaireResponse:
    """`document`: JSON text, or what a JSON parser made of it. Raises BadResponse.

    It may still not answer its questionnaire: see `check_response`.
    """
    response, faults = _read(QuestionnaireResponse, document, limits)
    if response is None:
        raise BadResponse(faults)
    return response


def shown_link_id(link_id: object) -> str | None:
    """A linkId of an unknown document, when it looks like one: whatever else stands there is not passed
    on.
    """
    return link_id if isinstance(link_id, str) and _LOOKS_LIKE_LINK_ID.fullmatch(link_id) else None


def at_most(faults: list[Fault], limit: int) -> tuple[Fault, ...]:
    if len(faults) <= limit:
        return tuple(faults)
    rest = Fault(
        None, FaultCode.TOO_MANY_FAULTS, f"There are {len(faults) - limit} more faults than told here."
    )
    return (*faults[:limit], rest)


def _read(
    kind: type[Resource], document: object, limits: Limits
) -> tuple[Resource, tuple[()]] | tuple[None, tuple[Fault, ...]]:
    content, fault = read_json(document, limits)
    if fault is not None:
        return None, (fault,)
    if not isinstance(content, dict):
        return None, (Fault(None, FaultCode.WRONG_TYPE, f"A {kind.__name__} is expected."),)
    try:
        return kind.model_validate(content), ()
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        return None, at_most([_fault(entry, content) for entry in errors], limits.faults)


def _fault(error: ErrorDetails, document: object) -> Fault:
    code, sentence = _told(error)
    # The name of an unknown element is the sender's own text: only where it stands is told.
    where = error["loc"][:-1] if code is FaultCode.UNKNOWN_ELEMENT else error["loc"]
    return Fault(_link_id_along(where, document), code, sentence, _path(where))


def _told(error: ErrorDetails) -> tuple[FaultCode, str]:
    match error["type"]:
        case "extra_forbidden":
            return FaultCode.UNKNOWN_ELEMENT, "Something stands here that this service does not know."
        case "missing":
            return FaultCode.MISSING_ELEMENT, "Something that has to be here is missing."
        case own if own in _OWN_CODES:
            return FaultCode(own), error["msg"]
        case "enum" | "literal_error" | "string_pattern_mismatch":
            return FaultCode.WRONG_TYPE, "What stands here is none of what may stand here."
        case "string_too_long" | "too_long":
            return FaultCode.TOO_LONG, "What stands here is too long."
        case "greater_than_equal" | "less_than_equal":
            return FaultCode.BAD_NUMBER, "The number is outside of what FHIR allows."
        case _:
            return FaultCode.WRONG_TYPE, "What stands here is of another type than is expected."


def _path(where: tuple[int | str, ...]) -> str:
    path = ""
    for step in where:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _link_id_along(where: tuple[int | str, ...], document: object) -> str | None:
    found: str | None = None
    for step in (None, *where):
        if isinstance(document, dict):
            document = document.get(step) if step is not None else document
        elif isinstance(document, list | tuple) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            break
        if isinstance(document, dict) and "linkId" in document:
            found = shown_link_id(document["linkId"])
    return found
