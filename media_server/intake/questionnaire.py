"""FHIR R4 Questionnaire (https://hl7.org/fhir/R4/questionnaire.html), exactly as far as intake supports it.

What is not declared here is refused when a questionnaire is read, not passed over: an answer value set or a
calculated expression that nobody heeds would silently ask something else than its author meant.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Literal

from pydantic import ConfigDict

from media_server.intake.primitives import (
    FhirBoolean,
    FhirCode,
    FhirDate,
    FhirDateTime,
    FhirDecimal,
    FhirInteger,
    FhirString,
    FhirTime,
    FhirUri,
    LinkId,
    PositiveInteger,
)
from media_server.intake.values import AnyValue, Coding, Element, Quantity, Value, Valued, named_after

_HL7 = "http://hl7.org/fhir/StructureDefinition/"


class ItemType(Enum):
    """Of https://hl7.org/fhir/R4/valueset-item-type.html all but `question`, which is abstract, and
    `reference`.
    """

    GROUP = "group"
    DISPLAY = "display"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    DATE_TIME = "dateTime"
    TIME = "time"
    STRING = "string"
    TEXT = "text"
    URL = "url"
    CHOICE = "choice"
    OPEN_CHOICE = "open-choice"
    ATTACHMENT = "attachment"
    QUANTITY = "quantity"


class EnableOperator(Enum):
    EXISTS = "exists"
    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    LESS = "<"
    AT_LEAST = ">="
    AT_MOST = "<="


class EnableBehavior(Enum):
    ALL = "all"
    ANY = "any"


class PublicationStatus(Enum):
    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"
    UNKNOWN = "unknown"


class ExtensionUrl(Enum):
    """The extensions that are heeded; the last two are for whoever draws the form."""

    MIN_VALUE = _HL7 + "minValue"
    MAX_VALUE = _HL7 + "maxValue"
    MAX_DECIMAL_PLACES = _HL7 + "maxDecimalPlaces"
    OPTION_EXCLUSIVE = _HL7 + "questionnaire-optionExclusive"
    UNIT = _HL7 + "questionnaire-unit"
    ENTRY_FORMAT = _HL7 + "entryFormat"


class Extension(Valued):
    url: FhirUri
    boolean: FhirBoolean | None = None
    decimal: FhirDecimal | None = None
    integer: FhirInteger | None = None
    date: FhirDate | None = None
    date_time: FhirDateTime | None = None
    time: FhirTime | None = None
    string: FhirString | None = None
    coding: Coding | None = None


class EnableWhen(Valued):
    model_config = ConfigDict(alias_generator=named_after("answer"))

    question: LinkId
    operator: EnableOperator
    boolean: FhirBoolean | None = None
    decimal: FhirDecimal | None = None
    integer: FhirInteger | None = None
    date: FhirDate | None = None
    date_time: FhirDateTime | None = None
    time: FhirTime | None = None
    string: FhirString | None = None
    coding: Coding | None = None
    quantity: Quantity | None = None


class AnswerOption(Valued):
    extension: tuple[Extension, ...] = ()
    integer: FhirInteger | None = None
    date: FhirDate | None = None
    time: FhirTime | None = None
    string: FhirString | None = None
    coding: Coding | None = None
    initial_selected: FhirBoolean = False

    @property
    def exclusive(self) -> bool:
        """Chosen, it is the only answer: "none of these"."""
        found = extension_value(self.extension, ExtensionUrl.OPTION_EXCLUSIVE)
        return found is not None and found.content is True


class QuestionnaireItem(Element):
    link_id: LinkId
    code: tuple[Coding, ...] = ()
    prefix: FhirString | None = None
    text: FhirString | None = None
    type: ItemType
    enable_when: tuple[EnableWhen, ...] = ()
    enable_behavior: EnableBehavior | None = None
    required: FhirBoolean = False
    repeats: FhirBoolean = False
    read_only: FhirBoolean = False
    max_length: PositiveInteger | None = None
    answer_option: tuple[AnswerOption, ...] = ()
    initial: tuple[AnyValue, ...] = ()
    extension: tuple[Extension, ...] = ()
    item: tuple["QuestionnaireItem", ...] = ()

    @property
    def is_question(self) -> bool:
        return self.type not in (ItemType.GROUP, ItemType.DISPLAY)

    def limit(self, url: ExtensionUrl) -> Value | None:
        return extension_value(self.extension, url)

    def coded(self, system: str) -> Coding | None:
        """The item's own code in this system."""
        return next((coding for coding in self.code if coding.system == system), None)


class Questionnaire(Element):
    resource_type: Literal["Questionnaire"]
    id: FhirCode | None = None
    url: FhirUri
    version: FhirString
    name: FhirString | None = None
    title: FhirString | None = None
    status: PublicationStatus
    experimental: FhirBoolean = False
    date: FhirDateTime | None = None
    publisher: FhirString | None = None
    description: FhirString | None = None
    language: FhirCode | None = None
    subject_type: tuple[FhirCode, ...] = ()
    item: tuple[QuestionnaireItem, ...] = ()

    @property
    def canonical(self) -> str:
        """What a response names it by."""
        return f"{self.url}|{self.version}"


def extension_value(extensions: tuple[Extension, ...], url: ExtensionUrl) -> Value | None:
    return next((found.value for found in extensions if found.url == url.value), None)


def all_items(items: tuple[QuestionnaireItem, ...]) -> Iterator[QuestionnaireItem]:
    """Every item in the order of the document, parents first."""
    for item in items:
        yield item
        yield from all_items(item.item)
