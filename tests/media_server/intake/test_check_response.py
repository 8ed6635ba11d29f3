"""What keeps a response from being taken: each rule alone, by linkId and code, and never with the answer."""

import json

import pytest

from media_server.intake import (
    RESPONSE_LIMITS,
    Language,
    Limits,
    accept_response,
    check_response,
    parse_response,
    questionnaire,
)
from media_server.intake.questionnaire import ExtensionUrl
from tests.media_server.intake.builders import (
    Json,
    a_group,
    a_question,
    a_questionnaire,
    a_response,
    an_intake,
    answered,
    coding,
    extension,
    faults_of,
    options,
    when,
    within,
)

NONE = {**options("none")[0], "extension": [extension(ExtensionUrl.OPTION_EXCLUSIVE, valueBoolean=True)]}

VALUES: dict[str, Json] = {
    "boolean": {"valueBoolean": False},
    "decimal": {"valueDecimal": 38.5},
    "integer": {"valueInteger": -3},
    "date": {"valueDate": "2026-11"},
    "dateTime": {"valueDateTime": "2026-11-23T15:43:20.5+01:00"},
    "time": {"valueTime": "15:43:20"},
    "string": {"valueString": "Mal à la tête 🤕"},
    "text": {"valueString": "two\nlines"},
    "url": {"valueUri": "https://example.org/a?b=c"},
    "attachment": {"valueAttachment": {"contentType": "image/jpeg", "url": "attachments/1", "size": 12}},
    "quantity": {"valueQuantity": {"value": 70, "unit": "kg"}},
}


@pytest.mark.parametrize("type", VALUES)
def test_a_question_takes_answers_of_its_own_type_and_no_other(type: str) -> None:
    asked = a_questionnaire(a_question("q", type))
    for other, value in VALUES.items():
        fits = next(iter(value)) == next(iter(VALUES[type]))
        expected = [] if fits else [("q", "wrong-answer-type")]
        assert faults_of(asked, a_response(answered("q", value))) == expected, other


def test_a_choice_takes_its_options_and_an_open_choice_a_text_besides() -> None:
    red, green, text = (
        {"valueCoding": coding("red")},
        {"valueCoding": coding("green")},
        {"valueString": "teal"},
    )
    for type, expected in (
        ("choice", [[], ["not-an-option"], ["wrong-answer-type"]]),
        ("open-choice", [[], ["not-an-option"], []]),
    ):
        asked = a_questionnaire(a_question("q", type, answerOption=options("red", "blue")))
        given = [faults_of(asked, a_response(answered("q", answer))) for answer in (red, green, text)]
        assert [[code for _, code in found] for found in given] == expected


def test_a_choice_of_numbers_takes_numbers() -> None:
    asked = a_questionnaire(
        a_question("q", "choice", answerOption=[{"valueInteger": 1}, {"valueInteger": 2}])
    )
    assert faults_of(asked, a_response(answered("q", {"valueInteger": 2}))) == []
    assert faults_of(asked, a_response(answered("q", {"valueInteger": 3}))) == [("q", "not-an-option")]


LIMITED: list[tuple[str, Json, Json, str, Json]] = [
    ("string", {"maxLength": 3}, {"valueString": "🤕🤕🤕"}, "too-long", {"valueString": "four"}),
    (
        "integer",
        {"extension": [extension(ExtensionUrl.MIN_VALUE, valueInteger=0)]},
        {"valueInteger": 0},
        "too-low",
        {"valueInteger": -1},
    ),
    (
        "decimal",
        {"extension": [extension(ExtensionUrl.MAX_VALUE, valueDecimal=45)]},
        {"valueDecimal": 45.0},
        "too-high",
        {"valueDecimal": 45.01},
    ),
    (
        "decimal",
        {"extension": [extension(ExtensionUrl.MAX_DECIMAL_PLACES, valueInteger=1)]},
        {"valueDecimal": 38.5},
        "too-precise",
        {"valueDecimal": 38.55},
    ),
    (
        "decimal",
        {"extension": [extension(ExtensionUrl.MAX_DECIMAL_PLACES, valueInteger=0)]},
        {"valueDecimal": 38.0},
        "too-precise",
        {"valueDecimal": 38.5},
    ),
    (
        "date",
        {"extension": [extension(ExtensionUrl.MAX_VALUE, valueDate="2026-11-23")]},
        {"valueDate": "2026-11-23"},
        "too-high",
        {"valueDate": "2026-12"},
    ),
    (
        "time",
        {"extension": [extension(ExtensionUrl.MIN_VALUE, valueTime="08:00:00")]},
        {"valueTime": "08:00:00"},
        "too-low",
        {"valueTime": "07:59:59.999"},
    ),
    (
        "quantity",
        {"extension": [extension(ExtensionUrl.UNIT, valueCoding=coding("kg", "http://unitsofmeasure.org"))]},
        {"valueQuantity": {"value": 70, "system": "http://unitsofmeasure.org", "code": "kg"}},
        "wrong-unit",
        {"valueQuantity": {"value": 70, "system": "http://unitsofmeasure.org", "code": "g"}},
    ),
]


