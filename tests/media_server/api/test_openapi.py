"""The OpenAPI document: valid as such, made of the endpoints that are served, and readable by them."""

from typing import Any

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from auth import Operation, Standing
from media_server.api import Answer, Call, Endpoint, Parameter, openapi_document
from media_server.endpoints.consent_endpoints import ConsentEndpoints
from media_server.endpoints.consultation_endpoints import ConsultationEndpoints
from media_server.endpoints.files import FileEndpoints
from media_server.endpoints.guest_endpoints import GuestEndpoints
from media_server.endpoints.intake_endpoints import IntakeEndpoints
from media_server.endpoints.me_endpoints import MeEndpoints
from media_server.endpoints.outcome_endpoints import OutcomeEndpoints
from media_server.endpoints.queue_endpoints import QueueEndpoints
from media_server.login.described import login_paths
from media_server.rate_limiting import LIMITED


def described() -> dict[str, Any]:
    """Of all endpoints that can be declared without a server."""
    nothing: Any = None
    parts = (MeEndpoints, IntakeEndpoints, ConsultationEndpoints, QueueEndpoints, FileEndpoints)
    endpoints = [endpoint for part in parts for endpoint in part(nothing).endpoints()]
    for more in (
        ConsentEndpoints(nothing, None),
        GuestEndpoints(nothing, nothing),
        OutcomeEndpoints(nothing, nothing),
    ):
        endpoints += more.endpoints()
    return openapi_document(endpoints, "1.2.3", login_paths())


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_each_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(references, part.values()))
        return set().union(*map(references, part)) if isinstance(part, list) else set()

    there = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= there


def test_what_may_come_too_often_says_so(document: dict[str, Any]) -> None:
    answers = {
        route: document["paths"][route[1].removeprefix("/v1")][route[0].lower()]["responses"]
        for route in LIMITED
    }
    assert [route for route, responses in answers.items() if "429" not in responses] == []


def test_each_operation_has_a_name_of_its_own_and_says_who_may(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    for operation in operations(document):
        assert set(operation["x-who"]) <= {standing.value for standing in Standing}
        assert operation["x-who"], operation["operationId"]
        open_to_all = "nobody" in operation["x-who"]
        assert (operation["security"] == [{}]) is open_to_all
        if operation["operationId"] != "logOut":  # refuses a Bearer token that is not good, and nobody else
            assert ("401" in operation["responses"]) is not open_to_all


def test_every_refusal_is_a_problem_document(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "4":
                assert set(answer["content"]) == {"application/problem+json"}


async def nothing(_call: Call[Any]) -> Answer:
    return Answer()


@pytest.mark.parametrize(
    ("method", "operation", "repeatable"),
    [
        ("GET", Operation.GET_ME, False),
        ("POST", Operation.CREATE_CONSULTATION, True),
        ("POST", Operation.ACCEPT_INVITATION, False),  # whoever sends it again may be somebody else
    ],
)
def test_what_may_be_sent_again_says_so(method: str, operation: Operation, repeatable: bool) -> None:
    endpoint = Endpoint(method, "/thing", operation, "A thing", nothing)
    (described,) = operations(openapi_document([endpoint], "1"))
    headers = [each["name"] for each in described.get("parameters", ()) if each["in"] == "header"]
    assert headers == (["Idempotency-Key"] if repeatable else [])


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("c-1", True),
        ("C_2.x~", True),
        ("", False),
        ("-c", False),
        ("c-1\n", False),
        ("c\0", False),
        ("a" * 64, True),
        ("a" * 65, False),
    ],
)
def test_an_id_is_one_as_a_whole(value: str, fits: bool) -> None:
    assert Parameter("consultation", "Its id").fits(value) is fits
