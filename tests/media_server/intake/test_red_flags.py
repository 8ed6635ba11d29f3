"""Alarm signs and the screen that follows them: what was said, nothing weighed, and 112 first."""

import re
from typing import Any

import pytest

from media_server.intake import (
    Language,
    RedFlag,
    icpc2_suggestions,
    parse_response,
    questionnaire,
    red_flags,
    stop_screen,
)
from media_server.intake.primary_care import CATEGORY, RED_FLAG
from media_server.intake.questionnaire import all_items
from media_server.intake.values import Coding
from tests.media_server.intake.builders import (
    Json,
    a_flag,
    a_question,
    a_questionnaire,
    a_response,
    an_intake,
    answered,
    when,
)

ASKED = questionnaire(Language.EN)


def flags(document: Json) -> tuple[RedFlag, ...]:
    return red_flags(ASKED, parse_response(document))


def test_none_of_these_and_no_raise_nothing() -> None:
    assert flags(an_intake()) == ()


def test_each_sign_raises_its_own_flag_alone() -> None:
    signs = {
        (item.link_id, option.value.content.code)
        for item in all_items(ASKED.item)
        if item.link_id.startswith("alarm.")
        for option in item.answer_option
        if isinstance(option.value.content, Coding) and not option.exclusive
    }
    assert len(signs) == 15
    for link_id, code in signs:
        raised: dict[str, Any] = {link_id.replace(".", "__"): a_flag(code)}
        document = an_intake(**raised)
        assert flags(document) == (RedFlag(link_id, code),)
    assert flags(an_intake(alarm__self_harm={"valueBoolean": True})) == (
        RedFlag("alarm.self-harm", "self-harm"),
    )


def test_several_come_in_the_order_of_the_questionnaire() -> None:
    document = an_intake(
        alarm__self_harm={"valueBoolean": True}, alarm__now=[a_flag("vision-loss"), a_flag("chest-pain")]
    )
    assert [flag.code for flag in flags(document)] == ["chest-pain", "vision-loss", "self-harm"]


def test_a_response_in_progress_is_read_as_far_as_it_goes() -> None:
    document = an_intake(alarm__now=a_flag("chest-pain"))
    begun = {**document, "status": "in-progress", "item": document["item"][:2]}
    begun["item"][1]["item"] = begun["item"][1]["item"][:1]
    assert [flag.code for flag in flags(begun)] == ["chest-pain"]


def test_an_answer_to_what_is_not_asked_raises_nothing() -> None:
    sign = {"system": RED_FLAG, "code": "sign"}
    asked = a_questionnaire(
        a_question("a", "boolean"),
        a_question("b", "boolean", code=[sign], enableWhen=[when("a", "=", answerBoolean=True)]),
    )
    raised = answered("b", {"valueBoolean": True})
    for said, expected in ((True, (RedFlag("b", "sign"),)), (False, ())):
        response = parse_response(a_response(answered("a", {"valueBoolean": said}), raised))
        assert red_flags(asked, response) == expected


def test_the_language_that_was_read_makes_no_difference() -> None:
    response = parse_response(an_intake(alarm__event=a_flag("fainted")))
    assert {red_flags(questionnaire(language), response) for language in Language} == {
        (RedFlag("alarm.event", "fainted"),)
    }


@pytest.mark.parametrize("language", list(Language))
def test_the_stop_screen_is_fixed_and_begins_with_112(language: Language) -> None:
    screen = stop_screen(language)
    assert [number.number for number in screen.numbers] == [
        "112",
        "1733",
        "070 245 245",
        "1813",
        "0800 32 123",
    ]
    assert [number.uri for number in screen.numbers] == [
        "tel:112",
        "tel:1733",
        "tel:070245245",
        "tel:1813",
        "tel:080032123",
    ]
    assert "112" in screen.lead
    assert "112" in screen.call
    assert all(re.search(r"\w", text) for text in (screen.title, screen.back, screen.go_on, screen.recorded))


def test_a_doctor_gets_codes_to_pick_from_for_every_category_and_none_for_anything_else() -> None:
    asked = next(item for item in all_items(ASKED.item) if item.link_id == CATEGORY)
    for option in asked.answer_option:
        assert isinstance(option.value.content, Coding)
        for language in Language:
            found = icpc2_suggestions(option.value.content.code, language)
            assert found
            assert all(re.fullmatch(r"[ABDFHKLNPRSTUWXYZ]\d\d", entry.code) and entry.name for entry in found)
    assert icpc2_suggestions("no-category", Language.EN) == ()
    assert [entry.code for entry in icpc2_suggestions("fever", Language.NL)] == ["A03", "A05", "A04"]
