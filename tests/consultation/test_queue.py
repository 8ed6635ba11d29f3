"""Waiting for a doctor, and doctors on duty: places, claims, calls that nobody answers, who may ask and how
often.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
import pytest_asyncio

from loadtest import Client
from loadtest.events import Event, Other
from tests.consultation.answers import WORDS
from tests.consultation.call import in_the_room, within_a_second
from tests.consultation.person import Person, a_person
from tests.consultation.records import audit, opened
from tests.consultation.story import a_request, ask, called, claim, consent, on_duty
from tests.server_process import ServerProcess, running_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]
PATIENTS = ("emma", "youssef", "sofie")


class Places:
    """What a patient in the waiting room is told of the queue, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float | None]] = []
        self._heard = asyncio.Event()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Other) and event.type == "queue":
            self.told.append((event.fields["position"], event.fields["estimated_wait_s"]))
            self._heard.set()

    async def until(self, position: int) -> None:
        """The keeper looks once a second."""
        async with asyncio.timeout(20):
            while not self.told or self.told[-1][0] != position:
                self._heard.clear()
                await self._heard.wait()


# --- Places ---


async def test_places_move_up_while_others_are_taken_and_go(people: People) -> None:
    ids = [await ask(people[key]) for key in PATIENTS]
    await on_duty(people["claes"])
    places = Places()
    async with in_the_room(people["sofie"], ids[2], on_event=places):
        await places.until(3)
        assert places.told[-1][1] is not None, "somebody is on duty who speaks the language"
        assert (await people["emma"].post(f"/consultations/{ids[0]}/cancel")).status == 200
        await places.until(2)
        assert (await claim(people["claes"])).json["id"] == ids[1]
        await places.until(1)
        await on_duty(people["dubois"])
        assert (await claim(people["dubois"])).json["id"] == ids[2]
        await places.until(0)
    assert [position for position, _ in places.told] == sorted((p for p, _ in places.told), reverse=True)


async def test_nobody_is_told_a_time_that_would_be_made_up(people: People) -> None:
    id_ = await ask(people["emma"], language="de", **await german(people["emma"]))
    shown = (await people["emma"].get(f"/consultations/{id_}")).json["queue"]
    assert shown == {"position": 1, "estimated_wait_s": None}
    await on_duty(people["claes"], "nl")
    assert (await people["claes"].get("/queue")).json["waiting"] == [], "the doctor speaks no German"
    await on_duty(people["dubois"], "de")
    shown = (await people["emma"].get(f"/consultations/{id_}")).json["queue"]
    assert shown["estimated_wait_s"] % 60 == 0


async def german(patient: Person) -> dict[str, object]:
    body = await a_request(patient)
    return {"questionnaire_response": body["questionnaire_response"] | {"language": "de"}}


async def test_a_place_outlasts_a_cut_connection(people: People) -> None:
    first = await ask(people["emma"])
    places = Places()
    async with in_the_room(people["emma"], first, on_event=places) as waiting:
        await places.until(1)
        await ask(people["youssef"])
        await waiting.cut()
        await waiting.request("stats", uplink={}, downlink={})  # waits for the resume
    async with in_the_room(people["emma"], first, on_event=places):
        await places.until(1)
    await on_duty(people["claes"])
    queue = (await people["claes"].get("/queue")).json["waiting"]
    assert [each["position"] for each in queue] == [1, 2]
    assert queue[0]["consultation"] == first


async def test_who_is_given_back_loses_no_place(server: ServerProcess, people: People) -> None:
    ids = [await ask(people[key]) for key in PATIENTS]
    claes = people["claes"]
    await on_duty(claes)
    assert (await claim(claes)).json["id"] == ids[0]
    assert (await claes.post(f"/consultations/{ids[0]}/give-back")).status == 204
    assert [each["consultation"] for each in (await claes.get("/queue")).json["waiting"]] == ids
    await claim(claes)
    await claes.post(f"/consultations/{ids[0]}/call")
    missed = await claes.post(f"/consultations/{ids[0]}/missed-call")
    assert (missed.json["state"], missed.json["missed_calls"]) == ("triaged", 1)
    assert (await claes.post(f"/consultations/{ids[0]}/give-back")).status == 204
    assert [each["consultation"] for each in (await claes.get("/queue")).json["waiting"]] == ids
    noted = audit(server, subject=ids[0], action="consultation.give-back")
    assert [each.role for each in noted] == ["doctor", "doctor"]


