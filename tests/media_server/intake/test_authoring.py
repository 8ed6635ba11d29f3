"""What an author can get wrong: each mistake alone, in a questionnaire that is sound otherwise."""

from typing import Any

import pytest

from media_server.intake import BadQuestionnaire, check_questionnaire, parse_questionnaire
from media_server.intake.questionnaire import ExtensionUrl
from tests.media_server.intake.builders import (
    Json,
    a_group,
    a_question,
    a_questionnaire,
    a_questionnaire_document,
    coding,
    extension,
    options,
    told,
    when,
)

YES = a_question("yes", "boolean")
COLOUR = a_question("colour", "choice", answerOption=options("red", "blue"))
AGE = a_question("age", "integer")
DISPLAY = {"linkId": "d", "type": "display", "text": "Hello"}


def after(*conditions: Json, **changed: Any) -> Json:
    return a_question("q", enableWhen=list(conditions), **changed)


def test_a_sound_questionnaire_has_no_faults() -> None:
    asked = a_questionnaire(
        DISPLAY,
        YES,
        COLOUR,
        AGE,
        a_group(
            "g",
            a_question("t", "text", maxLength=9, initial=[{"valueString": "hi"}]),
            enableWhen=[when("yes", "=", answerBoolean=True), when("age", ">=", answerDecimal=17.5)],
            enableBehavior="all",
        ),
        a_question("when", "date", extension=[extension(ExtensionUrl.MIN_VALUE, valueDate="2020")]),
    )
    assert check_questionnaire(asked) == ()


MISTAKES = {
    "duplicate-link-id": [a_group("g", a_question("q")), a_question("q")],
    "empty-group": [{"linkId": "q", "type": "group"}],
    "nested-in-display": [{"linkId": "q", "type": "display", "text": "Hi", "item": [a_question("inner")]}],
    "missing-element": [{"linkId": "q", "type": "string"}],
    "no-options": [a_question("q", "choice")],
    "duplicate-option": [a_question("q", "choice", answerOption=options("a", "b", "a"))],
    "option-of-other-type": [
        a_question("q", "choice", answerOption=[*options("a"), {"valueInteger": 1}]),
    ],
    "too-many-initial-values": [a_question("q", initial=[{"valueString": "a"}, {"valueString": "b"}])],
    "bad-initial-value": [a_question("q", "integer", initial=[{"valueString": "a"}])],
    "unknown-extension": [a_question("q", extension=[{"url": "urn:unheard-of", "valueInteger": 1}])],
    "unreachable-limits": [
        a_question(
            "q",
            "integer",
            extension=[
                extension(ExtensionUrl.MIN_VALUE, valueInteger=2),
                extension(ExtensionUrl.MAX_VALUE, valueInteger=1),
            ],
        )
    ],
    "condition-on-unknown": [after(when("nowhere", "exists", answerBoolean=True))],
    "condition-on-later": [after(when("yes", "exists", answerBoolean=True)), YES],
    "condition-on-itself": [after(when("q", "exists", answerBoolean=True))],
    "condition-on-no-question": [DISPLAY, after(when("d", "exists", answerBoolean=True))],
    "condition-into-repeated": [
        a_group("g", YES, repeats=True),
        after(when("yes", "=", answerBoolean=True)),
    ],
    "condition-of-other-type": [YES, after(when("yes", "=", answerString="true"))],
    "condition-never-true": [COLOUR, after(when("colour", "=", answerCoding=coding("green")))],
    "operator-not-for-this-type": [COLOUR, after(when("colour", ">", answerCoding=coding("red")))],
    "no-enable-behavior": [
        YES,
        after(when("yes", "=", answerBoolean=True), when("yes", "exists", answerBoolean=True)),
    ],
}


@pytest.mark.parametrize("code", MISTAKES)
def test_one_mistake_is_one_fault_at_the_item(code: str) -> None:
    assert told(check_questionnaire(a_questionnaire(*MISTAKES[code]))) == [("q", code)]


MEANINGLESS: dict[str, Json] = {
    "a display that is required": {**DISPLAY, "linkId": "q", "required": True},
    "a display that has a code": {**DISPLAY, "linkId": "q", "code": [coding("c")]},
    "a group with an initial value": a_group("q", a_question("a"), initial=[{"valueString": "a"}]),
    "options on a text": a_question("q", answerOption=[{"valueString": "a"}]),
    "a length of a number": a_question("q", "integer", maxLength=3),
    "a least value of a text": a_question("q", extension=[extension(ExtensionUrl.MIN_VALUE, valueInteger=1)]),
    "a least date of a number": a_question(
        "q", "integer", extension=[extension(ExtensionUrl.MIN_VALUE, valueDate="2020")]
    ),
    "decimal places of an integer": a_question(
        "q", "integer", extension=[extension(ExtensionUrl.MAX_DECIMAL_PLACES, valueInteger=1)]
    ),
    "an exclusive question": a_question(
        "q", "boolean", extension=[extension(ExtensionUrl.OPTION_EXCLUSIVE, valueBoolean=True)]
    ),
}


@pytest.mark.parametrize("what", MEANINGLESS)
def test_what_has_no_meaning_where_it_stands_is_a_fault(what: str) -> None:
    assert told(check_questionnaire(a_questionnaire(MEANINGLESS[what]))) == [("q", "not-for-this-type")]


@pytest.mark.parametrize("conditions", [1, 2, 50])
def test_a_circle_of_conditions_is_found(conditions: int) -> None:
    items = [
        a_question(f"q{n}", enableWhen=[when(f"q{(n + 1) % conditions}", "exists", answerBoolean=True)])
        for n in range(conditions)
    ]
    codes = {fault.code.value for fault in check_questionnaire(a_questionnaire(*items))}
    assert codes & {"condition-on-later", "condition-on-itself"}


def test_several_mistakes_are_all_told_with_where_they_are() -> None:
    asked = a_questionnaire(a_group("g", a_question("a", "choice")), a_question("a", maxLength=2))
    found = [(fault.path, fault.code.value) for fault in check_questionnaire(asked)]
    assert found == [("item[0].item[0]", "no-options"), ("item[1]", "duplicate-link-id")]


UNSUPPORTED: list[Json] = [
    a_question("q", "reference"),
    a_question("q", "question"),
    a_question("q", answerValueSet="http://example.org/ValueSet/x"),
    a_question("q", modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
    a_question("q", maxLength=0),
    a_question("q", required="true"),
    a_question("q", enableWhen=[when("a", "~", answerBoolean=True)]),
    a_question("q", enableWhen=[{"question": "a", "operator": "="}]),
    a_question("q", "choice", answerOption=[{"valueCoding": coding("a"), "valueInteger": 1}]),
    {"type": "string", "text": "No linkId"},
]


@pytest.mark.parametrize("item", UNSUPPORTED)
def test_what_is_not_supported_is_refused_instead_of_passed_over(item: Json) -> None:
    with pytest.raises(BadQuestionnaire) as refused:
        parse_questionnaire(a_questionnaire_document(a_question("a", "boolean"), item))
    assert all(fault.path.startswith("item[1]") for fault in refused.value.faults)
