"""FHIR's `value[x]`: one of several types, by the element's name; in Python one `Value`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator
from pydantic.alias_generators import to_camel, to_pascal
from pydantic_core import PydanticCustomError

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
)


class Element(BaseModel):
    """Part of a FHIR resource: frozen, no element but the declared ones, and never shown: it may be health
    data.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<private>)"

    __str__ = __repr__

    def to_fhir(self) -> dict[str, object]:
        """As a JSON object. What says nothing is left out: FHIR has neither null nor an empty array."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Coding(Element):
    """`display` is the questionnaire's to say: what a response says of it is dropped when it is read."""

    system: FhirUri | None = None
    version: FhirString | None = None
    code: FhirCode
    display: FhirString | None = None


class Quantity(Element):
    value: FhirDecimal
    unit: FhirString | None = None
    system: FhirUri | None = None
    code: FhirCode | None = None


class Attachment(Element):
    """Refers to a file handed in elsewhere; the file itself never travels in a response."""

    content_type: FhirCode
    language: FhirCode | None = None
    url: FhirUri
    size: FhirInteger | None = Field(default=None, ge=0)
    hash: StrictStr | None = Field(default=None, pattern=r"^[A-Za-z0-9+/]{1,86}={0,2}$")
    title: FhirString | None = Field(default=None, max_length=255)
    creation: FhirDateTime | None = None


class ValueKind(Enum):
    """By what FHIR appends to `value`."""

    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    DATE_TIME = "date_time"
    TIME = "time"
    STRING = "string"
    URI = "uri"
    CODING = "coding"
    QUANTITY = "quantity"
    ATTACHMENT = "attachment"


Content = bool | int | Decimal | str | Coding | Quantity | Attachment


@dataclass(frozen=True, slots=True)
class Value:
    """One value and its type. `date`, `date_time` and `time` keep FHIR's text, with the precision it has."""

    kind: ValueKind
    content: Content = field(repr=False)


_KINDS = frozenset(kind.value for kind in ValueKind)


def named_after(prefix: str) -> Callable[[str], str]:
    """Names a value's field as FHIR does: `date_time` becomes `valueDateTime`, or `answerDateTime`."""
    return lambda name: prefix + to_pascal(name) if name in _KINDS else to_camel(name)


class Valued(Element):
    """Carries exactly one value. A subclass declares the types it knows, each under its ValueKind's value."""

    model_config = ConfigDict(alias_generator=named_after("value"))

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self._present()) != 1:
            raise PydanticCustomError("not-one-value", "Exactly one value is expected here.")
        return self

    def _present(self) -> list[Value]:
        contents = ((kind, getattr(self, kind.value, None)) for kind in ValueKind)
        return [Value(kind, content) for kind, content in contents if content is not None]

    @property
    def value(self) -> Value:
        return self._present()[0]


class AnyValue(Valued):
    """All types that intake knows."""

    boolean: FhirBoolean | None = None
    decimal: FhirDecimal | None = None
    integer: FhirInteger | None = None
    date: FhirDate | None = None
    date_time: FhirDateTime | None = None
    time: FhirTime | None = None
    string: FhirString | None = None
    uri: FhirUri | None = None
    coding: Coding | None = None
    quantity: Quantity | None = None
    attachment: Attachment | None = None