@pytest.mark.parametrize(("type", "limit", "good", "code", "bad"), LIMITED)
def test_a_limit_lets_its_own_value_through_and_nothing_beyond(
    type: str, limit: Json, good: Json, code: str, bad: Json
) -> None:
    asked = a_questionnaire(a_question("q", type, **limit))
    assert faults_of(asked, a_response(answered("q", good))) == []
    assert faults_of(asked, a_response(answered("q", bad))) == [("q", code)]


WRONG: list[tuple[str, list[Json], list[Json]]] = [
    ("one-answer-only", [a_question("q")], [answered("q", {"valueString": "a"}, {"valueString": "b"})]),
    ("duplicate-item", [a_question("q")], [answered("q", {"valueString": "a"}), answered("q")]),
    (
        "not-a-question",
        [{"linkId": "q", "type": "display", "text": "Hi"}],
        [answered("q", {"valueString": "a"})],
    ),
    ("not-a-question", [a_group("q", a_question("a"))], [answered("q", {"valueString": "a"})]),
    (
        "read-only",
        [a_question("q", readOnly=True, initial=[{"valueString": "a"}])],
        [answered("q", {"valueString": "b"})],
    ),
    (
        "exclusive-option",
        [a_question("q", "choice", repeats=True, answerOption=[*options("red"), NONE])],
        [answered("q", {"valueCoding": coding("red")}, {"valueCoding": coding("none")})],
    ),
    (
        "same-answer-twice",
        [a_question("q", "choice", repeats=True, answerOption=options("red", "blue"))],
        [answered("q", {"valueCoding": coding("red")}, {"valueCoding": coding("red")})],
    ),
    (
        "not-enabled",
        [a_question("a", "boolean"), a_question("q", enableWhen=[when("a", "=", answerBoolean=True)])],
        [answered("a", {"valueBoolean": False}), answered("q", {"valueString": "x"})],
    ),
    ("unknown-link-id", [a_question("a")], [answered("q", {"valueString": "x"})]),
    ("misplaced", [a_group("g", a_question("q"))], [answered("q", {"valueString": "x"})]),
    ("misplaced", [a_question("a", item=[a_question("q")])], [{"linkId": "a", "item": [answered("q")]}]),
    ("required", [a_question("q", required=True)], []),
    ("required", [a_question("q", required=True)], [answered("q")]),
    ("required", [a_group("g", a_question("q", required=True), required=True)], []),
    ("required", [a_group("g", a_question("q", required=True))], [within("g")]),
    ("required", [a_group("q", a_question("a"), required=True)], []),
    (
        "required",
        [a_question("a", "boolean", item=[a_question("q", required=True)])],
        [answered("a", {"valueBoolean": True})],
    ),
]


@pytest.mark.parametrize(("code", "asked", "given"), WRONG)
def test_one_broken_rule_is_one_fault(code: str, asked: list[Json], given: list[Json]) -> None:
    assert faults_of(a_questionnaire(*asked), a_response(*given)) == [("q", code)]


RIGHT: dict[str, tuple[list[Json], list[Json]]] = {
    "the initial value of what may not be changed": (
        [a_question("q", readOnly=True, initial=[{"valueString": "a"}])],
        [answered("q", {"valueString": "a"})],
    ),
    "nothing in an optional group with a required question": (
        [a_group("g", a_question("q", required=True))],
        [],
    ),
    "nothing beneath a question without an answer": (
        [a_question("a", item=[a_question("q", required=True)])],
        [],
    ),
    "several repetitions": (
        [a_group("g", a_question("q"), repeats=True)],
        [within("g", answered("q", {"valueString": "a"})), within("g", answered("q", {"valueString": "b"}))],
    ),
    "a required group of which nothing is asked": (
        [
            a_question("a", "boolean"),
            a_group("g", a_question("q", enableWhen=[when("a", "=", answerBoolean=True)]), required=True),
        ],
        [answered("a", {"valueBoolean": False})],
    ),
    "a required question that is not asked": (
        [
            a_question("a", "boolean"),
            a_question("q", required=True, enableWhen=[when("a", "=", answerBoolean=True)]),
        ],
        [answered("a", {"valueBoolean": False})],
    ),
}


