"""Whatever is sent, the answer is a list of faults: never a crash, never a long wait."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_server.intake import (
    BadQuestionnaire,
    BadResponse,
    Language,
    check_questionnaire,
    check_response,
    parse_questionnaire,
    parse_response,
    questionnaire,
    red_flags,
)
from media_server.intake.questionnaire import ExtensionUrl, ItemType
from tests.media_server.intake.builders import (
    Json,
    a_question,
    a_questionnaire,
    a_response,
    an_intake,
    answered,
    extension,
    when,
)

BASIC = questionnaire(Language.EN)
TEXT = a_questionnaire(a_question("q", "text"), a_question("n", "decimal"), a_question("i", "integer"))


def codes(response: object) -> list[str]:
    return [fault.code.value for fault in check_response(TEXT, response, complete=True)]


def nested(depth: int) -> str:
    inner = '{"linkId": "q", "item": [' * depth + "]}" * depth
    return json.dumps(a_response()).removesuffix("]}") + inner + "]}"


@pytest.mark.parametrize("depth", [30, 1_000, 2_000])
def test_deep_nesting_is_too_deep(depth: int) -> None:
    assert codes(nested(depth)) == ["too-deep"]


def test_what_is_nested_deeper_than_a_parser_goes_is_refused() -> None:
    assert codes("[" * 60_000) in (["too-deep"], ["not-json"])
    assert codes("[" * 100_000) == ["too-large"]
    itself: dict[str, Any] = {}
    itself["item"] = [itself, itself]
    assert codes(itself) == ["too-deep"]


@pytest.mark.parametrize(
    "document",
    [
        b"\xff\xfe",
        b"",
        "",
        "null",
        "[]",
        "7",
        '"text"',
        "{",
        "nan",
        None,
        7,
        [],
        object(),
        {1: 2},
        {"resourceType": b"QuestionnaireResponse"},
        "9" * 5_000,
        '{"a":' * 100 + "1" + "}" * 100,
    ],
)
def test_what_is_no_response_is_a_fault(document: object) -> None:
    (code,) = codes(document)
    assert code in ("not-json", "wrong-type", "too-deep")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "1e308", "9" * 30, "0." + "1" * 40]
)
def test_numbers_that_no_answer_can_be_are_refused(number: str) -> None:
    document = json.dumps(a_response(answered("n", {"valueDecimal": 0})))
    assert codes(document.replace('Decimal": 0', f'Decimal": {number}')) == ["bad-number"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1.0", "2147483648", "9" * 30])
def test_integers_have_32_bits_and_no_point(number: str) -> None:
    document = json.dumps(a_response(answered("i", {"valueInteger": 0})))
    found = codes(document.replace('Integer": 0', f'Integer": {number}'))
    assert found in (["bad-number"], ["wrong-type"])


@pytest.mark.parametrize("text", ["", " \n", "a\x00b", "\x1b[31m", "\ud800", "a\x85b", "\udfff\ud800"])
def test_texts_that_cannot_be_stored_everywhere_are_refused(text: str) -> None:
    found = codes(a_response(answered("q", {"valueString": text})))
    assert found in (["bad-text"], ["wrong-type"])
    assert codes(json.dumps(a_response(answered("q", {"valueString": text})))) == found


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"valueString": None},
        {"valueString": "a", "valueInteger": 1},
        {"valueBoolean": "true"},
        {"valueInteger": True},
        {"valueInteger": 1.0},
        {"valueInteger": 2**31},
        {"valueDecimal": "38"},
        {"valueDecimal": True},
        {"valueDate": "2026-02-30"},
        {"valueDate": "2026-1-1"},
        {"valueDate": "٢٠٢٦"},
        {"valueDateTime": "2026-02-28T24:00:00Z"},
        {"valueDateTime": "2026-02-28T12:00:00"},
        {"valueDateTime": "0001-01-01T00:00:00+99:00"},
        {"valueTime": "25:00:00"},
        {"valueUri": "has space"},
        {"valueCoding": {"system": "urn:x"}},
        {"valueCoding": "red"},
        {"valueQuantity": {"unit": "kg"}},
        {"valueAttachment": {"contentType": "image/png", "data": "aGk="}},
        {"valueReference": {"reference": "Patient/1"}},
        {"valueString": "a", "extension": [{"url": "urn:x"}]},
    ],
)
def test_answers_that_fhir_does_not_know_are_refused_at_their_place(answer: Json) -> None:
    faults = check_response(TEXT, a_response(answered("q", answer)), complete=True)
    assert faults
    assert all(fault.path.startswith("item[0].answer[0]") and fault.link_id == "q" for fault in faults)


# --- Whatever it is ---

NAMES = (
    "resourceType questionnaire status item answer linkId text language valueString valueInteger "
    "valueDecimal valueDate valueCoding system code authored subject"
)
KEYS = st.sampled_from(NAMES.split()) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["completed", "in-progress", "q", "reason.words", "alarm.now", "QuestionnaireResponse"])
    | st.sampled_from(["2026-02-29", "2026-11-23T15:43:20Z", "23:59:60", "0000", "9999-12-31"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
LINK_IDS = st.sampled_from(
    ["reason", "reason.words", "reason.category", "alarm", "alarm.now", "symptom", "x"]
)


@settings(max_examples=100, deadline=None)
@given(JSON | st.text() | st.binary())
def test_anything_at_all_is_answered_with_faults(document: object) -> None:
    assert check_response(BASIC, document, complete=True)


ITEMS = st.recursive(
    st.fixed_dictionaries({"linkId": LINK_IDS}, optional={"answer": st.lists(JSON, max_size=3)}),
    lambda inner: st.fixed_dictionaries(
        {"linkId": LINK_IDS},
        optional={
            "item": st.lists(inner, max_size=4),
            "answer": st.lists(
                st.fixed_dictionaries(
                    {"valueString": st.text(max_size=9)}, optional={"item": st.lists(inner)}
                ),
                max_size=2,
            ),
        },
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ITEMS, max_size=6), st.booleans())
def test_anything_in_the_shape_of_a_response_is_answered(items: list[Json], complete: bool) -> None:
    document = {**a_response(*items), "questionnaire": BASIC.canonical}
    faults = check_response(BASIC, document, complete=complete)
    assert complete is False or faults
    with suppress(BadResponse):
        red_flags(BASIC, parse_response(document))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_good_response_with_one_part_exchanged_is_answered(data: st.DataObject) -> None:
    document = json.loads(INTAKE)
    places: list[tuple[Any, Any]] = []
    holders: list[Any] = [document]
    while holders:
        holder = holders.pop()
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        places += [(holder, key) for key in keys]
        holders += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON)
    check_response(BASIC, document, complete=True)


INTAKE = json.dumps(an_intake("stomach", optional=True))

TYPES = st.sampled_from([type.value for type in ItemType])
ONE_VALUE = (
    st.tuples(st.just("Boolean"), st.booleans())
    | st.tuples(st.just("Integer"), st.integers(-9, 9))
    | st.tuples(st.just("Date"), st.sampled_from(["2026", "2026-11-23"]))
    | st.tuples(st.just("String"), st.sampled_from(["x", "y"]))
)
CONDITIONS = st.builds(
    lambda question, operator, value: when(question, operator, **{f"answer{value[0]}": value[1]}),
    LINK_IDS,
    st.sampled_from(["exists", "=", "!=", ">", "<", ">=", "<="]),
    ONE_VALUE,
)
INITIAL = ONE_VALUE.map(lambda value: {f"value{value[0]}": value[1]})
OPTIONS = INITIAL.filter(lambda option: "valueBoolean" not in option)
EXTENSIONS = st.builds(lambda url, value: extension(url, **value), st.sampled_from(ExtensionUrl), INITIAL)
QUESTIONS = st.recursive(
    st.fixed_dictionaries({"linkId": LINK_IDS, "type": TYPES}),
    lambda inner: st.fixed_dictionaries(
        {"linkId": LINK_IDS, "type": TYPES},
        optional={
            "text": st.just("?"),
            "enableWhen": st.lists(CONDITIONS, max_size=3),
            "enableBehavior": st.sampled_from(["any", "all"]),
            "required": st.booleans(),
            "repeats": st.booleans(),
            "readOnly": st.booleans(),
            "answerOption": st.lists(OPTIONS, max_size=3),
            "initial": st.lists(INITIAL, max_size=2),
            "extension": st.lists(EXTENSIONS, max_size=3),
            "item": st.lists(inner, max_size=4),
        },
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(QUESTIONS, max_size=5), st.lists(ITEMS, max_size=5))
def test_any_questionnaire_is_judged_and_can_be_held_against_any_response(
    questions: list[Json], items: list[Json]
) -> None:
    """Circles of conditions, the same linkId everywhere, conditions on groups: found, and harmless."""
    document = {"resourceType": "Questionnaire", "url": "urn:x", "version": "1", "status": "draft"}
    with suppress(BadQuestionnaire):
        asked = parse_questionnaire({**document, "item": questions})
        check_questionnaire(asked)
        check_response(asked, {**a_response(*items), "questionnaire": "urn:x|1"}, complete=True)
