"""Text about a person: bounded, without control characters, and never shown by accident.

It is held as `Private`, so that no log, error or print of the model quotes it.
"""

import re
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

import auth
from signalling import Private

LINE: Final = 200
PARAGRAPH: Final = 2_000
PAGE: Final = 10_000
"""The most characters of each."""

# What XML, and so XHTML, has no place for (XML 1.0 §2.2), and the control characters that it merely
# discourages. Halves of surrogate pairs were refused by then.
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff"
_BREAKS = r"\t\n\r\u2028\u2029"


def _opened(value: object) -> object:
    # What comes wrapped is held to the same bounds as what comes bare. There are two wrappers, because auth
    # and signalling do not know each other.
    return value.reveal() if isinstance(value, Private | auth.Private) else value


def _plain_breaks(value: object) -> object:
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def _without(characters: str) -> AfterValidator:
    pattern = re.compile(f"[{characters}]")

    def check(text: str) -> str:
        if pattern.search(text):
            raise ValueError("holds a control character or a line break that has no place here")
        return text

    return AfterValidator(check)


def _described(characters: str) -> object:
    # For JSON Schema: only allowed characters, and one at least that is no white space.
    return Field(json_schema_extra={"pattern": f"^[^{characters}]*[^\\s{characters}][^{characters}]*$"})


def _size(most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most)


OPENED: Final = BeforeValidator(_opened)

_Line = Annotated[str, _size(LINE), _without(_CONTROLS + _BREAKS), _described(_CONTROLS + _BREAKS)]
_Paragraph = Annotated[
    str, _size(PARAGRAPH), _without(_CONTROLS), BeforeValidator(_plain_breaks), _described(_CONTROLS)
]
_Page = Annotated[
    str, _size(PAGE), _without(_CONTROLS), BeforeValidator(_plain_breaks), _described(_CONTROLS)
]

Line = Annotated[Private[_Line], OPENED]
"""One line of 1 to 200 characters."""
Paragraph = Annotated[Private[_Paragraph], OPENED]
"""Up to 2,000 characters, with line breaks."""
Page = Annotated[Private[_Page], OPENED]
"""Up to 10,000 characters, with line breaks."""
Day = Annotated[Private[date], OPENED]
"""A date about a person: of birth."""
ElevenDigits = Annotated[Private[Annotated[str, Field(pattern=r"^[0-9]{11}$")]], OPENED]
"""A national or RIZIV/INAMI number by its form; whether it can be one was checked where it came in."""