@pytest.mark.parametrize("what", RIGHT)
def test_it_is_right_to_give(what: str) -> None:
    asked, given = RIGHT[what]
    assert faults_of(a_questionnaire(*asked), a_response(*given)) == []


# --- In progress and completed ---


def test_one_in_progress_may_have_gaps_but_no_wrong_answers() -> None:
    asked = a_questionnaire(a_question("a", required=True), a_question("b", "integer"))
    right = a_response(answered("b", {"valueInteger": 1}), status="in-progress")
    wrong = a_response(answered("b", {"valueString": "x"}), status="in-progress")
    assert faults_of(asked, right, complete=False) == []
    assert faults_of(asked, wrong, complete=False) == [("b", "wrong-answer-type")]


def test_what_was_begun_is_read_again_and_completed() -> None:
    asked = a_questionnaire(a_question("a", required=True), a_question("b", "integer", required=True))
    begun = accept_response(
        asked, a_response(answered("a", {"valueString": "x"}), status="in-progress"), complete=False
    )
    again = json.loads(json.dumps(begun.to_fhir()))
    again["item"].append(answered("b", {"valueInteger": 1}))
    again["status"] = "completed"
    assert accept_response(asked, again, complete=True).to_fhir() == again


@pytest.mark.parametrize(
    ("status", "complete", "codes"),
    [
        ("in-progress", False, []),
        ("in-progress", True, ["not-completed", "required"]),
        ("completed", False, ["required"]),
        ("completed", True, ["required"]),
        ("amended", True, ["required"]),
        ("stopped", False, ["withdrawn"]),
        ("entered-in-error", False, ["withdrawn"]),
    ],
)
def test_a_status_says_how_much_has_to_be_there(status: str, complete: bool, codes: list[str]) -> None:
    asked = a_questionnaire(a_question("q", required=True))
    found = faults_of(asked, a_response(status=status), complete=complete)
    assert [code for _, code in found] == codes


def test_it_answers_this_questionnaire_in_this_version() -> None:
    asked = a_questionnaire(a_question("q"))
    for canonical, code in (
        ("https://elsewhere.example/Questionnaire|1", "wrong-questionnaire"),
        (f"{asked.url}|2", "wrong-version"),
        (asked.url, "wrong-version"),
    ):
        assert faults_of(asked, a_response(questionnaire=canonical)) == [(None, code)]


# --- Limits ---


def test_a_response_has_an_end() -> None:
    asked = a_questionnaire(a_question("q", repeats=True))
    small = Limits(bytes=2_000, depth=10, values=1_000, answers=3)

    def codes(response: Json, limits: Limits = small) -> list[str]:
        return [fault.code.value for fault in check_response(asked, response, complete=True, limits=limits)]

    three = a_response(answered("q", *[{"valueString": "a"}] * 3))
    four = a_response(answered("q", *[{"valueString": "a"}] * 4))
    assert codes(three) == []
    assert codes(four) == ["too-many-answers"]
    assert codes(a_response(answered("q", {"valueString": "a" * 2_000}))) == ["too-large"]
    assert codes(a_response(answered("q", *[{"valueString": "a"}] * 1_000))) == ["too-large"]
    deep: Json = answered("q")
    for _ in range(9):
        deep = {"linkId": "q", "item": [deep]}
    assert codes(a_response(deep)) == ["too-deep"]


def test_a_response_that_was_read_before_is_measured_again() -> None:
    asked = a_questionnaire(a_question("q"))
    response = parse_response(a_response(answered("q", {"valueString": "a" * 2_000})))
    tight = Limits(bytes=2_000, depth=10, values=1_000)
    found = check_response(asked, response, complete=True, limits=tight)
    assert [fault.code.value for fault in found] == ["too-large"]


def test_more_faults_than_anybody_reads_are_summed_up() -> None:
    asked = a_questionnaire(*(a_question(f"q{n}", required=True) for n in range(150)))
    found = check_response(asked, a_response(), complete=True)
    assert len(found) == RESPONSE_LIMITS.faults + 1
    assert found[-1].code.value == "too-many-faults"
    assert found[-1].sentence == "There are 50 more faults than told here."


def test_a_full_answer_to_our_own_questions_is_well_within_the_limits() -> None:
    longest = {"valueString": "€" * 280}
    document = an_intake("stomach", optional=True, reason__words=longest)
    assert faults_of(questionnaire(Language.EN), document) == []
    assert len(json.dumps(document)) < RESPONSE_LIMITS.bytes / 4
