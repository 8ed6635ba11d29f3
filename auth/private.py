"""A value about a person that must not reach a log, an error text or a debugger's print by accident."""

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Private(Generic[T]):
    """Holds a value and shows `<private>`; `reveal` is the one way to it, so that a search finds each use."""

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
        return hash(("private", self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private value is not pickled")