async def test_the_queue_says_nothing_of_who_waits_and_why(people: People) -> None:
    await ask(people["emma"])
    await on_duty(people["claes"])
    (entry,) = (await people["claes"].get("/queue")).json["waiting"]
    assert set(entry) == {"consultation", "position", "language", "waiting_since", "priority"}


# --- Claims and calls ---


async def test_doctors_who_claim_at_once_never_get_the_same_patient(people: People) -> None:
    waiting = {await ask(people[key]) for key in PATIENTS}
    doctors = [people["claes"], people["dubois"], people["claes"], people["dubois"]]
    for doctor in doctors[:2]:
        await on_duty(doctor)
    claimed = [answer.json["id"] for answer in await asyncio.gather(*map(claim, doctors))]
    assert claimed[0] == claimed[2], "asking twice is answered twice"
    assert claimed[1] == claimed[3]
    assert claimed[0] != claimed[1]
    assert set(claimed) < waiting
    third = (waiting - set(claimed)).pop()
    assert (await claim(doctors[0], third)).code == "busy"
    assert (await claim(doctors[0], claimed[1])).code == "busy"


async def test_who_waits_no_longer_cannot_be_claimed(people: People) -> None:
    id_ = await ask(people["emma"])
    await people["emma"].post(f"/consultations/{id_}/cancel")
    await on_duty(people["claes"])
    assert (await claim(people["claes"])).code == "queue-empty"
    assert (await claim(people["claes"], id_)).code == "already-claimed"
    assert (await claim(people["claes"], "c-that-never-was")).code == "already-claimed"


