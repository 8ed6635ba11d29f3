"""Whatever is wrong with a request, its answer is a problem document that names the field and quotes nothing,
and nothing has changed.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.consultation.person import Answer, Person, a_person
from tests.consultation.records import everything
from tests.consultation.story import GP, a_request, ask, called, on_duty
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]
LONG = "ongelukkig " * 1000
MEDICINE = {"atc": "N02BE01", "display": "Paracetamol 1 g", "dose": "1 g"}
REFERRAL = {"to": "specialist", "specialty": "NKO", "urgency": "routine", "reason": "Herhaald"}
CHILD = {"given_name": "Lou", "family_name": "Janssens", "relationship": "parent", "birthdate": "2020-05-01"}
PRIVATE = "geheimzinnig"

Changed = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wrong:
    """`change`: of a good body; `field`: what the answer has to name."""

    who: str
    method: str
    path: str
    change: Changed
    field: str


ACKNOWLEDGED = {"acknowledged": True, "text_version": "1"}
NEW = [
    Wrong("sofie", "POST", "/consultations", change, field)
    for field, change in (
        ("/language", {"language": "es"}),
        ("/language", {"language": None}),
        ("/insurance_fund", {"insurance_fund": "30"}),
        ("/insurance_fund", {"insurance_fund": "999999"}),
        ("/location", {"location": ""}),
        ("/location", {"location": LONG}),
        ("/location", {"location": "Gent\0"}),
        ("/callback_number", {"callback_number": PRIVATE}),
        ("/general_practitioner/nihdi", {"general_practitioner": GP | {"nihdi": "10829058004"}}),
        ("/general_practitioner/name", {"general_practitioner": {"nihdi": GP["nihdi"]}}),
        ("/proxy_for/birthdate", {"proxy_for": CHILD | {"birthdate": "1980-01-01"}}),
        ("/proxy_for/birthdate", {"proxy_for": CHILD | {"birthdate": "gisteren"}}),
        ("/proxy_for/national_number", {"proxy_for": CHILD | {"national_number": "19030400138"}}),
        ("/taken_s", {"taken_s": 10**30}),
        ("/taken_s", {"taken_s": -1}),
        ("/continue_despite_warning", {"continue_despite_warning": PRIVATE}),
        ("/consents/teleconsultation/text_version", {"consents": {"teleconsultation": {"granted": True}}}),
        ("/notices/privacy-notice", {"notices": {}}),
        ("/notices/privacy-notice", {"notices": {"privacy-notice": ACKNOWLEDGED | {"acknowledged": False}}}),
        ("/notices/not-an-emergency", {"notices": {"privacy-notice": ACKNOWLEDGED}}),
        ("/notices/terms/[key]", {"notices": {"terms": ACKNOWLEDGED}}),
        ("/notices/privacy-notice/text_version", {"notices": {"privacy-notice": {"acknowledged": True}}}),
        ("/questionnaire_response/questionnaire", {"questionnaire_response": {"status": "completed"}}),
        ("/questionnaire_response", {"questionnaire_response": PRIVATE}),
    )
]
HELD = [
    Wrong("claes", "PUT", "/note", {"text": ""}, "/text"),
    Wrong("claes", "PUT", "/note", {"text": LONG}, "/text"),
    Wrong("claes", "PUT", "/note", {"text": "Goed", "verdict": PRIVATE}, "/verdict"),
    Wrong("claes", "POST", "/prescriptions", MEDICINE | {"atc": PRIVATE}, "/atc"),
    Wrong("claes", "POST", "/prescriptions", MEDICINE | {"atc": "N05BA01"}, "/atc"),
    Wrong("claes", "POST", "/prescriptions", MEDICINE | {"atc": "N99ZZ99"}, "/atc"),
    Wrong("claes", "POST", "/prescriptions", MEDICINE | {"quantity": 11}, "/quantity"),
    Wrong("claes", "POST", "/prescriptions", MEDICINE | {"quantity": 1.5}, "/quantity"),
    Wrong("claes", "POST", "/prescriptions", MEDICINE | {"dose": "1 g\x07"}, "/dose"),
    Wrong("claes", "POST", "/referrals", REFERRAL | {"to": PRIVATE}, "/to"),
    Wrong("claes", "POST", "/referrals", REFERRAL | {"specialty": None}, ""),
    Wrong("claes", "POST", "/certificates", {"from": "2026-01-02T10:00:00Z", "to": PRIVATE}, "/to"),
    Wrong("claes", "POST", "/certificates", {"from": "2026-01-02T10:00:00", "to": None}, "/from"),
    Wrong(
        "claes",
        "POST",
        "/certificates",
        {"from": "2026-01-02T10:00:00Z", "to": "2026-01-01T10:00:00Z"},
        "/to",
    ),
    Wrong("claes", "POST", "/close", {"outcome": PRIVATE}, "/outcome"),
    Wrong("claes", "POST", "/close", {"outcome": "advice", "icpc2": "ZZZ"}, "/icpc2"),
    Wrong("claes", "POST", "/close", {"outcome": "advice", "medium": "smoke"}, "/medium"),
    Wrong("claes", "POST", "/invitations", {"label": PRIVATE}, "/label"),
    Wrong("emma", "PUT", "/consents/medical_file_access", {"granted": True}, "/text_version"),
    Wrong(
        "emma", "PUT", "/consents/report_to_gp", {"granted": True, "text_version": "1"}, "/recipient/nihdi"
    ),
    Wrong("emma", "PUT", "/consents/recording", {"granted": False, "text_version": "a\0b"}, "/text_version"),
    Wrong("emma", "PUT", "/consents/everything", {"granted": True, "text_version": "1"}, "kind"),
    Wrong("emma", "POST", "/ticket", {"encryption_key": "x" * 513}, "/encryption_key"),
]
ALONE = [
    Wrong("claes", "PUT", "/duty", {"on_duty": PRIVATE}, "/on_duty"),
    Wrong("claes", "PUT", "/duty", {"on_duty": True, "languages": ["nl", PRIVATE]}, "/languages/1"),
    Wrong("claes", "PUT", "/duty", {"on_duty": True, "languages": ["de"]}, "/languages"),
    Wrong("claes", "POST", "/queue/claim", {"consultation": "x" * 65}, "/consultation"),
    Wrong("emma", "POST", "/intake-warnings", {"choice": PRIVATE}, "/choice"),
    Wrong("emma", "PUT", "/intake-draft", {"questionnaire_response": {}, "language": "xx"}, "/language"),
    Wrong("emma", "GET", "/questionnaire?lang=xx", {}, "lang"),
    Wrong("emma", "GET", "/stop-screen", {}, "lang"),
    Wrong("emma", "POST", "/invitations/accept", {"token": "short", "name": "Amira"}, "/token"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def held(people: People) -> AsyncIterator[str]:
    yield await called(people["emma"], people["claes"])


async def test_each_thing_that_is_wrong_is_named_and_changes_nothing(
    server: ServerProcess, people: People, held: str
) -> None:
    good = await a_request(people["sofie"])
    cases = [(wrong, wrong.path, {**good, **wrong.change}) for wrong in NEW]
    cases += [(wrong, f"/consultations/{held}{wrong.path}", dict(wrong.change)) for wrong in HELD]
    cases += [(wrong, wrong.path, dict(wrong.change)) for wrong in ALONE]
    before = state(server)
    for wrong, path, body in cases:
        answer = await people[wrong.who].call(wrong.method, path, body if wrong.method != "GET" else None)
        assert answer.status == 422, wrong
        check_problem(answer, 422)
        fields = [fault["field"] for fault in answer.json["errors"]]
        assert wrong.field in fields, f"{wrong}: {answer.json}"
    assert state(server) == before


def state(server: ServerProcess) -> object:
    """Of all that is kept, but for notes of what was refused."""
    return everything(server, "audit", "audit_head")


def check_problem(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert {"type", "title", "status", "code"} <= set(answer.json)
    assert answer.json["status"] == status
    assert PRIVATE not in answer.body.decode().replace('"/consents/', ""), "it quotes what was sent"
    assert "ongelukkig" not in answer.body.decode()


@pytest.mark.parametrize(
    ("content", "type_", "status", "code"),
    [
        (b"{", "application/json", 400, "bad-body"),
        (b'{"score": \xff}', "application/json", 400, "bad-body"),
        (b"", "application/json", 400, "bad-body"),
        (b"[" * 100_000, "application/json", 413, "body-too-large"),
        (b"[" * 10_000, "application/json", 400, "bad-body"),
        (b'{"score": "\\ud800"}', "application/json", 400, "bad-body"),
        (b"[]", "application/json", 422, "invalid"),
        (b"score=5", "application/x-www-form-urlencoded", 415, "not-json"),
        (b"{}", "text/plain", 415, "not-json"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    people: People, held: str, content: bytes, type_: str, status: int, code: str
) -> None:
    path = f"/consultations/{held}/rating"
    answer = await people["emma"].call("POST", path, content, {"Content-Type": type_})
    check_problem(answer, status)
    assert answer.code == code


@pytest.mark.parametrize(
    "id_",
    ["%00", "c-1%0a", "..%2f..", "c-" + "a" * 200, "%ff%fe", "'%20OR%201=1", "c-0%20", "{consultation}"],
)
async def test_ids_that_cannot_be_ours_are_not_found(people: People, id_: str) -> None:
    answer = await people["emma"].get(f"/consultations/{id_}")
    check_problem(answer, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer \N{SNOWMAN}"},
        {"Authorization": "Basic " + "x" * 100},
        {"Authorization": "Bearer " + "x." * 3000},
        {"Cookie": "teleconsult=\N{SNOWMAN}"},
        {"Cookie": "teleconsult=" + "x" * 6000},
    ],
    ids=["snowman", "basic", "long", "cookie", "long cookie"],
)
async def test_tokens_that_cannot_be_ours_are_nobodys(server: ServerProcess, headers: dict[str, str]) -> None:
    async with a_person(server.origin) as somebody:
        answer = await somebody.call("GET", "/me", None, headers)
    check_problem(answer, 401)


@pytest.mark.parametrize("forged", ["", "x" * 43, "\N{SNOWMAN}"])
async def test_a_page_of_somebody_else_changes_nothing(people: People, forged: str) -> None:
    answer = await people["emma"].call("DELETE", "/intake-draft", None, {"X-CSRF-Token": forged})
    assert (answer.status, answer.code) == (403, "csrf")
    answer = await people["emma"].call(
        "DELETE", "/intake-draft", None, {"Origin": "https://elsewhere.example"}
    )
    assert (answer.status, answer.code) == (403, "foreign-origin")


# --- Files ---

JPEG, PNG, WEBP = b"\xff\xd8\xff\xe0" + b"j" * 20, b"\x89PNG\r\n\x1a\n" + b"p" * 20, b"RIFF\x10\0\0\0WEBPVP8 "
MIB = 1024 * 1024


async def attach(person: Person, consultation: str, content: bytes, type_: str) -> Answer:
    path = f"/consultations/{consultation}/attachments"
    return await person.call("POST", path, content, {"Content-Type": type_})


async def test_files_are_what_their_type_says_and_come_back_as_they_were(people: People, held: str) -> None:
    emma, claes = people["emma"], people["claes"]
    for content, type_ in (
        (JPEG, "image/jpeg"),
        (PNG, "image/png"),
        (WEBP, "image/webp"),
        (b"%PDF-1.7 " + b"x" * (10 * MIB - 9), "application/pdf"),
        (b"\x01ciphertext", "application/octet-stream"),
    ):
        added = await attach(emma, held, content, type_)
        assert (added.status, added.json["bytes"], added.json["content_type"]) == (201, len(content), type_)
        read = await claes.get(f"/consultations/{held}/attachments/{added.json['id']}")
        assert (read.body, read.headers["Content-Type"]) == (content, type_)
        assert read.headers["Content-Disposition"] == "attachment"
        assert read.headers["X-Content-Type-Options"] == "nosniff"


async def test_other_files_are_refused(server: ServerProcess, people: People, held: str) -> None:
    before = everything(server, "audit", "audit_head")
    for content, type_, status, code in (
        (b"", "image/jpeg", 422, "attachment"),
        (PNG, "image/jpeg", 422, "attachment"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "image/webp", 422, "attachment"),
        (b"<html>", "application/pdf", 422, "attachment"),
        (b"<svg/>", "image/svg+xml", 415, "media-type"),
        (b"<html>", "text/html", 415, "media-type"),
        (b"%PDF-1.7 " + b"x" * (10 * MIB), "application/pdf", 413, "body-too-large"),
    ):
        refused = await attach(people["emma"], held, content, type_)
        check_problem(refused, status)
        assert refused.code == code
    assert everything(server, "audit", "audit_head") == before


async def test_a_file_of_another_consultation_is_not_found_in_this_one(people: People, held: str) -> None:
    added = (await attach(people["emma"], held, PNG, "image/png")).json["id"]
    other = await ask(people["sofie"])
    answer = await people["sofie"].get(f"/consultations/{other}/attachments/{added}")
    assert (answer.status, answer.code) == (404, "not-found")


# --- Invitations ---


async def test_an_invitation_lets_one_person_in_once(people: People, held: str) -> None:
    claes, invitations = people["claes"], f"/consultations/{held}/invitations"
    made = (await claes.post(invitations, {"label": "interpreter"})).json
    assert made["url"].startswith(f"{claes.origin}/guest#")
    token = made["url"].partition("#")[2]
    accepting = {"token": token, "name": "Amira"}
    for expected in (None, "invitation"):
        async with a_person(claes.origin) as somebody:
            assert (await somebody.post("/invitations/accept", accepting)).code == expected
    (listed,) = (await people["emma"].get(invitations)).json
    assert (listed["state"], listed["label"]) == ("used", "interpreter")
    assert token not in str(listed)


async def test_invitations_end_with_the_consultation_and_are_few(people: People) -> None:
    claes = people["claes"]
    id_ = await called(people["emma"], claes)
    await on_duty(claes)
    invitations = f"/consultations/{id_}/invitations"
    tokens = [
        (await claes.post(invitations, {"label": "relative"})).json["url"].partition("#")[2] for _ in range(5)
    ]
    assert (await claes.post(invitations, {"label": "relative"})).code == "invitation"
    await claes.post(f"/consultations/{id_}/close", {"outcome": "advice"})
    late = await people["sofie"].post("/invitations/accept", {"token": tokens[0], "name": "Amira"})
    assert (late.status, late.code) == (403, "invitation")
    assert (await claes.post(invitations, {"label": "relative"})).code == "state"
