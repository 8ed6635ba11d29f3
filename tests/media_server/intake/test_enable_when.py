"""Which questions are enabled: every operator on every type, any and all, nesting and repetition."""

from typing import Any

import pytest

from media_server.intake import check_questionnaire, parse_response
from media_server.intake.walking import Visit, walk
from tests.media_server.intake.builders import (
    Json,
    a_group,
    a_question,
    a_questionnaire,
    a_response,
    answered,
    coding,
    faults_of,
    options,
    when,
    within,
)

CELSIUS = {"system": "http://unitsofmeasure.org", "code": "Cel"}
FAHRENHEIT = {"system": "http://unitsofmeasure.org", "code": "[degF]"}


def enabled(asked: list[Json], *items: Json) -> list[str]:
    visits = walk(a_questionnaire(*asked), parse_response(a_response(*items)))
    return [visit.item.link_id for visit in visits if isinstance(visit, Visit) and visit.enabled]


def opens(type: str, operator: str, wanted: Json, given: Json | None, **changed: Any) -> bool:
    asked = [
        a_question("first", type, **changed),
        a_question("q", enableWhen=[when("first", operator, **wanted)]),
    ]
    return "q" in enabled(asked, *([answered("first", given)] if given is not None else []))


@pytest.mark.parametrize(
    ("operator", "below", "same", "above", "nothing"),
    [
        ("=", False, True, False, False),
        ("!=", True, False, True, True),
        (">", False, False, True, False),
        ("<", True, False, False, False),
        (">=", False, True, True, False),
        ("<=", True, True, False, False),
    ],
)
@pytest.mark.parametrize(
    ("type", "name", "values"),
    [
        ("integer", "Integer", (-1, 0, 1)),
        ("decimal", "Decimal", (36.9, 37, 37.1)),
        ("date", "Date", ("2026-02-28", "2026-03-01", "2026-03-02")),
        (
            "dateTime",
            "DateTime",
            ("2026-03-01T12:00:00+02:00", "2026-03-01T11:00:00Z", "2026-03-01T12:30:00+01:00"),
        ),
        ("time", "Time", ("08:59:59", "09:00:00", "09:00:00.5")),
        (
            "quantity",
            "Quantity",
            ({"value": 36, **CELSIUS}, {"value": 37.0, **CELSIUS}, {"value": 38, **CELSIUS}),
        ),
    ],
)
def test_numbers_times_and_quantities_are_compared(
    type: str,
    name: str,
    values: tuple[Any, Any, Any],
    operator: str,
    below: bool,
    same: bool,
    above: bool,
    nothing: bool,
) -> None:
    wanted = {f"answer{name}": values[1]}
    answers = [{f"value{name}": value} for value in values]
    assert [opens(type, operator, wanted, answer) for answer in [*answers, None]] == [
        below,
        same,
        above,
        nothing,
    ]


@pytest.mark.parametrize(
    ("type", "name", "same", "other"),
    [
        ("boolean", "Boolean", False, True),
        ("string", "String", "a", "A"),
        ("text", "String", "a", "a "),
    ],
)
def test_texts_and_truths_are_equal_or_not(type: str, name: str, same: object, other: object) -> None:
    wanted = {f"answer{name}": same}
    assert opens(type, "=", wanted, {f"value{name}": same})
    assert not opens(type, "=", wanted, {f"value{name}": other})
    assert not opens(type, "!=", wanted, {f"value{name}": same})
    assert opens(type, "!=", wanted, {f"value{name}": other})


def test_a_coding_is_its_system_and_code_whatever_it_is_called() -> None:
    wanted = {"answerCoding": coding("red")}
    called = {"valueCoding": {**coding("red"), "display": "Rot"}}
    elsewhere = {"valueCoding": coding("red", "urn:other")}
    choice: dict[str, Any] = {
        "type": "choice",
        "operator": "=",
        "wanted": wanted,
        "answerOption": options("red", "blue"),
    }
    assert opens(given=called, **choice)
    assert not opens(given=elsewhere, **choice)
    assert not opens(given={"valueCoding": coding("blue")}, **choice)


@pytest.mark.parametrize("there", [True, False])
def test_exists_asks_whether_there_is_an_answer(there: bool) -> None:
    answer = {"valueString": "x"} if there else None
    assert opens("string", "exists", {"answerBoolean": True}, answer) is there
    assert opens("string", "exists", {"answerBoolean": False}, answer) is not there


