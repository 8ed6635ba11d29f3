"""Whether a response answers its questionnaire: every rule, every fault, never a crash."""

import json
from collections.abc import Iterator

from media_server.intake.answer_rules import broken_rules
from media_server.intake.comparing import equal
from media_server.intake.errors import BadResponse
from media_server.intake.faults import Fault, FaultCode
from media_server.intake.limits import RESPONSE_LIMITS, Limits
from media_server.intake.questionnaire import ItemType, Questionnaire, all_items
from media_server.intake.reading import at_most, parse_response
from media_server.intake.response import Answer, QuestionnaireResponse, ResponseItem, ResponseStatus
from media_server.intake.values import Value
from media_server.intake.walking import Visit, walk

_WHOLE = (ResponseStatus.COMPLETED, ResponseStatus.AMENDED)
_OPEN = (ResponseStatus.IN_PROGRESS, *_WHOLE)


def check_response(
    questionnaire: Questionnaire, response: object, *, complete: bool, limits: Limits = RESPONSE_LIMITS
) -> tuple[Fault, ...]:
    """Everything wrong with the response, at most `limits.faults`; empty when nothing is.

    `response`: a QuestionnaireResponse, or JSON as `parse_response` takes it. `complete`: it is handed in,
    so its status has to say so and every question that is due be answered. One in progress may have gaps, to
    be resumed later, but what is answered has to be right. One that calls itself completed is always held to
    that.
    """
    if not isinstance(response, QuestionnaireResponse):
        try:
            response = parse_response(response, limits)
        except BadResponse as error:
            return error.faults
    faults = list(_of_size(response, limits))
    if not faults:
        faults += _of_resource(questionnaire, response, complete=complete)
        met = list(walk(questionnaire, response))
        whole = complete or response.status in _WHOLE
        for entry in met:
            faults += [entry] if isinstance(entry, Fault) else _of_visit(entry)
        if whole:
            faults += _missing([entry for entry in met if isinstance(entry, Visit)])
    return at_most(faults, limits.faults)


def accept_response(
    questionnaire: Questionnaire, document: object, *, complete: bool, limits: Limits = RESPONSE_LIMITS
) -> QuestionnaireResponse:
    """Reads and checks in one go. Raises BadResponse with everything wrong."""
    response = parse_response(document, limits)
    faults = check_response(questionnaire, response, complete=complete, limits=limits)
    if faults:
        raise BadResponse(faults)
    return response


def _of_size(response: QuestionnaireResponse, limits: Limits) -> Iterator[Fault]:
    size = len(json.dumps(response.to_fhir(), ensure_ascii=False).encode("utf-8"))
    if size > limits.bytes:
        yield Fault(None, FaultCode.TOO_LARGE, f"The response is larger than {limits.bytes // 1024} KiB.")
    if _count(response.item) > limits.answers:
        yield Fault(None, FaultCode.TOO_MANY_ANSWERS, f"The response has more than {limits.answers} answers.")


def _count(items: tuple[ResponseItem, ...]) -> int:
    return sum(
        _count(item.item) + len(item.answer) + sum(_count(answer.item) for answer in item.answer)
        for item in items
    )


def _of_resource(
    questionnaire: Questionnaire, response: QuestionnaireResponse, *, complete: bool
) -> Iterator[Fault]:
    url, _, version = response.questionnaire.partition("|")
    if url != questionnaire.url:
        yield Fault(None, FaultCode.WRONG_QUESTIONNAIRE, "It answers another questionnaire.", "questionnaire")
    elif version != questionnaire.version:
        sentence = f"Version {questionnaire.version} of the questionnaire is asked now."
        yield Fault(None, FaultCode.WRONG_VERSION, sentence, "questionnaire")
    if response.status not in _OPEN:
        yield Fault(
            None, FaultCode.WITHDRAWN, "A response that was stopped or withdrawn is not taken.", "status"
        )
    elif complete and response.status not in _WHOLE:
        yield Fault(None, FaultCode.NOT_COMPLETED, "The response is not completed yet.", "status")


def _of_visit(visit: Visit) -> Iterator[Fault]:
    item, given = visit.item, visit.given
    if given is None:
        return
    if not visit.enabled and (given.answer or given.item):
        sentence = "This is not asked after the answers before it, so it may not be answered."
        yield _fault(visit, FaultCode.NOT_ENABLED, sentence)
        return
    if not item.is_question:
        if given.answer or (item.type is ItemType.DISPLAY and given.item):
            yield _fault(visit, FaultCode.NOT_A_QUESTION, "This is not a question.")
        return
    for index, answer in enumerate(given.answer):
        for code, sentence in broken_rules(item, answer.value):
            yield _fault(visit, code, sentence, f".answer[{index}]")
    yield from _of_answers_together(visit, given.answer)


def _of_answers_together(visit: Visit, answers: tuple[Answer, ...]) -> Iterator[Fault]:
    item, values = visit.item, [answer.value for answer in answers]
    if item.read_only and not _same(values, _initial(visit)):
        yield _fault(visit, FaultCode.READ_ONLY, "This is not to be changed.")
    if len(values) < 2:
        return
    if not item.repeats:
        yield _fault(visit, FaultCode.ONE_ANSWER_ONLY, "This question takes one answer.")
        return
    exclusive = [option.value for option in item.answer_option if option.exclusive]
    if any(equal(one, value) for one in exclusive for value in values):
        yield _fault(visit, FaultCode.EXCLUSIVE_OPTION, "One of the answers excludes all others.")
    if item.answer_option and any(equal(a, b) for index, a in enumerate(values) for b in values[:index]):
        yield _fault(visit, FaultCode.SAME_ANSWER_TWICE, "The same answer is there twice.")


def _initial(visit: Visit) -> list[Value]:
    selected = [option.value for option in visit.item.answer_option if option.initial_selected]
    return [initial.value for initial in visit.item.initial] + selected


def _same(values: list[Value], others: list[Value]) -> bool:
    return len(values) == len(others) and all(equal(a, b) for a, b in zip(values, others, strict=True))


def _missing(visits: list[Visit]) -> Iterator[Fault]:
    for number, visit in enumerate(visits):
        if not visit.asked or not visit.item.required:
            continue
        if visit.item.is_question:
            if not visit.answers:
                yield _fault(visit, FaultCode.REQUIRED, "This question has to be answered.")
        elif _owes_an_answer(visit, visits[number + 1 :]):
            yield _fault(visit, FaultCode.REQUIRED, "At least one question of this group has to be answered.")


def _owes_an_answer(group: Visit, later: list[Visit]) -> bool:
    """A required group without a required question in it that is asked: those speak for themselves."""
    within = {item.link_id for item in all_items(group.item.item) if item.is_question}
    place = "" if group.given is None else f"{group.path}."
    questions = [
        visit
        for visit in later
        if visit.item.link_id in within and visit.enabled and f"{visit.path}.".startswith(place)
    ]
    return bool(questions) and not any(visit.answers or visit.item.required for visit in questions)


def _fault(visit: Visit, code: FaultCode, sentence: str, below: str = "") -> Fault:
    return Fault(visit.item.link_id, code, sentence, f"{visit.path}{below}")
