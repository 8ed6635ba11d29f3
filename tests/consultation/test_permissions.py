"""Who may do what: every endpoint as everybody, in the order of a consultation.

The table is what is expected. An endpoint that is not in it fails the test, as does a line without one.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.consultation.call import a_call, record
from tests.consultation.person import Answer, Person, a_person
from tests.consultation.records import expire_newest_session
from tests.consultation.story import GP, a_guest, a_request, called, on_duty, text_version
from tests.consultation.test_story import until
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The consultation is the patient's with the doctor, and is being held; the guest came by an invitation to it,
# the other two are logged in and have nothing to do with it. `expired` and `revoked` show the cookie of a
# session of the patient's that has ended.
COLUMNS = ("nobody", "patient", "other patient", "doctor", "other doctor", "guest", "expired", "revoked")
TABLE = """
getLoginOptions             200  200  200  200  200  200  200  200
getStopScreen               200  200  200  200  200  200  200  200
getConsentTexts             200  200  200  200  200  200  200  200
getReceiptKeys              200  200  200  200  200  200  200  200
acceptInvitation            403i 403i 403i 403i 403i 403i 403i 403i

beginLogin                  303  303  303  303  303  303  303  303
completeLogin               303  303  303  303  303  303  303  303
exchangeToken               400  400  400  400  400  400  400  400

getMe                       401  200  200  200  200  200  401  401
getQuestionnaire            401  200  200  403  403  403  401  401
putIntakeDraft              401  204  204  403  403  403  401  401
getIntakeDraft              401  200  200  403  403  403  401  401
deleteIntakeDraft           401  204  204  403  403  403  401  401
postIntakeWarning           401  204  204  403  403  403  401  401
getAuditTrail               401  200  200  403  403  403  401  401
createConsultation          401  409w 201  403  403  403  401  401
listConsultations           401  200  200  200  200  403  401  401

putDuty                     401  403  403  200  200  403  401  401
getQueue                    401  403  403  200  200  403  401  401
claimFromQueue              401  403  403  409b 200  403  401  401

getConsultation             401  200  404  200  404  403  401  401
createTicket                401  200  404  200  404  200  401  401
getIntake                   401  403  404  200  404  403  401  401
getConsents                 401  200  404  200  404  403  401  401
putConsent:recording        401  200  404  200  404  200  401  401
putConsent:medical_file_access 401 200 404 403  404  403  401  401
putConsent:third_party_presence 401 200 404 403 404  403  401  401
requestConsent              401  403  404  200  404  403  401  401
getMedicalFile              401  403  404  200  404  403  401  401
createAttachment            401  201  404  201  404  403  401  401
getAttachment               401  200  404  200  404  403  401  401
createInvitation            401  403  404  201  404  403  401  401
listInvitations             401  200  404  200  404  403  401  401
revokeInvitation            401  403  404  204  404  403  401  401

putNote                     401  403  404  204  404  403  401  401
getNote                     401  403  404  200  404  403  401  401
createPrescription          401  403  404  201  404  403  401  401
createReferral              401  403  404  201  404  403  401  401
createCertificate           401  403  404  201  404  403  401  401
cancelConsultation          401  409  404  403  404  403  401  401
returnToQueue               401  409d 404  403  404  403  401  401
giveBackConsultation        401  403  404  409  404  403  401  401
reportMissedCall            401  403  404  200  404  403  401  401
callPatient                 401  403  404  200  404  403  401  401
closeConsultation           401  403  404  200  404  403  401  401
getOutcome                  401  200  404  200  404  403  401  401
sendReport                  401  403  404  202  404  403  401  401
getPatientCopy              401  200  404  403  404  403  401  401
rateConsultation            401  204  404  403  404  403  401  401

listRecordings              401  200  200  200  200  403  401  401
getRecording                401  200  404  200  404  403  401  401
getRecordingSegment         401  200  404  200  404  403  401  401
eraseRecording              401  200  404  200  404  403  401  401