async def test_two_calls_that_nobody_answers_are_a_no_show(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    at = f"/consultations/{id_}"
    assert (await claes.post(f"{at}/missed-call")).json["state"] == "triaged"
    assert (await claes.post(f"{at}/missed-call")).code == "state", "call again first"
    assert (await claes.post(f"{at}/call")).json == {"attempt": 2}
    over = (await claes.post(f"{at}/missed-call")).json
    assert (over["state"], over["reason"], over["missed_calls"]) == ("cancelled", "no-show", 2)
    assert (await emma.get(at)).json["reason"] == "no-show"
    assert [each.outcome for each in audit(server, subject=id_, action="consultation.no-show")] == ["done"]


async def test_the_room_opens_when_the_doctor_comes_and_the_patient_when_let_in(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await ask(emma)
    async with in_the_room(emma, id_) as his:
        await on_duty(claes)
        await claim(claes)
        assert (await claes.post(f"/consultations/{id_}/ticket", {})).code == "state", "call first"
        await claes.post(f"/consultations/{id_}/call")
        async with in_the_room(claes, id_) as hers:
            await his.until(lambda room: room.state.value == "open")
            assert not his.room.admitted
            await hers.admit(his.room.me)
            await his.until(lambda room: room.admitted)
            await claes.post(f"/consultations/{id_}/close", {"outcome": "advice"})
            await within_a_second(lambda: is_over(his))
    assert his.room.ended_for == "ended"


async def is_over(client: Client) -> bool:
    return client.over is not None


# --- Who may be on duty ---


async def test_a_doctor_nobody_verified_is_not_on_duty(server: ServerProcess) -> None:
    async with a_person(server.origin, "peeters", "doctor") as peeters:
        refused = await peeters.put("/duty", {"on_duty": True, "languages": ["nl"]})
        assert (refused.status, refused.code) == (403, "may-not-go-on-duty")
        assert (await peeters.get("/queue")).code == "not-on-duty"
        assert (await claim(peeters)).code == "not-on-duty"
        me = (await peeters.get("/me")).json["doctor"]
        assert (me["on_duty"], me["may_go_on_duty"], me["why_not"]) == (
            False,
            False,
            ["registry-not-verified"],
        )


async def test_languages_that_the_doctor_does_not_speak_are_refused_by_name(people: People) -> None:
    for languages in ([], ["de"], ["nl", "de"]):
        refused = await people["claes"].put("/duty", {"on_duty": True, "languages": languages})
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "/languages")
    assert (await people["claes"].get("/me")).json["doctor"]["on_duty"] is False


async def test_a_doctor_whose_verification_lapses_drops_out_at_that_moment(
    server: ServerProcess, people: People
) -> None:
    claes = people["claes"]
    id_ = await ask(people["emma"])
    await on_duty(claes)
    await claim(claes)
    verified = "UPDATE doctors SET registry_verified_at_us = :at WHERE on_duty_since_us IS NOT NULL"
    long_ago = time.time_ns() // 1000 - timedelta(days=400) // timedelta(microseconds=1)
    with opened(server) as records:
        (before,) = records.execute(
            "SELECT registry_verified_at_us FROM doctors WHERE on_duty_since_us IS NOT NULL"
        ).fetchone()
        records.execute(verified, {"at": long_ago})
        records.commit()
    try:
        assert (await claes.get("/queue")).code == "not-on-duty"
        refused = await claes.post(f"/consultations/{id_}/call")
        assert (refused.status, refused.code) == (403, "may-not-go-on-duty")
        assert (await claes.get("/me")).json["doctor"]["why_not"] == ["registry-lapsed"]
    finally:
        with opened(server) as records:
            records.execute(verified, {"at": before})
            records.commit()


# --- Who may ask, and how often ---


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """As it is without any settings: policy belgium, five consultations a month."""
    settings = {"ITSME_ENVIRONMENT": "development", "WORKERS": "1"}
    async with running_server(settings, beneath=tmp_path_factory.mktemp("strict")) as running:
        yield running


async def test_there_are_five_consultations_a_month_and_what_was_cancelled_is_none(
    strict_server: ServerProcess,
) -> None:
    origin = strict_server.origin
    async with a_person(origin, "emma") as emma, a_person(origin, "claes", "doctor") as claes:
        id_ = await ask(emma)
        assert (await emma.post("/consultations", await a_request(emma))).code == "already-waiting"
        await emma.post(f"/consultations/{id_}/cancel")
        for left in range(5, 0, -1):
            assert (await emma.get("/me")).json["patient"]["consultations_left"] == left
            id_ = await called(emma, claes)
            await claes.post(f"/consultations/{id_}/close", {"outcome": "advice"})
        assert (await emma.get("/me")).json["patient"]["consultations_left"] == 0
        refused = await emma.post("/consultations", await a_request(emma))
        assert (refused.status, refused.code) == (429, "fair-use")
        async with a_person(origin, "sofie") as sofie:
            assert await ask(sofie), "it is each patient's own"


async def test_where_nothing_is_recorded_nobody_can_agree_to_it(strict_server: ServerProcess) -> None:
    origin = strict_server.origin
    async with a_person(origin, "youssef") as youssef, a_person(origin, "dubois", "doctor") as dubois:
        yes = {"granted": True, "text_version": "1"}
        body = await a_request(youssef)
        body["consents"] = body["consents"] | {"recording": yes}
        refused = await youssef.post("/consultations", body)
        assert (refused.status, refused.code) == (403, "recording-forbidden")
        id_ = await called(youssef, dubois)
        for person in (youssef, dubois):
            refused = await consent(person, id_, "recording")
            assert (refused.status, refused.code) == (403, "recording-forbidden")
        refused = await dubois.post(f"/consultations/{id_}/consents/recording/request")
        assert (refused.status, refused.code) == (403, "recording-forbidden")
        consents = (await youssef.get(f"/consultations/{id_}/consents")).json["consents"]
        assert [each["kind"] for each in consents] == ["teleconsultation"]
        noted = audit(strict_server, subject=id_, why="recording-forbidden")
        assert [(each.role, each.outcome) for each in noted] == [
            ("patient", "refused"),
            ("doctor", "refused"),
            ("doctor", "refused"),
        ]
    with opened(strict_server) as records:
        assert records.execute("SELECT count(*) FROM consents WHERE kind = 'recording'").fetchone() == (0,)
        assert records.execute("SELECT count(*) FROM recordings").fetchone() == (0,)


async def test_an_alarm_sign_stops_until_the_patient_chooses_and_the_choice_is_kept(
    server: ServerProcess, people: People
) -> None:
    emma = people["emma"]
    body = await a_request(emma, flag=True)
    stopped = await emma.post("/consultations", body)
    assert (stopped.status, stopped.code) == (409, "red-flag")
    assert (await emma.get("/me")).json["patient"]["active_consultation"] is None
    warning = {"choice": "continue", "flags": ["alarm.chest"], "questionnaire_version": "1"}
    assert (await emma.post("/intake-warnings", warning)).status == 204
    id_ = await ask(emma, flag=True, continue_despite_warning=True)
    (kept,) = audit(server, subject=id_, action="intake-warning.continue")
    assert (kept.role, set(kept.details)) == ("patient", {"flags", "passed_at_us"})
    assert audit(server, action="consultation.create", outcome="refused", why="red-flag")


async def test_an_adult_may_ask_for_a_child_and_for_nobody_else(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    child = {
        "given_name": "Lou",
        "family_name": "Janssens",
        "relationship": "parent",
        "birthdate": "2020-05-01",
    }
    for birthdate, why in (("1990-05-01", "not-a-child"), ("2999-05-01", "not-a-child")):
        refused = await emma.post(
            "/consultations", await a_request(emma, proxy_for=child | {"birthdate": birthdate})
        )
        assert (refused.status, refused.json["errors"][0]["code"]) == (422, why)
        assert refused.json["errors"][0]["field"] == "/proxy_for/birthdate"
    id_ = await called(emma, claes, proxy_for=child)
    summary = (await claes.get(f"/consultations/{id_}/intake")).json["summary"]["text"]
    assert "Lou Janssens" in summary
    assert "Emma Janssens (parent)" in summary


async def test_a_doctor_reads_the_summary_in_the_language_asked_for(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    at = f"/consultations/{await called(emma, claes)}/intake"
    own = (await claes.get(at)).json
    german = (await claes.get(f"{at}?lang=de")).json
    assert (german["summary"]["language"], german["questionnaire"]["language"]) == ("de", "de")
    assert german["summary"]["text"] != own["summary"]["text"]
    assert german["questionnaire_response"] == own["questionnaire_response"]
    quoted = [line for part in german["summary"]["sections"] for line in part["lines"] if line["quoted"]]
    assert {line["language"] for line in quoted} == {"nl"}, "whoever reads them"
    refused = await claes.get(f"{at}?lang=es")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "lang")


async def test_answers_are_kept_for_later_and_go_with_the_consultation(people: People) -> None:
    emma = people["emma"]
    request = await a_request(emma)
    response = request["questionnaire_response"] | {"status": "in-progress"}
    response["item"] = response["item"][:1]
    assert (await emma.get("/intake-draft")).code == "not-found"
    kept = await emma.put("/intake-draft", {"questionnaire_response": response, "language": "nl"})
    assert kept.status == 204
    assert (await emma.get("/me")).json["patient"]["intake_draft"] is True
    resumed = (await emma.get("/intake-draft")).json
    (reason,) = resumed["questionnaire_response"]["item"]
    words = {each["linkId"]: each["answer"] for each in reason["item"]}
    assert words["reason.words"] == [{"valueString": WORDS}]
    assert (await people["sofie"].get("/intake-draft")).code == "not-found"
    await ask(emma)
    assert (await emma.get("/intake-draft")).code == "not-found"
