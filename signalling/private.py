"""A value about a person that must not reach a log, an error text or a debugger's print by accident."""

from typing import Any, Generic, TypeVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


class Private(Generic[T]):
    """Holds a value and shows `<private>`; `reveal` is the one way to it, so that a search finds each use.

    As a field of a message it reads and writes as the value itself: the wire is where it is meant to go.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        return self._value

    def __repr__(self) -> str:
        return "<private>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<private>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Private) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Private, self._value))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (inner,) = get_args(source)
        value = handler.generate_schema(inner)
        return core_schema.no_info_wrap_validator_function(
            lambda given, validate: given if isinstance(given, Private) else cls(validate(given)),
            value,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda private: private.reveal(), return_schema=value
            ),
        )
