"""What nobody may do without the patient's word: refused, noted, and nothing touched; and then done, until it
is taken back.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from loadtest import Client, Refused
from media_server.consent_texts import TextKind, consent_text
from media_server.languages import Language
from tests.consultation.call import a_call, in_the_room, until_heard, within_a_second
from tests.consultation.person import Person
from tests.consultation.records import audit
from tests.consultation.story import (
    ALLERGY,
    GP,
    NOTICES,
    a_guest,
    a_request,
    ask,
    called,
    claim,
    consent,
    on_duty,
)
from tests.consultation.test_story import until
from tests.server_process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]
SAYING_NO: tuple[dict[str, Any], ...] = ({}, {"teleconsultation": {"granted": False, "text_version": "1"}})


@pytest.mark.parametrize("consents", SAYING_NO, ids=["silence", "no"])
async def test_nobody_waits_without_consent_to_a_teleconsultation(
    server: ServerProcess, people: People, consents: dict[str, object]
) -> None:
    emma, claes = people["emma"], people["claes"]
    before = len(audit(server, action="consultation.create", outcome="refused", why="consent-needed"))
    answer = await emma.post("/consultations", await a_request(emma, consents=consents))
    assert (answer.status, answer.code) == (403, "consent-needed")
    assert (await emma.get("/me")).json["patient"]["active_consultation"] is None
    await on_duty(claes)
    assert (await claes.get("/queue")).json == {"waiting": [], "claimed": []}
    after = audit(server, action="consultation.create", outcome="refused", why="consent-needed")
    assert len(after) == before + 1
    assert after[-1].role == "patient"


async def test_what_the_patient_was_told_beforehand_is_kept(server: ServerProcess, people: People) -> None:
    emma = people["emma"]
    id_ = await ask(emma)
    texts = {each["kind"]: each for each in (await emma.get("/consent-texts?lang=nl")).json}
    kept = audit(server, subject=id_, action="notice.acknowledged")
    assert [(entry.role, entry.outcome) for entry in kept] == [("patient", "done")] * 2
    assert [dict(entry.details) for entry in kept] == [
        {
            "kind": kind,
            "version": texts[kind]["version"],
            "language": "nl",
            "hash": consent_text(TextKind(kind), Language.NL).hash,
        }
        for kind in NOTICES
    ]


async def test_a_notice_of_another_version_has_to_be_shown_again(people: People) -> None:
    emma = people["emma"]
    body = await a_request(emma)
    body["notices"]["not-an-emergency"]["text_version"] = "999"
    refused = await emma.post("/consultations", body)
    assert (refused.status, refused.code) == (409, "text-changed")


async def test_who_takes_it_back_waits_no_longer(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await ask(emma)
    await on_duty(claes)
    async with in_the_room(emma, id_) as waiting:
        assert (await consent(emma, id_, "teleconsultation", granted=False)).json["state"] == "withdrawn"
        assert (await claim(claes)).code == "queue-empty"
        after = (await emma.get(f"/consultations/{id_}")).json
        assert (after["state"], after["reason"]) == ("cancelled", "patient")
        await within_a_second(lambda: over(waiting))
    assert (await emma.post(f"/consultations/{id_}/ticket", {})).code == "state"
    assert [entry.outcome for entry in audit(server, subject=id_, action="consent.withdrawn")] == ["done"]


async def test_who_takes_it_back_in_the_call_is_cut_off_and_nobody_comes_in(
    server: ServerProcess, people: People
) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    async with a_call(claes, emma, id_) as (hers, his):
        await consent(emma, id_, "teleconsultation", granted=False)
        await within_a_second(lambda: over(his))
        await within_a_second(lambda: over(hers))
    for person in (emma, claes):
        assert (await person.post(f"/consultations/{id_}/ticket", {})).code == "consent-needed"
    assert len(audit(server, subject=id_, action="room.enter", why="consent-needed")) == 2
    # What the doctor has to write can still be written.
    assert (await claes.put(f"/consultations/{id_}/note", {"text": "Afgebroken."})).status == 204
    assert (await consent(emma, id_, "teleconsultation")).json["state"] == "granted"
    assert (await emma.post(f"/consultations/{id_}/ticket", {})).status == 200


async def test_the_medical_file_is_not_touched_without_consent(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    folder = server.data_dir.parent.parent / "files"
    aside = folder.with_name("files-put-aside")
    id_ = await called(emma, claes)
    file = f"/consultations/{id_}/medical-file"
    folder.rename(aside)  # so that whoever looks for a file fails, and in another way
    try:
        refused = await claes.get(file)
        assert (refused.status, refused.code) == (403, "consent-needed")
        noted = audit(server, subject=id_, action="medical-file.read")
        assert [(entry.outcome, entry.why) for entry in noted] == [("refused", "consent-needed")]
        assert (await consent(emma, id_, "medical_file_access")).json["state"] == "granted"
        looked = await claes.get(file)
        assert (looked.status, looked.code) == (503, "try-again")
    finally:
        aside.rename(folder)
    read = await claes.get(file)
    assert (read.status, ALLERGY in read.body.decode()) == (200, True)
    await consent(emma, id_, "medical_file_access", granted=False)
    assert (await claes.get(file)).code == "consent-needed"
    noted = audit(server, subject=id_, action="medical-file.read")
    assert [entry.outcome for entry in noted] == ["refused", "done", "done", "refused"]


async def test_what_was_agreed_for_the_time_of_the_call_ends_with_it(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    await consent(emma, id_, "medical_file_access")
    await claes.post(f"/consultations/{id_}/close", {"outcome": "advice"})
    assert (await claes.get(f"/consultations/{id_}/medical-file")).code == "state"
    assert (await consent(emma, id_, "medical_file_access")).code == "state"


async def test_the_file_of_the_adult_who_asked_is_not_read_for_a_child(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    child = {
        "given_name": "Lou",
        "family_name": "Janssens",
        "birthdate": "2020-05-01",
        "relationship": "parent",
    }
    id_ = await called(emma, claes, proxy_for=child)
    await consent(emma, id_, "medical_file_access")
    assert (await claes.get(f"/consultations/{id_}/medical-file")).code == "not-found"


async def test_nothing_leaves_for_the_gp_without_consent(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    other_gp = {"name": "Dr. An Maes", "nihdi": "10000403001"}
    folder = server.data_dir / "reports"
    id_ = await called(emma, claes)
    at = f"/consultations/{id_}"
    await claes.put(f"{at}/note", {"text": "Virale faryngitis."})
    assert (await claes.post(f"{at}/close", {"outcome": "advice"})).status == 200
    refused = await claes.post(f"{at}/report")
    assert (refused.status, refused.code) == (403, "consent-needed")
    assert (await emma.get(at)).json["report"] == {"state": "none"}
    noted = audit(server, subject=id_, action="report.queued")
    assert [(entry.outcome, entry.why) for entry in noted] == [("refused", "consent-needed")]

    assert (await consent(emma, id_, "report_to_gp", recipient=other_gp)).status == 200
    await consent(emma, id_, "report_to_gp", granted=False)
    assert (await claes.post(f"{at}/report")).code == "consent-needed"
    assert not (folder / other_gp["nihdi"]).exists()

    assert (await consent(emma, id_, "report_to_gp", recipient=GP)).status == 200
    sent = len(list((folder / GP["nihdi"]).glob("*.json")))
    assert (await claes.post(f"{at}/report")).status == 202
    await until(lambda: len(list((folder / GP["nihdi"]).glob("*.json"))) == sent + 1)
    assert {path.name for path in folder.iterdir()} <= {GP["nihdi"]} | {".tmp"}, (
        "only to the GP who was named"
    )


async def test_nobody_is_recorded_without_consent(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)

    async def recordings() -> list[str]:
        listed = (await claes.get("/recordings")).json["recordings"]
        return [each["state"] for each in listed if each["consultation"] == id_]

    async with a_call(claes, emma, id_) as (hers, his):
        assert (await consent(claes, id_, "recording")).json["state"] == "granted"
        await hers.recording("start")
        assert (await consent(emma, id_, "recording", granted=False)).json["state"] == "refused"
        await within_a_second(lambda: is_recorded(hers, "off"))
        assert await recordings() == []
        assert len(audit(server, subject=id_, action="consent.refused")) == 1

        assert (await consent(emma, id_, "recording")).json["state"] == "granted"
        await hers.recording("start")
        await hers.until(lambda room: room.recording == "on")
        assert await recordings() == ["recording"]
        assert (await consent(emma, id_, "recording", granted=False)).json["state"] == "withdrawn"
        await within_a_second(lambda: is_recorded(his, "off"))
        assert await recordings() == ["closed"]
        await hers.recording("start")
        assert await is_asked(his), "that is all a start comes to"
        await his.consent("recording", "refused")
        await within_a_second(lambda: is_recorded(hers, "off"))
        assert await recordings() == ["closed"]
    assert len(audit(server, subject=id_, action="consent.withdrawn")) == 1


async def test_a_withdrawal_holds_for_who_is_away_for_a_moment(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    async with in_the_room(claes, id_) as hers:
        async with in_the_room(emma, id_) as his:
            await hers.admit(his.room.me)
            await consent(claes, id_, "recording")
            await consent(emma, id_, "recording")
            await his.until(lambda room: len(room.granted) == 2)
            await his.leave()
        await consent(emma, id_, "recording", granted=False)
        async with in_the_room(emma, id_) as back:
            assert back.room.admitted
            await hers.recording("start")
            assert back.room.recording != "on"
            assert back.room.me not in back.room.granted


async def test_a_guest_is_heard_and_hears_only_while_doctor_and_patient_both_agree(
    server: ServerProcess, people: People
) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    async with a_guest(claes, id_) as guest, a_call(claes, emma, id_) as (hers, his):
        await until_heard(his)
        async with in_the_room(guest, id_) as third:
            assert await silent(third)
            assert await refusal(hers, third) == "consent-needed"
            assert not third.room.admitted
            noted = audit(server, subject=id_, action="guest.admit")
            assert [(entry.role, entry.outcome, entry.why) for entry in noted] == [
                ("doctor", "refused", "consent-needed")
            ]
            assert (await emma.get("/audit-trail")).status == 200

            assert (await consent(emma, id_, "third_party_presence")).json["state"] == "granted"
            assert await silent(third), "the doctor has not let them in"
            assert await refusal(hers, third) is None
            assert await until_heard(third)

            await consent(emma, id_, "third_party_presence", granted=False)
            await within_a_second(lambda: over(third))
            await hers.until(lambda room: third.room.me not in room.participants)
            assert third.room.me not in his.room.participants
        assert (await guest.post(f"/consultations/{id_}/ticket", {})).code == "invitation"


async def test_a_guest_who_was_away_while_it_was_taken_back_has_to_knock_again(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    async with a_guest(claes, id_) as guest, in_the_room(claes, id_) as hers:
        await consent(emma, id_, "third_party_presence")
        ticket = (await guest.post(f"/consultations/{id_}/ticket", {})).json
        async with in_the_room(guest, id_) as third:
            await hers.admit(third.room.me)
            await third.until(lambda room: room.admitted)
            await third.leave()
        await consent(emma, id_, "third_party_presence", granted=False)
        async with Client(ticket["url"], ticket["ticket"]) as back:  # the ticket was given out before
            assert not back.room.admitted
            assert await silent(back)


async def test_each_guest_is_agreed_to_one_by_one(server: ServerProcess, people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    at = f"/consultations/{id_}"
    none_yet = await consent(emma, id_, "third_party_presence")
    assert (none_yet.status, none_yet.json["errors"][0]["field"]) == (422, "/guest/invitation")
    async with (
        a_guest(claes, id_, "Amira") as one,
        a_guest(claes, id_, "Joris") as other,
        a_call(claes, emma, id_) as (hers, his),
        in_the_room(one, id_) as interpreter,
        in_the_room(other, id_) as relative,
    ):
        first, second = [each["id"] for each in (await emma.get(f"{at}/invitations")).json]
        unclear = await consent(emma, id_, "third_party_presence")
        assert (unclear.status, unclear.json["errors"][0]["field"]) == (422, "/guest/invitation")
        asked = await claes.post(f"{at}/consents/third_party_presence/request?invitation={first}")
        assert (asked.json["state"], asked.json["guest"]["invitation"]) == ("requested", first)
        granted = await consent(emma, id_, "third_party_presence")  # to whom was asked about
        assert granted.json["guest"] == {"invitation": first, "label": "interpreter"}
        assert await refusal(hers, interpreter) is None
        assert await until_heard(interpreter)

        assert await refusal(hers, relative) == "consent-needed", "the patient agreed to the other one"
        assert await silent(relative)
        await claes.post(f"{at}/consents/third_party_presence/request")
        states = {
            each["guest"]["invitation"]: each["state"]
            for each in (await claes.get(f"{at}/consents")).json["consents"]
            if each["kind"] == "third_party_presence"
        }
        assert states == {first: "granted", second: "requested"}
        await consent(emma, id_, "third_party_presence", guest={"invitation": second})
        assert await refusal(hers, relative) is None
        assert await until_heard(relative)

        await consent(emma, id_, "third_party_presence", granted=False, guest={"invitation": first})
        await within_a_second(lambda: over(interpreter))
        assert relative.over is None, "the other one stays"
        await hers.until(lambda room: relative.room.me in room.participants)
        assert relative.room.me in his.room.participants
        assert (await one.post(f"{at}/ticket", {})).code == "invitation"


async def test_a_guest_who_was_never_invited_cannot_be_agreed_to(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await called(emma, claes)
    request = await a_request(emma)
    early = request["consents"] | {"third_party_presence": request["consents"]["teleconsultation"]}
    refused = await people["sofie"].post("/consultations", request | {"consents": early})
    assert refused.json["errors"][0]["field"] == "/consents/third_party_presence"
    async with a_guest(claes, id_):
        for guest in ({"invitation": "i-nobody"}, {"invitation": "%"}, {}):
            refused = await consent(emma, id_, "third_party_presence", guest=guest)
            assert (refused.status, refused.json["errors"][0]["field"]) == (422, "/guest/invitation")
        request_for = f"/consultations/{id_}/consents/third_party_presence/request"
        assert (await claes.post(f"{request_for}?invitation=i-nobody")).status == 422
    listed = (await claes.get(f"/consultations/{id_}/consents")).json["consents"]
    assert [each["kind"] for each in listed] == ["teleconsultation"]


async def over(client: Client) -> bool:
    return client.over is not None


async def is_asked(client: Client) -> bool:
    """Once the answer to another request is there, what was said before it is, too."""
    await client.request("stats", uplink={}, downlink={})
    return client.room.recording != "on"


async def is_recorded(client: Client, state: str) -> bool:
    return client.room.recording == state


async def silent(client: Client) -> bool:
    """Nothing arrives, and nothing can: there is no transport, and none is made."""
    with pytest.raises(Refused) as refused:
        await client.request("offer", sdp="v=0\r\n", tracks={})
    return refused.value.code == "not-admitted" and not await client.packets() and client.media_state == "new"


async def refusal(doctor: Client, guest: Client) -> str | None:
    """Of letting somebody in."""
    try:
        await doctor.admit(guest.room.me)
    except Refused as refused:
        return refused.code
    return None
