"""A request that is sent again because its answer was lost is done once, and answered as it was."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.consultation.person import Answer, Person
from tests.consultation.story import a_request, called
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]
REPLAYED = "Idempotent-Replay"
MEDICINE = {"atc": "N02BE01", "display": "Paracetamol 1 g", "dose": "1 g"}


async def sent(person: Person, path: str, body: object, key: str) -> Answer:
    return await person.call("POST", path, body, {"Idempotency-Key": key})


async def test_a_consultation_is_asked_for_once(people: People) -> None:
    emma = people["emma"]
    body = await a_request(emma)
    first = await sent(emma, "/consultations", body, "ask-1")
    again = await sent(emma, "/consultations", body, "ask-1")
    assert (first.status, REPLAYED in first.headers) == (201, False)
    assert (again.status, again.headers[REPLAYED], again.json) == (201, "true", first.json)
    assert (await sent(emma, "/consultations", body, "ask-2")).code == "already-waiting"


async def test_what_is_prescribed_and_closed_is_so_once(people: People) -> None:
    claes = people["claes"]
    id_ = await called(people["emma"], claes)
    at = f"/consultations/{id_}"
    for path, body, key in (
        (f"{at}/prescriptions", MEDICINE, "medicine-1"),
        (f"{at}/close", {"outcome": "treatment"}, "close-1"),
    ):
        first, again = [await sent(claes, path, body, key) for _ in range(2)]
        assert (first.status, first.json) == (again.status, again.json)
        assert first.status < 300
        assert (REPLAYED in first.headers, REPLAYED in again.headers) == (False, True)
    assert len((await claes.get(f"{at}/outcome")).json["prescriptions"]) == 1


async def test_sent_ten_times_at_once_it_is_done_once(people: People) -> None:
    claes = people["claes"]
    id_ = await called(people["emma"], claes)
    path = f"/consultations/{id_}/prescriptions"
    answers = await asyncio.gather(*(sent(claes, path, MEDICINE, "at-once") for _ in range(10)))
    made = [answer.json["id"] for answer in answers if answer.status == 201]
    assert len(set(made)) == 1
    assert {answer.code for answer in answers if answer.status != 201} <= {"in-progress"}
    listed = (await claes.get(f"/consultations/{id_}/outcome")).json["prescriptions"]
    assert [each["id"] for each in listed] == made[:1]


async def test_a_refusal_is_answered_again_as_it_was(people: People) -> None:
    claes = people["claes"]
    id_ = await called(people["emma"], claes)
    path = f"/consultations/{id_}/prescriptions"
    blocked = MEDICINE | {"atc": "N05BA01"}
    first, again = [await sent(claes, path, blocked, "blocked-1") for _ in range(2)]
    assert (first.status, first.code) == (again.status, again.code) == (422, "medicine-blocked")
    assert first.json["errors"][0]["field"] == "/atc"
    rule = first.json["rule"]
    assert (rule["kind"], rule["reason"]) == ("addictive", "benzodiazepine"), "it says why"
    assert set(rule["text"]) == {"nl", "fr", "de", "en"}
    assert again.json == first.json


async def test_a_key_belongs_to_one_request_of_one_person(people: People) -> None:
    claes, emma = people["claes"], people["emma"]
    id_ = await called(emma, claes)
    path = f"/consultations/{id_}/prescriptions"
    assert (await sent(claes, path, MEDICINE, "mine")).status == 201
    other = await sent(claes, path, MEDICINE | {"dose": "500 mg"}, "mine")
    assert (other.status, other.code) == (422, "key-reused")
    assert (await sent(emma, f"/consultations/{id_}/ticket", {}, "mine")).status == 200
    assert (await sent(claes, f"/consultations/{id_}/ticket", {}, "mine")).status == 200


@pytest.mark.parametrize("key", ["", "x" * 65, "with space", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"])
async def test_a_key_that_is_none_is_refused_by_name(people: People, key: str) -> None:
    refused = await sent(people["emma"], "/intake-warnings", a_warning(), key)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_nothing_that_was_answered_lies_open(server: ServerProcess, people: People) -> None:
    claes = people["claes"]
    id_ = await called(people["emma"], claes)
    medicine = MEDICINE | {"display": "Onvergetelijk 5 mg"}
    for _ in range(2):
        await sent(claes, f"/consultations/{id_}/prescriptions", medicine, "sealed")
    for path in server.data_dir.glob("records.sqlite*"):
        assert b"Onvergetelijk" not in path.read_bytes()


def a_warning() -> dict[str, object]:
    return {"choice": "continue", "flags": [], "questionnaire_version": "1"}
