"""A questionnaire and a response side by side, item by item in the questionnaire's order: which items are
enabled (`enableWhen`), what was answered to each, and which parts of the response have no place in the
questionnaire.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from media_server.intake.comparing import equal, order
from media_server.intake.faults import Fault, FaultCode
from media_server.intake.questionnaire import (
    EnableBehavior,
    EnableOperator,
    EnableWhen,
    ItemType,
    Questionnaire,
    QuestionnaireItem,
    all_items,
)
from media_server.intake.reading import shown_link_id
from media_server.intake.response import Answer, QuestionnaireResponse, ResponseItem

Scopes = tuple[dict[str, tuple[Answer, ...]], ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One item of the questionnaire, met once for each place where it may be answered.

    `given`: what the response holds there, None when nothing. `enabled`: it and everything around it.
    `path`: of `given`, or of where it is missing. `asked`: that an answer is due here if the item is
    required, because what surrounds it is there or has to be.
    """

    item: QuestionnaireItem
    given: ResponseItem | None = field(repr=False)
    path: str
    enabled: bool
    asked: bool

    @property
    def answers(self) -> tuple[Answer, ...]:
        return () if self.given is None else self.given.answer


def walk(questionnaire: Questionnaire, response: QuestionnaireResponse) -> Iterator[Visit | Fault]:
    """Every visit, in order, and a fault for each part of the response that no visit comes by.

    A condition sees the answers to enabled questions that came before it, and those within the same
    repetition of a repeating group first. Later questions have no answers yet: with that a circle of
    conditions cannot turn, and `check_questionnaire` names it.
    """
    known = frozenset(item.link_id for item in all_items(questionnaire.item))
    yield from _Walk(known).level(questionnaire.item, response.item, "", ({},), enabled=True, asked=True)


def is_enabled(item: QuestionnaireItem, scopes: Scopes) -> bool:
    if not item.enable_when:
        return True
    # FHIR R4 que-12 wants a behavior for more than one condition; R5 made `all` the default.
    meets = any if item.enable_behavior is EnableBehavior.ANY else all
    return meets(_is_met(condition, _seen(condition.question, scopes)) for condition in item.enable_when)


def _seen(link_id: str, scopes: Scopes) -> tuple[Answer, ...]:
    return next((scope[link_id] for scope in reversed(scopes) if link_id in scope), ())


def _is_met(condition: EnableWhen, answers: tuple[Answer, ...]) -> bool:
    """https://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html: "=" and the orders want one
    answer of which it is so, "!=" that there is none that equals, which is so without any answer, too.
    """
    wanted = condition.value
    orders = [order(answer.value, wanted) for answer in answers]
    match condition.operator:
        case EnableOperator.EXISTS:
            return bool(answers) is (wanted.content is True)
        case EnableOperator.EQUAL:
            return any(equal(answer.value, wanted) for answer in answers)
        case EnableOperator.NOT_EQUAL:
            return not any(equal(answer.value, wanted) for answer in answers)
        case EnableOperator.GREATER:
            return any(found is not None and found > 0 for found in orders)
        case EnableOperator.LESS:
            return any(found is not None and found < 0 for found in orders)
        case EnableOperator.AT_LEAST:
            return any(found is not None and found >= 0 for found in orders)
        case EnableOperator.AT_MOST:
            return any(found is not None and found <= 0 for found in orders)


@dataclass(frozen=True, slots=True)
class _Walk:
    known: frozenset[str]

    def level(
        self,
        items: tuple[QuestionnaireItem, ...],
        given: tuple[ResponseItem, ...],
        path: str,
        scopes: Scopes,
        *,
        enabled: bool,
        asked: bool,
    ) -> Iterator[Visit | Fault]:
        """The items within one parent, which was answered with `given`."""
        here: dict[str, list[tuple[int, ResponseItem]]] = {}
        for index, entry in enumerate(given):
            here.setdefault(entry.link_id, []).append((index, entry))
        for item in items:
            places = here.pop(item.link_id, [])
            several = item.type is ItemType.GROUP and item.repeats
            for index, entry in places[:1] if not several else places:
                at = f"{path}item[{index}]"
                yield from self._item(item, entry, at, scopes, enabled=enabled, asked=asked)
            if not places:
                yield from self._item(
                    item, None, path.removesuffix("."), scopes, enabled=enabled, asked=asked
                )
            elif not several:
                for index, _ in places[1:]:
                    sentence = "This item is there more than once."
                    yield Fault(item.link_id, FaultCode.DUPLICATE_ITEM, sentence, f"{path}item[{index}]")
        for places in here.values():
            yield from (self._stray(entry, f"{path}item[{index}]") for index, entry in places)

    def _stray(self, entry: ResponseItem, path: str) -> Fault:
        if entry.link_id in self.known:
            return Fault(entry.link_id, FaultCode.MISPLACED, "This item belongs elsewhere.", path)
        sentence = "The questionnaire has no such item."
        return Fault(shown_link_id(entry.link_id), FaultCode.UNKNOWN_LINK_ID, sentence, path)

    def _item(
        self,
        item: QuestionnaireItem,
        given: ResponseItem | None,
        path: str,
        scopes: Scopes,
        *,
        enabled: bool,
        asked: bool,
    ) -> Iterator[Visit | Fault]:
        enabled = enabled and is_enabled(item, scopes)
        visit = Visit(item, given, path, enabled, asked and enabled)
        yield visit
        if item.is_question and enabled:
            scopes[-1].setdefault(item.link_id, visit.answers)
        # What is within an optional item that was passed over is not due (FHIR R4,
        # Questionnaire.item.required).
        due = visit.asked and (given is not None or (item.required and item.type is ItemType.GROUP))
        if not item.is_question:
            within = (*scopes, {}) if item.repeats else scopes
            children = () if given is None else given.item
            yield from self.level(
                item.item, children, f"{path}." if given else path, within, enabled=enabled, asked=due
            )
            return
        for index, entry in enumerate(() if given is None else given.item):
            yield self._stray(entry, f"{path}.item[{index}]")
        for index, answer in enumerate(visit.answers):
            within = (*scopes, {}) if item.repeats else scopes
            at = f"{path}.answer[{index}]."
            yield from self.level(item.item, answer.item, at, within, enabled=enabled, asked=due)
        if not visit.answers:
            # FHIR puts what is within a question beneath its answer: without one there is no place to answer.
            yield from self.level(
                item.item, (), f"{path}." if given else path, scopes, enabled=False, asked=False
            )
