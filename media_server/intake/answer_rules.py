"""What one value has to be to answer one item: its type, and the limits that the item sets."""

from collections.abc import Iterator
from decimal import Decimal

from media_server.intake.comparing import equal, order
from media_server.intake.faults import FaultCode
from media_server.intake.questionnaire import ExtensionUrl, ItemType, QuestionnaireItem
from media_server.intake.values import Coding, Quantity, Value, ValueKind

Broken = tuple[FaultCode, str]
"""A rule that is broken, and the sentence for it."""

_KIND_OF_TYPE = {
    ItemType.BOOLEAN: ValueKind.BOOLEAN,
    ItemType.DECIMAL: ValueKind.DECIMAL,
    ItemType.INTEGER: ValueKind.INTEGER,
    ItemType.DATE: ValueKind.DATE,
    ItemType.DATE_TIME: ValueKind.DATE_TIME,
    ItemType.TIME: ValueKind.TIME,
    ItemType.STRING: ValueKind.STRING,
    ItemType.TEXT: ValueKind.STRING,
    ItemType.URL: ValueKind.URI,
    ItemType.ATTACHMENT: ValueKind.ATTACHMENT,
    ItemType.QUANTITY: ValueKind.QUANTITY,
}

CHOICES = (ItemType.CHOICE, ItemType.OPEN_CHOICE)
WITH_LENGTH = (ItemType.STRING, ItemType.TEXT, ItemType.URL, ItemType.OPEN_CHOICE)
WITH_ORDER = (ItemType.DECIMAL, ItemType.INTEGER, ItemType.DATE, ItemType.DATE_TIME, ItemType.TIME)


def answer_kinds(item: QuestionnaireItem) -> frozenset[ValueKind]:
    """The types of value that may answer the item; none for groups and displays."""
    if item.type in CHOICES:
        kinds = frozenset(option.value.kind for option in item.answer_option)
        return kinds | {ValueKind.STRING} if item.type is ItemType.OPEN_CHOICE else kinds
    kind = _KIND_OF_TYPE.get(item.type)
    return frozenset() if kind is None else frozenset({kind})


def broken_rules(item: QuestionnaireItem, value: Value) -> Iterator[Broken]:
    """What is wrong with the value as one answer to the item, other answers left aside."""
    if value.kind not in answer_kinds(item):
        yield FaultCode.WRONG_ANSWER_TYPE, "The answer is of another type than the question asks for."
        return
    yield from _broken_length(item, value)
    yield from _broken_range(item, value)
    yield from _broken_precision(item, value)
    yield from _broken_choice(item, value)
    unit = item.limit(ExtensionUrl.UNIT)
    if unit is not None and isinstance(value.content, Quantity):
        given = (value.content.system, value.content.code)
        if isinstance(unit.content, Coding) and given != (unit.content.system, unit.content.code):
            yield FaultCode.WRONG_UNIT, "The answer is in another unit than the question asks for."


def _broken_length(item: QuestionnaireItem, value: Value) -> Iterator[Broken]:
    if (
        item.max_length is not None
        and isinstance(value.content, str)
        and len(value.content) > item.max_length
    ):
        yield FaultCode.TOO_LONG, f"The answer has more than {item.max_length} characters."


def _broken_range(item: QuestionnaireItem, value: Value) -> Iterator[Broken]:
    lowest, highest = item.limit(ExtensionUrl.MIN_VALUE), item.limit(ExtensionUrl.MAX_VALUE)
    if lowest is not None and (order(value, lowest) or 0) < 0:
        yield FaultCode.TOO_LOW, f"The answer lies below {lowest.content}."
    if highest is not None and (order(value, highest) or 0) > 0:
        yield FaultCode.TOO_HIGH, f"The answer lies above {highest.content}."


def _broken_precision(item: QuestionnaireItem, value: Value) -> Iterator[Broken]:
    most = item.limit(ExtensionUrl.MAX_DECIMAL_PLACES)
    if most is None or not isinstance(most.content, int):
        return
    if isinstance(value.content, Decimal) and _decimal_places(value.content) > most.content:
        yield FaultCode.TOO_PRECISE, f"The answer has more than {most.content} decimal places."


def _decimal_places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _broken_choice(item: QuestionnaireItem, value: Value) -> Iterator[Broken]:
    if item.type not in CHOICES or any(equal(option.value, value) for option in item.answer_option):
        return
    if item.type is ItemType.OPEN_CHOICE and value.kind is ValueKind.STRING:
        return
    yield FaultCode.NOT_AN_OPTION, "The answer is none of the options."
