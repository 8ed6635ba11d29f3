"""What the author of a questionnaire got wrong. `que-1` and so on are FHIR R4's own invariants
(https://hl7.org/fhir/R4/questionnaire.html#invs); the rest is what would ask a patient something senseless.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from media_server.intake.answer_rules import CHOICES, WITH_LENGTH, WITH_ORDER, answer_kinds, broken_rules
from media_server.intake.comparing import order
from media_server.intake.faults import Fault, FaultCode
from media_server.intake.questionnaire import (
    EnableOperator,
    EnableWhen,
    Extension,
    ExtensionUrl,
    ItemType,
    Questionnaire,
    QuestionnaireItem,
)
from media_server.intake.reading import shown_link_id
from media_server.intake.values import Coding, Value, ValueKind

Found = Iterator[tuple[FaultCode, str]]

_ORDERED = {ValueKind.DECIMAL, ValueKind.INTEGER, ValueKind.DATE, ValueKind.DATE_TIME, ValueKind.TIME}
_NUMBERS = {ValueKind.DECIMAL, ValueKind.INTEGER}
_EXTENSION_KINDS = {
    ExtensionUrl.MIN_VALUE: _ORDERED,
    ExtensionUrl.MAX_VALUE: _ORDERED,
    ExtensionUrl.MAX_DECIMAL_PLACES: {ValueKind.INTEGER},
    ExtensionUrl.OPTION_EXCLUSIVE: {ValueKind.BOOLEAN},
    ExtensionUrl.UNIT: {ValueKind.CODING},
    ExtensionUrl.ENTRY_FORMAT: {ValueKind.STRING},
}
_EXTENSION_TYPES = {
    ExtensionUrl.MIN_VALUE: WITH_ORDER,
    ExtensionUrl.MAX_VALUE: WITH_ORDER,
    ExtensionUrl.MAX_DECIMAL_PLACES: (ItemType.DECIMAL,),
    ExtensionUrl.UNIT: (ItemType.DECIMAL, ItemType.INTEGER, ItemType.QUANTITY),
}


@dataclass(frozen=True, slots=True)
class _Place:
    """`number`: in the order of the document. `repeated`: the linkIds of the repeating items around it."""

    item: QuestionnaireItem
    number: int
    path: str
    repeated: tuple[str, ...]


def check_questionnaire(questionnaire: Questionnaire) -> tuple[Fault, ...]:
    """Everything found, in the order of the document; empty when it can be asked."""
    places = [
        _Place(item, number, path, repeated)
        for number, (item, path, repeated) in enumerate(_placed(questionnaire.item, "", ()))
    ]
    first: dict[str, _Place] = {}
    faults: list[Fault] = []
    for place in places:
        item = place.item
        found = [*_of_kind(item), *_of_options(item), *_of_initial(item), *_of_extensions(item)]
        if first.setdefault(item.link_id, place) is not place:
            found.append((FaultCode.DUPLICATE_LINK_ID, "Another item has the same linkId (que-2)."))
        faults += [Fault(shown_link_id(item.link_id), code, sentence, place.path) for code, sentence in found]
    for place in places:
        told = [*_of_conditions(place, first)]
        faults += [Fault(shown_link_id(place.item.link_id), code, text, place.path) for code, text in told]
    return tuple(faults)


def _placed(
    items: tuple[QuestionnaireItem, ...], path: str, repeated: tuple[str, ...]
) -> Iterator[tuple[QuestionnaireItem, str, tuple[str, ...]]]:
    for index, item in enumerate(items):
        at = f"{path}item[{index}]"
        yield item, at, repeated
        yield from _placed(item.item, f"{at}.", (*repeated, item.link_id) if item.repeats else repeated)


def _of_kind(item: QuestionnaireItem) -> Found:
    if item.type is ItemType.GROUP and not item.item:
        yield FaultCode.EMPTY_GROUP, "A group holds at least one item (que-1)."
    if item.type is ItemType.DISPLAY:
        if item.item:
            yield FaultCode.NESTED_IN_DISPLAY, "A display holds no items (que-1)."
        if item.required or item.repeats or item.read_only or item.code:
            yield (
                FaultCode.NOT_FOR_THIS_TYPE,
                "A display has no code and is not answered (que-3, que-6, que-9).",
            )
    if item.type is not ItemType.GROUP and item.text is None:
        yield FaultCode.MISSING_ELEMENT, "What is shown or asked needs a text."
    # que-10 lets numbers have a length in characters too; nobody who fills them in could make sense of that.
    if item.max_length is not None and item.type not in WITH_LENGTH:
        yield FaultCode.NOT_FOR_THIS_TYPE, "Only text has a greatest length (que-10)."


def _of_options(item: QuestionnaireItem) -> Found:
    options = [option.value for option in item.answer_option]
    names = {_named(option) for option in options}
    if item.type not in CHOICES:
        if options:
            yield FaultCode.NOT_FOR_THIS_TYPE, "Only a choice has options."
        return
    if not options:
        yield FaultCode.NO_OPTIONS, "A choice needs options."
    if len({option.kind for option in options}) > 1:
        yield FaultCode.OPTION_OF_OTHER_TYPE, "All options of a choice are of one type."
    if len(names) < len(options):
        yield FaultCode.DUPLICATE_OPTION, "An option is there twice."


def _named(option: Value) -> tuple[object, ...]:
    """What makes two options the same, as `equal` sees it."""
    coding = option.content
    return (coding.system, coding.code) if isinstance(coding, Coding) else (option.kind, coding)


def _of_initial(item: QuestionnaireItem) -> Found:
    selected = sum(option.initial_selected for option in item.answer_option)
    if item.initial and not item.is_question:
        yield FaultCode.NOT_FOR_THIS_TYPE, "Only a question has an initial value (que-8)."
        return
    if item.initial and item.answer_option:
        yield FaultCode.BAD_INITIAL_VALUE, "With options, the initial value is the option selected (que-11)."
    elif any(any(broken_rules(item, initial.value)) for initial in item.initial):
        yield FaultCode.BAD_INITIAL_VALUE, "An initial value does not answer the question."
    if not item.repeats and max(len(item.initial), selected) > 1:
        yield (
            FaultCode.TOO_MANY_INITIAL_VALUES,
            "Only a repeating question has several initial values (que-13).",
        )


def _of_extensions(item: QuestionnaireItem) -> Found:
    urls = {url.value: url for url in ExtensionUrl}
    on_options = [extension for option in item.answer_option for extension in option.extension]
    for extension in (*item.extension, *on_options):
        url = urls.get(extension.url)
        if url is None or extension.value.kind not in _EXTENSION_KINDS[url]:
            yield FaultCode.UNKNOWN_EXTENSION, "This extension, or its type of value, is not supported."
        elif not _fits(item, url, extension, on_option=extension in on_options):
            yield FaultCode.NOT_FOR_THIS_TYPE, "This extension has no meaning here."
    lowest, highest = item.limit(ExtensionUrl.MIN_VALUE), item.limit(ExtensionUrl.MAX_VALUE)
    if lowest is not None and highest is not None and (order(lowest, highest) or 0) > 0:
        yield FaultCode.UNREACHABLE_LIMITS, "The least value lies above the greatest."


def _fits(item: QuestionnaireItem, url: ExtensionUrl, extension: Extension, *, on_option: bool) -> bool:
    if (url is ExtensionUrl.OPTION_EXCLUSIVE) is not on_option:
        return False
    if url in (ExtensionUrl.MIN_VALUE, ExtensionUrl.MAX_VALUE):
        kind = extension.value.kind
        return item.type in WITH_ORDER and (
            kind in answer_kinds(item) or {kind, *answer_kinds(item)} <= _NUMBERS
        )
    return item.type in _EXTENSION_TYPES.get(url, tuple(ItemType))


def _of_conditions(place: _Place, first: dict[str, _Place]) -> Found:
    item = place.item
    if len(item.enable_when) > 1 and item.enable_behavior is None:
        yield FaultCode.NO_ENABLE_BEHAVIOR, "More than one condition needs an enableBehavior (que-12)."
    for condition in item.enable_when:
        target = first.get(condition.question)
        if target is None:
            yield FaultCode.CONDITION_ON_UNKNOWN, "A condition asks for a question that is not there."
        elif target.item.link_id == item.link_id:
            yield FaultCode.CONDITION_ON_ITSELF, "A condition asks for the item itself."
        elif target.number > place.number:
            yield FaultCode.CONDITION_ON_LATER, "A condition asks for a question that comes later."
        elif not target.item.is_question:
            yield FaultCode.CONDITION_ON_NO_QUESTION, "A condition asks for a group or a display."
        elif target.repeated != place.repeated[: len(target.repeated)]:
            yield FaultCode.CONDITION_INTO_REPEATED, "A condition asks for one of several repetitions."
        else:
            yield from _of_condition(condition, target.item)


def _of_condition(condition: EnableWhen, target: QuestionnaireItem) -> Found:
    kind = condition.value.kind
    if condition.operator is EnableOperator.EXISTS:
        if kind is not ValueKind.BOOLEAN:
            yield FaultCode.CONDITION_OF_OTHER_TYPE, "Whether an answer exists is true or false (que-7)."
        return
    kinds = answer_kinds(target)
    if kind not in kinds and not (kind in _NUMBERS and kinds <= _NUMBERS):
        yield FaultCode.CONDITION_OF_OTHER_TYPE, "A condition compares with a value of another type."
    elif condition.operator in (EnableOperator.EQUAL, EnableOperator.NOT_EQUAL):
        if target.type is ItemType.CHOICE and any(broken_rules(target, condition.value)):
            yield FaultCode.CONDITION_NEVER_TRUE, "A condition compares with what is not an option."
    elif kind not in _ORDERED and kind is not ValueKind.QUANTITY:
        yield FaultCode.OPERATOR_NOT_FOR_THIS_TYPE, "Values of this type are neither less nor greater."
