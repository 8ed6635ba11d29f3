"""What a patient wrote reaches no fault, no error and no print, whatever is wrong with it."""

from typing import Any

import pytest

from media_server.intake import BadResponse, accept_response, parse_response
from tests.media_server.intake.builders import (
    a_question,
    a_questionnaire,
    a_response,
    answered,
    coding,
    options,
)

SECRET = "Ik heb griep en wil niet dat iemand het weet"

TELLTALE: list[Any] = [
    a_response(answered("q", {"valueInteger": SECRET})),
    a_response(answered("q", {"valueString": SECRET})),
    a_response(answered("n", {"valueString": SECRET})),
    a_response(answered("c", {"valueCoding": {"system": SECRET, "code": SECRET}})),
    a_response(answered("c", {"valueCoding": {"system": "urn:x", "code": SECRET, "display": SECRET}})),
    a_response(answered(SECRET, {"valueString": SECRET})),
    a_response({"linkId": "q", SECRET: SECRET}),
    a_response(answered("q", {"valueDate": SECRET})),
    a_response(status=SECRET),
    a_response(questionnaire=SECRET),
    {SECRET: SECRET},
    f'{{"resourceType": "{SECRET}',
]


@pytest.mark.parametrize("document", TELLTALE)
def test_no_fault_error_or_print_quotes_what_was_sent(document: Any) -> None:
    asked = a_questionnaire(
        a_question("q", "string", maxLength=5),
        a_question("n", "integer"),
        a_question("c", "choice", answerOption=options("red")),
    )
    with pytest.raises(BadResponse) as refused:
        accept_response(asked, document, complete=True)
    assert refused.value.faults
    assert SECRET not in repr(refused.value.faults) + str(refused.value) + repr(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


def test_a_response_is_not_shown_when_printed() -> None:
    response = parse_response(a_response(answered("q", {"valueString": SECRET})))
    answer = response.item[0].answer[0]
    shown = [response, response.item, answer, answer.value, [response], {"r": response}]
    assert SECRET not in " ".join(f"{value!r} {value!s}" for value in shown)


def test_what_a_client_repeats_of_the_questionnaire_is_dropped() -> None:
    given = a_response(
        {"linkId": "q", "text": SECRET, "answer": [{"valueCoding": {**coding("red"), "display": SECRET}}]}
    )
    kept = parse_response(given).to_fhir()
    assert kept == a_response(answered("q", {"valueCoding": coding("red")}))
