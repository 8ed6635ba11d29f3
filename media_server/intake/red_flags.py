"""Which alarm signs the patient answered yes to: the answers as they stand, neither weighed nor combined."""

from dataclasses import dataclass

from media_server.intake.primary_care import RED_FLAG
from media_server.intake.questionnaire import ItemType, Questionnaire, QuestionnaireItem
from media_server.intake.response import QuestionnaireResponse
from media_server.intake.values import Coding
from media_server.intake.walking import Visit, walk


@dataclass(frozen=True, slots=True)
class RedFlag:
    """`link_id` asked, and `code` names the sign; both are the questionnaire's, none is the patient's
    text.
    """

    link_id: str
    code: str


def red_flags(questionnaire: Questionnaire, response: QuestionnaireResponse) -> tuple[RedFlag, ...]:
    """In the questionnaire's order. Any one of them calls for the stop screen.

    An item is about alarm signs by its codes of the system `RED_FLAG`: those of its options, each a sign of
    its own, or for a question of yes or no its own code. A response still in progress is read as far as it
    goes.
    """
    return tuple(
        flag
        for visit in walk(questionnaire, response)
        if isinstance(visit, Visit) and visit.enabled
        for flag in asked_flags(visit.item)
        if is_raised(visit, flag)
    )


def asked_flags(item: QuestionnaireItem) -> tuple[RedFlag, ...]:
    """All the signs that an item asks for."""
    if item.type is ItemType.BOOLEAN:
        own = item.coded(RED_FLAG)
        return () if own is None else (RedFlag(item.link_id, own.code),)
    codings = (option.value.content for option in item.answer_option)
    return tuple(
        RedFlag(item.link_id, coding.code)
        for coding in codings
        if isinstance(coding, Coding) and coding.system == RED_FLAG
    )


def is_raised(visit: Visit, flag: RedFlag) -> bool:
    contents = [answer.value.content for answer in visit.answers]
    if visit.item.type is ItemType.BOOLEAN:
        return True in contents
    return any(
        isinstance(content, Coding) and (content.system, content.code) == (RED_FLAG, flag.code)
        for content in contents
    )