def test_what_cannot_be_compared_is_neither_less_nor_equal_nor_greater() -> None:
    year, warm = {"answerDate": "2026"}, {"answerQuantity": {"value": 37, **CELSIUS}}
    for operator in ("=", "<", ">", "<=", ">="):
        assert not opens("date", operator, year, {"valueDate": "2026-03-01"})
        assert not opens("quantity", operator, warm, {"valueQuantity": {"value": 37, **FAHRENHEIT}})
    assert opens("date", "<", year, {"valueDate": "2025-12-31"})


def test_one_of_several_answers_is_enough_but_not_equal_wants_none_equal() -> None:
    answers = answered("first", {"valueInteger": 1}, {"valueInteger": 5})
    first = a_question("first", "integer", repeats=True)

    def shown(operator: str, number: int) -> bool:
        asked = [first, a_question("q", enableWhen=[when("first", operator, answerInteger=number)])]
        return "q" in enabled(asked, answers)

    assert shown("=", 5)
    assert shown(">", 4)
    assert not shown("!=", 5)
    assert shown("!=", 3)


@pytest.mark.parametrize(
    ("behavior", "both", "one", "none"), [("any", True, True, False), ("all", True, False, False)]
)
def test_any_wants_one_condition_and_all_wants_every_one(
    behavior: str, both: bool, one: bool, none: bool
) -> None:
    conditions = [when("a", "=", answerBoolean=True), when("b", "=", answerBoolean=True)]
    asked = [
        a_question("a", "boolean"),
        a_question("b", "boolean"),
        a_question("q", enableWhen=conditions, enableBehavior=behavior),
    ]

    def shown(a: bool, b: bool) -> bool:
        return "q" in enabled(asked, answered("a", {"valueBoolean": a}), answered("b", {"valueBoolean": b}))

    assert (shown(True, True), shown(False, True), shown(False, False)) == (both, one, none)


def test_a_disabled_group_disables_all_that_is_in_it() -> None:
    asked = [
        a_question("a", "boolean"),
        a_group("g", a_group("h", a_question("q")), enableWhen=[when("a", "=", answerBoolean=True)]),
    ]
    assert enabled(asked, answered("a", {"valueBoolean": False})) == ["a"]
    assert enabled(asked, answered("a", {"valueBoolean": True})) == ["a", "g", "h", "q"]


def test_an_answer_to_a_disabled_question_opens_nothing() -> None:
    asked = [
        a_question("a", "boolean"),
        a_question("b", "boolean", enableWhen=[when("a", "=", answerBoolean=True)]),
        a_question("c", enableWhen=[when("b", "=", answerBoolean=True)]),
    ]
    sneaked = [answered("a", {"valueBoolean": False}), answered("b", {"valueBoolean": True})]
    assert enabled(asked, *sneaked) == ["a"]


def test_within_a_repeated_group_each_repetition_looks_at_its_own_answers() -> None:
    asked = [
        a_group(
            "child",
            a_question("ill", "boolean"),
            a_question("how", enableWhen=[when("ill", "=", answerBoolean=True)], required=True),
            repeats=True,
        )
    ]
    well, ill = answered("ill", {"valueBoolean": False}), answered("ill", {"valueBoolean": True})
    assert check_questionnaire(a_questionnaire(*asked)) == ()
    response = a_response(within("child", well), within("child", ill))
    found = faults_of(a_questionnaire(*asked), response)
    assert found == [("how", "required")]


def test_what_is_nested_in_a_question_is_asked_beneath_its_answer() -> None:
    asked = [
        a_question("a", "boolean", item=[a_question("why", enableWhen=[when("a", "=", answerBoolean=True)])])
    ]
    assert enabled(asked) == ["a"]
    assert enabled(asked, answered("a", {"valueBoolean": False})) == ["a"]
    assert enabled(asked, answered("a", {"valueBoolean": True})) == ["a", "why"]
    always = [a_question("a", "boolean", item=[a_question("why")])]
    assert enabled(always) == ["a"]
    assert enabled(always, answered("a", {"valueBoolean": False})) == ["a", "why"]


@pytest.mark.parametrize("length", [1, 2, 600])
def test_a_circle_of_conditions_opens_nothing_and_ends(length: int) -> None:
    asked = [
        a_question(f"q{n}", enableWhen=[when(f"q{(n + 1) % length}", "exists", answerBoolean=True)])
        for n in range(length)
    ]
    assert enabled(asked, *(answered(f"q{n}", {"valueString": "x"}) for n in range(length))) == []


def test_a_long_chain_of_conditions_is_followed_to_its_end() -> None:
    chained = [
        a_question(f"q{n}", enableWhen=[when(f"q{n - 1}", "exists", answerBoolean=True)])
        for n in range(1, 600)
    ]
    asked = [a_question("q0"), *chained]
    assert len(enabled(asked, *(answered(f"q{n}", {"valueString": "x"}) for n in range(600)))) == 600
