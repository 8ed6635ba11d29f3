"""ICPC-2 codes that a doctor may pick from for each category that a patient can choose. Data only: nothing
here or elsewhere assigns a code to a patient, and the order says nothing.

Codes as in Belgium's KMEHR table for ICPC version 2; -50, -60 and -62 are its process codes, under chapter A.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from media_server.intake.primary_care import CATEGORY, questionnaire
from media_server.intake.questionnaire import all_items
from media_server.intake.values import Coding
from media_server.languages import Language, Texts, packaged_texts


@dataclass(frozen=True, slots=True)
class CodeSuggestion:
    """`name` is a short one of our own in the doctor's language, not the classification's official title."""

    code: str
    name: str


def icpc2_suggestions(category: str, language: Language) -> tuple[CodeSuggestion, ...]:
    """For a code of the category question; none for what is no category."""
    return tuple(CodeSuggestion(code, _names()[language][code]) for code in _codes().get(category, ()))


@cache
def _names() -> Mapping[Language, Texts]:
    return packaged_texts(__package__, "icpc2")


@cache
def _codes() -> dict[str, tuple[str, ...]]:
    """Raises ValueError when the categories are not those of the questionnaire, or a code has no name."""
    found = json.loads(files(__package__).joinpath("texts", "icpc2.json").read_text("utf-8"))
    asked = next(item for item in all_items(questionnaire(Language.EN).item) if item.link_id == CATEGORY)
    contents = (option.value.content for option in asked.answer_option)
    if set(found) != {content.code for content in contents if isinstance(content, Coding)}:
        raise ValueError("the ICPC-2 table and the questionnaire have different categories")
    if {code for codes in found.values() for code in codes} != set(_names()[Language.EN]):
        raise ValueError("the ICPC-2 table and its names have different codes")
    return {category: tuple(codes) for category, codes in found.items()}