logOut                      204  204  204  204  204  204  204  204
"""
CODES = {
    "400": "invalid-grant",
    "401": "not-logged-in",
    "403": "forbidden",
    "403i": "invitation",
    "404": "not-found",
    "409": "state",
    "409b": "busy",
    "409d": "doctor-there",
    "409w": "already-waiting",
}


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    expected: tuple[str, ...]

    @property
    def operation(self) -> str:
        return self.name.partition(":")[0]


def lines() -> Iterator[Line]:
    for text in filter(None, TABLE.splitlines()):
        name, *expected = text.split()
        yield Line(name, tuple(expected))


@dataclass(frozen=True, slots=True)
class Stage:
    """Everybody by column, and what fills the paths and bodies of requests. `leaving`: the same persons, by
    logins that are not needed any more.
    """

    people: Mapping[str, Person]
    leaving: Mapping[str, Person]
    path: Mapping[str, str]
    bodies: Mapping[str, Any]


@pytest_asyncio.fixture(loop_scope="session")
async def stage(server: ServerProcess, people: Mapping[str, Person]) -> AsyncIterator[Stage]:
    emma, claes = people["emma"], people["claes"]
    version = await text_version(emma, "report_to_gp")
    report = {"granted": True, "text_version": version, "recipient": GP}
    consents = (await a_request(emma))["consents"] | {"report_to_gp": report}
    id_ = await called(emma, claes, consents=consents)
    await on_duty(people["dubois"])
    async with AsyncExitStack() as stack:

        async def another_emma() -> Person:
            return await stack.enter_async_context(a_person(server.origin, "emma"))

        expired = await another_emma()
        expire_newest_session(server)
        revoked = await another_emma()
        await revoked.log_out_and_keep_the_cookie()
        guest = await stack.enter_async_context(a_guest(claes, id_))
        async with a_call(claes, emma, id_) as (hers, his):
            folder = server.data_dir / "recordings"
            before = len(list(folder.glob("*/*.age")))
            await record(hers, his)
            await until(lambda: len(list(folder.glob("*/*.age"))) > before)
            await hers.recording("stop")
            await hers.until(lambda room: room.recording == "off")
        invited = (await claes.get(f"/consultations/{id_}/invitations")).json
        recorded = (await emma.get("/recordings")).json["recordings"]
        added = await emma.call(
            "POST", f"/consultations/{id_}/attachments", b"%PDF-1.7", {"Content-Type": "application/pdf"}
        )
        leaving = {
            "patient": await another_emma(),
            "other patient": await stack.enter_async_context(a_person(server.origin, "sofie")),
            "doctor": await stack.enter_async_context(a_person(server.origin, "claes", "doctor")),
            "other doctor": await stack.enter_async_context(a_person(server.origin, "dubois", "doctor")),
        }
        yield Stage(
            leaving=leaving,
            people={
                "nobody": await stack.enter_async_context(a_person(server.origin)),
                "patient": emma,
                "other patient": people["sofie"],
                "doctor": claes,
                "other doctor": people["dubois"],
                "guest": guest,
                "expired": expired,
                "revoked": revoked,
            },
            path={
                "consultation": id_,
                "attachment": added.json["id"],
                "invitation": invited[-1]["id"],
                "recording": recorded[-1]["id"],
                "number": "1",
            },
            bodies=await bodies(emma, people["sofie"]),
        )


async def bodies(patient: Person, other: Person) -> Mapping[str, Any]:
    """What each call is made with that takes a body: one that it takes from those who may."""
    now = datetime.now(UTC)
    draft = {"resourceType": "QuestionnaireResponse", "status": "in-progress", "item": []}
    questionnaire = (await patient.get("/questionnaire?lang=nl")).json
    draft["questionnaire"] = f"{questionnaire['url']}|{questionnaire['version']}"
    return {
        "exchangeToken": {"refresh_token": "x" * 43},
        "acceptInvitation": {"token": "x" * 43, "name": "Nobody"},
        "putIntakeDraft": {"questionnaire_response": draft, "language": "nl"},
        "postIntakeWarning": {"choice": "call-112", "flags": [], "questionnaire_version": "1"},
        "createConsultation": await a_request(other, insurance_fund=None) | {"insurance_fund": "306"},
        "putDuty": {"on_duty": True, "languages": ["nl"]},
        "claimFromQueue": {},
        "createTicket": {},
        "putConsent": {"granted": True, "text_version": await text_version(patient, "recording")},
        "createAttachment": b"%PDF-1.7",
        "createInvitation": {"label": "relative"},
        "putNote": {"text": "Virale faryngitis."},
        "createPrescription": {"atc": "N02BE01", "display": "Paracetamol 1 g", "dose": "1 g"},
        "createReferral": {"to": "gp", "urgency": "routine", "reason": "Controle"},
        "createCertificate": {
            "kind": "attendance",
            "from": (now - timedelta(minutes=10)).isoformat(),
            "to": now.isoformat(),
        },
        "closeConsultation": {"outcome": "advice"},
        "rateConsultation": {"score": 4},
    }


@dataclass(frozen=True, slots=True)
class Described:
    """What the OpenAPI document says of an operation."""

    method: str
    path: str
    who: frozenset[str]
    language: bool


async def described(person: Person) -> dict[str, Described]:
    document = (await person.get("/openapi.json")).json
    return {
        operation["operationId"]: Described(
            method.upper(),
            path,
            frozenset(operation["x-who"]),
            any(parameter["name"] == "lang" for parameter in operation.get("parameters", [])),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def asked(person: Person, line: Line, stage: Stage, operation: Described) -> Answer:
    _, _, kind = line.name.partition(":")
    path = operation.path.format_map({**stage.path, "kind": kind or "third_party_presence"})
    body = stage.bodies.get(line.operation)
    headers = {"Content-Type": "application/pdf"} if isinstance(body, bytes) else {}
    query = "?lang=nl" if operation.language else ""
    if line.operation == "beginLogin":
        query = "?role=patient&return_to=/"
    return await person.call(operation.method, path + query, body, headers)


async def test_every_endpoint_answers_everybody_as_the_table_says(stage: Stage) -> None:
    operations = await described(stage.people["nobody"])
    assert {line.operation for line in lines()} == set(operations), (
        "an endpoint without its line, or the reverse"
    )
    wrong = []
    for line in lines():
        assert len(line.expected) == len(COLUMNS), line.name
        for column, expected in zip(COLUMNS, line.expected, strict=True):
            leaving = stage.leaving if line.operation == "logOut" else {}
            person = leaving.get(column, stage.people[column])
            answer = await asked(person, line, stage, operations[line.operation])
            seen = f"{answer.status} {answer.code}" if answer.status >= 400 else str(answer.status)
            meant = f"{expected[:3]} {CODES[expected]}" if expected >= "4" else expected
            if seen != meant:
                wrong.append(f"{line.name} as {column}: {seen}, not {meant}")
    assert wrong == []


async def test_the_document_says_who_may_as_the_table_does(people: Mapping[str, Person]) -> None:
    standings = {
        "nobody": {"nobody"},
        "patient": {"its-patient"},
        "doctor": {"its-doctor"},
        "guest": {"its-guest"},
    }
    for name, operation in (await described(people["emma"])).items():
        of_it = [line for line in lines() if line.operation == name]
        for column, standing in standings.items():
            cells = [line.expected[COLUMNS.index(column)] for line in of_it]
            may = any(cell not in ("401", "403", "404") for cell in cells)
            assert may == bool(standing & operation.who), f"{name} as {column}"
