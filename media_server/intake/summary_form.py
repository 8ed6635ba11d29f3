"""The form of a summary: sections of lines. What is written into them is `summarise`'s to say."""

import json
import re
import unicodedata
from dataclasses import dataclass, field

# What would let a patient's text reach out of its line on a screen: overrides and isolates of the direction
# of writing. They are left out; everything that can be seen stays as it was typed.
_REACHES_OUT = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Line:
    """`quoted`: `value` is what the patient wrote, word for word, in `language` (BCP 47) when that is known.
    Everything else is in the summary's language.
    """

    label: str
    value: str = field(repr=False)
    quoted: bool = False
    language: str | None = None
    language_name: str | None = None

    def as_json(self) -> dict[str, str | bool | None]:
        return {
            "label": self.label,
            "value": self.value,
            "quoted": self.quoted,
            "language": self.language,
        }

    def text(self) -> str:
        """A quotation stands alone, each of its lines behind a bar: no text that somebody typed can look
        like a line of ours.
        """
        if not self.quoted:
            return f"  {self.label}: {self.value}\n"
        name = "" if self.language_name is None else f" ({self.language_name})"
        return f"  {self.label}{name}:\n" + "".join(f"    | {part}\n" for part in _BREAKS.split(self.value))


@dataclass(frozen=True, slots=True)
class Section:
    """`key`: identity, reason, history, alarm, background, expectation or record."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Seven sections, always all of them and in the same order. `language`: BCP 47."""

    language: str
    title: str
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "language": self.language,
            "title": self.title,
            "sections": [
                {
                    "key": section.key,
                    "title": section.title,
                    "lines": [line.as_json() for line in section.lines],
                }
                for section in self.sections
            ],
        }

    def encoded(self) -> bytes:
        """Canonical JSON: keys sorted, no spaces, UTF-8 unescaped."""
        return json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8"
        )

    def text(self) -> str:
        """For people and printers; ends with a line end."""
        parts = [f"{self.title}\n"]
        for section in self.sections:
            parts += [f"\n{section.title}\n", *(line.text() for line in section.lines)]
        return "".join(parts)


def words_as_typed(text: str) -> str:
    return _REACHES_OUT.sub("", text)


def in_one_line(text: str) -> str:
    """For names and places that come from elsewhere: control characters and runs of space become one
    space.
    """
    visible = "".join(" " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign for sign in text)
    return " ".join(_REACHES_OUT.sub("", visible).split())
