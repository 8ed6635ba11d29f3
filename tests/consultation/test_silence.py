"""A whole consultation is played, and then everything searched that the server says of itself: its log, its
metrics, and the address of each request. Nothing of what was said, shown or typed is in any of them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest

from media_server.development_provider import PERSONS
from tests.consultation.call import a_call, in_the_room, record
from tests.consultation.person import Answer, Person, a_person
from tests.consultation.story import (
    ALLERGY,
    GP,
    GUEST,
    LOCATION,
    PHONE,
    a_guest,
    a_request,
    claim,
    consent,
    on_duty,
)
from tests.consultation.test_story import until
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "Ik heb kougevoelens in mijn linkerknie"
NOTE = "Vermoeden van bursitis prepatellaris"
ADVICE = "Koelen en hoog leggen"
DOSE = "driemaal daags een bruistablet"
SPECIALTY = "Reumatologie"
REASON = "Aanhoudende zwelling"
CHAT = "Mijn buurvrouw heet Godelieve"
CHILD = {
    "given_name": "Liselot",
    "family_name": "Vandermeulen",
    "birthdate": "2019-03-04",
    "relationship": "stiefmoeder",
    "national_number": "19030400137",
}
FILE = b"%PDF-1.7 uitslag: hemoglobine 13,4"
# Words that are ours, too: in addresses, metrics and events they say nothing of a person.
COMMON = {"nl", "fr", "306", "patient", "doctor", "guest", "advice", "treatment", "video", "0", "1", "true"}


class Listener:
    """What was sent and answered, and the addresses asked for."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.secrets: set[str] = set()

    def follow(self, person: Person) -> None:
        asked, told = person.call, self

        async def call(method: str, path: str, body: Any = None, headers: Any = None) -> Answer:
            answer = await asked(method, path, body, headers)
            told.urls.append(path)
            told.secrets |= set(tokens_in(answer.json))
            return answer

        person.call = call  # type: ignore[method-assign]  # for this one, who is followed


def tokens_in(said: Any, name: str = "") -> Iterator[str]:
    """Tickets, CSRF tokens, links, receipts: whatever lets somebody in, or could be shown as theirs."""
    if isinstance(said, dict):
        for key, value in said.items():
            yield from tokens_in(value, key)
    elif isinstance(said, list):
        for value in said:
            yield from tokens_in(value, name)
    elif isinstance(said, str) and name in ("ticket", "csrf_token", "receipt", "url"):
        yield said.partition("#")[2] or said


async def test_nothing_of_a_consultation_is_in_log_metrics_or_addresses(server: ServerProcess) -> None:
    listener = Listener()
    await play(server, listener)
    async with aiohttp.ClientSession() as http, http.get(server.metrics_url) as response:
        metrics = await response.text()
    addresses = "\n".join(unquote(url) for url in listener.urls)
    assert len(listener.urls) > 30
    assert len(listener.secrets) >= 10
    log = server.log()
    assert '"server.ready"' in log
    wanted = sorted(searched_for() | listener.secrets, key=len)
    for place, text in (("log", log), ("metrics", metrics), ("addresses", addresses)):
        found = [word for word in wanted if occurs(word, text)]
        assert found == [], f"{len(found)} of them in the {place}"


def occurs(word: str, text: str) -> bool:
    """In whatever case, and as JSON and addresses would spell it."""
    spelled = {
        word,
        json.dumps(word)[1:-1],
        re.sub(r"\D", "", word) if sum(map(str.isdigit, word)) > 7 else word,
    }
    return any(each.casefold() in text.casefold() for each in spelled)


def searched_for() -> set[str]:
    words = {WORDS, NOTE, ADVICE, DOSE, SPECIALTY, REASON, CHAT, ALLERGY, LOCATION, PHONE, GUEST}
    words |= {*CHILD.values(), *GP.values(), FILE.decode(), "N02BE01", "Paracetamol", "R74", "keelpijn"}
    for person in (PERSONS["emma"], PERSONS["claes"]):
        words |= {person.family_name, person.name, person.phone_number, person.email, person.birthdate}
        words |= {person.national_number or person.name}
    words |= set(CHAT.split()) | set(WORDS.split()) | set(NOTE.split()) | set(LOCATION.split())
    return {word for word in words if len(word) > 4 and word.casefold() not in COMMON}


