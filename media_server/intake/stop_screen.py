"""The fixed screen that follows any alarm sign: 112 first. The same for every sign, since it judges
nothing.
"""

from dataclasses import dataclass

from media_server.languages import Language, packaged_texts

_NUMBERS = ("112", "1733", "070 245 245", "1813", "0800 32 123")
_TEXTS = packaged_texts(__package__, "stop")


@dataclass(frozen=True, slots=True)
class EmergencyNumber:
    """`number`: as printed; `uri`: to dial it (RFC 3966); `label`: who answers, in the screen's language."""

    number: str
    uri: str
    label: str


@dataclass(frozen=True, slots=True)
class StopScreen:
    """`call`, `back` and `go_on` are the three ways out; `recorded` is said of going on."""

    language: Language
    title: str
    lead: str
    numbers: tuple[EmergencyNumber, ...]
    call: str
    back: str
    go_on: str
    recorded: str


def stop_screen(language: Language) -> StopScreen:
    texts = _TEXTS[language]
    numbers = tuple(
        EmergencyNumber(number, "tel:" + number.replace(" ", ""), texts[number]) for number in _NUMBERS
    )
    return StopScreen(
        language,
        texts["title"],
        texts["lead"],
        numbers,
        texts["call"],
        texts["back"],
        texts["continue"],
        texts["recorded"],
    )
