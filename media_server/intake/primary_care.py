"""The basic primary-care questionnaire, in four languages: one structure, one file of texts for each
language.

A text's key is the item's linkId; `linkId/label` is what the summary for the doctor calls it,
`linkId/format` the example in an empty field, and `linkId=code` the name of an option. What is asked, and
the list of alarm signs, has to be approved by a doctor; whoever changes a word of it changes `version`.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from media_server.intake.authoring import check_questionnaire
from media_server.intake.errors import BadQuestionnaire
from media_server.intake.questionnaire import ExtensionUrl, Questionnaire
from media_server.intake.reading import parse_questionnaire
from media_server.languages import Language, Texts, packaged_texts

_NAME = "primary-care"
_SYSTEMS = "https://teleconsult.example/fhir/CodeSystem/"
INTAKE_ANSWER = _SYSTEMS + "intake-answer"
RED_FLAG = _SYSTEMS + "red-flag"
SUMMARY_SECTION = _SYSTEMS + "summary-section"

CATEGORY = "reason.category"
"""The linkId of the category that the patient chooses."""
WORDS = "reason.words"
"""The linkId of what the patient writes about why they call."""


@cache
def questionnaire(language: Language) -> Questionnaire:
    """The complete questionnaire in one language. The versions in all languages differ in their texts
    alone. Put together when it is first asked for; that it can be asked is checked by tests.
    """
    return _put_together(_structure(), _texts()[language], language)


def translated(structure: Mapping[str, Any], texts: Texts, language: Language) -> Questionnaire:
    """Puts the texts into the structure. Raises ValueError when a text is missing or left over, and
    BadQuestionnaire when the outcome cannot be asked.
    """
    asked = _put_together(structure, texts, language)
    faults = check_questionnaire(asked)
    if faults:
        raise BadQuestionnaire(faults)
    return asked


def _put_together(structure: Mapping[str, Any], texts: Texts, language: Language) -> Questionnaire:
    left = dict(texts)
    document = {
        **structure,
        "language": language.value,
        "title": _taken(left, "title"),
        "description": _taken(left, "description"),
        "item": [_translated_item(item, left) for item in structure["item"]],
    }
    if left:
        raise ValueError(f"texts that nothing asks for: {', '.join(sorted(left))}")
    return parse_questionnaire(document)


def _translated_item(item: Mapping[str, Any], left: dict[str, str]) -> dict[str, Any]:
    link_id = item["linkId"]
    found = {**item, "text": _taken(left, link_id)}
    if "code" in item:
        found["code"] = [
            {**code, "display": _taken(left, f"{link_id}/label")}
            if code["system"] == SUMMARY_SECTION
            else code
            for code in item["code"]
        ]
    if "answerOption" in item:
        found["answerOption"] = [_translated_option(option, link_id, left) for option in item["answerOption"]]
    if "extension" in item:
        found["extension"] = [
            {**extension, "valueString": _taken(left, f"{link_id}/format")}
            if extension["url"] == ExtensionUrl.ENTRY_FORMAT.value
            else extension
            for extension in item["extension"]
        ]
    if "item" in item:
        found["item"] = [_translated_item(child, left) for child in item["item"]]
    return found


def _translated_option(option: Mapping[str, Any], link_id: str, left: dict[str, str]) -> dict[str, Any]:
    coding = option["valueCoding"]
    return {**option, "valueCoding": {**coding, "display": _taken(left, f"{link_id}={coding['code']}")}}


def _taken(left: dict[str, str], key: str) -> str:
    try:
        return left.pop(key)
    except KeyError:
        raise ValueError(f"no text for {key}") from None


@cache
def _structure() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(
        files(__package__).joinpath("texts", f"{_NAME}.json").read_text("utf-8")
    )
    return found


@cache
def _texts() -> Mapping[Language, Texts]:
    return packaged_texts(__package__, _NAME)