async def play(server: ServerProcess, listener: Listener) -> None:
    """From login to rating, with mistakes on the way."""
    async with (
        a_person(server.origin, "emma") as emma,
        a_person(server.origin, "claes", "doctor") as claes,
    ):
        for person in (emma, claes):
            listener.follow(person)
            await person.get("/me")
        request = await a_request(emma, words=WORDS, proxy_for=CHILD)
        await emma.post("/consultations", request | {"location": LOCATION * 30})
        await emma.post("/consultations", request | {"proxy_for": CHILD | {"birthdate": "1950-01-01"}})
        draft = request["questionnaire_response"] | {"status": "in-progress"}
        await emma.put("/intake-draft", {"questionnaire_response": draft, "language": "nl"})
        created = await emma.call("POST", "/consultations", request, {"Idempotency-Key": "heel-bijzonder"})
        assert created.status == 201, created
        id_ = created.json["id"]
        at = f"/consultations/{id_}"
        await on_duty(claes)
        await claes.get("/queue")
        assert (await claim(claes)).status == 200
        assert WORDS in (await claes.get(f"{at}/intake")).body.decode()
        await claes.post(f"{at}/call")
        await talk(listener, emma, claes, id_)
        await write_down(claes, at)
        assert NOTE in (await emma.get(f"{at}/copy?lang=nl")).body.decode()
        await emma.post(f"{at}/rating", {"score": 5})
        await emma.get("/audit-trail")
        folder: Path = server.data_dir / "reports" / GP["nihdi"]
        await until(lambda: any(NOTE in path.read_text() for path in folder.glob("*.json")))
        for person in (emma, claes):
            await person.post("/auth/logout")


async def talk(listener: Listener, emma: Person, claes: Person, id_: str) -> None:
    at = f"/consultations/{id_}"
    async with a_call(claes, emma, id_) as (hers, his):
        await his.relay(None, "chat", CHAT.encode())
        await consent(emma, id_, "medical_file_access")
        await claes.get(f"{at}/medical-file")  # the child's: there is none
        await emma.call("POST", f"{at}/attachments", FILE, {"Content-Type": "application/pdf"})
        for attachment in (await claes.get(at)).json["attachments"]:
            assert (await claes.get(f"{at}/attachments/{attachment['id']}")).body == FILE
        await consent(emma, id_, "report_to_gp", recipient=GP)
        async with a_guest(claes, id_, GUEST) as guest:
            listener.follow(guest)
            await consent(emma, id_, "third_party_presence")
            await guest.get("/me")
            async with in_the_room(guest, id_) as third:
                await hers.admit(third.room.me)
                await third.until(lambda room: room.admitted)
                await third.leave()
        await record(hers, his)
        await hers.recording("stop")
        await hers.until(lambda room: room.recording == "off")


async def write_down(claes: Person, at: str) -> None:
    await claes.put(f"{at}/note", {"text": NOTE, "advice": ADVICE})
    medicine = {"atc": "N02BE01", "display": "Paracetamol 1 g", "dose": DOSE}
    await claes.post(f"{at}/prescriptions", medicine)
    await claes.post(f"{at}/prescriptions", medicine | {"atc": NOTE})
    referral = {"to": "specialist", "specialty": SPECIALTY, "urgency": "routine", "reason": REASON}
    await claes.post(f"{at}/referrals", referral)
    consents = (await claes.get(f"{at}/consents")).json["consents"]
    assert {"teleconsultation", "medical_file_access"} <= {each["kind"] for each in consents}
    assert (await claes.post(f"{at}/close", {"outcome": "treatment", "icpc2": "R74"})).status == 200
    assert (await claes.post(f"{at}/report")).status == 202
