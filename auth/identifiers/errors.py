"""What is wrong with a number that somebody typed or a provider sent."""

from enum import Enum

from auth.errors import AuthError


class IdentifierFault(Enum):
    """Why a number is none: a closed set, fit for an `errors[].code` of HTTP and for a line of an import."""

    FORMAT = "format"
    CHECK_DIGITS = "check-digits"
    DATE = "date"
    SEQUENCE = "sequence"
    PROFESSION = "profession"
    UNION = "union"


class BadIdentifier(AuthError, ValueError):
    """A number that its register cannot have given out. The text says what is wrong and never quotes it."""

    def __init__(self, fault: IdentifierFault, text: str) -> None:
        super().__init__(text)
        self.fault = fault
