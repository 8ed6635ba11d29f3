"""A doctor who vanishes in the call, and who goes before others for having lost one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from loadtest import Client
from loadtest.events import Event, Other
from tests.consultation.call import a_call, in_the_room, within_a_second
from tests.consultation.person import Person, a_person
from tests.consultation.records import audit, opened
from tests.consultation.story import a_guest, ask, called, claim, end_everything, on_duty
from tests.consultation.test_queue import Places
from tests.server_process import ServerProcess, running_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def impatient_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """Where a doctor who loses the connection is away after two seconds, the first of them to resume in."""
    settings = {
        "ITSME_ENVIRONMENT": "development",
        "WORKERS": "1",
        "FAIR_USE_PER_MONTH": "1000",
        "DOCTOR_ABSENCE_S": "1",
        "RESUME_WINDOW_S": "1",
    }
    async with running_server(settings, beneath=tmp_path_factory.mktemp("impatient")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def impatient(impatient_server: ServerProcess) -> AsyncIterator[People]:
    origin = impatient_server.origin
    async with (
        a_person(origin, "emma") as emma,
        a_person(origin, "youssef") as youssef,
        a_person(origin, "claes", "doctor") as claes,
        a_person(origin, "dubois", "doctor") as dubois,
    ):
        yield {"emma": emma, "youssef": youssef, "claes": claes, "dubois": dubois}
        await end_everything([claes, dubois], [emma, youssef])


class MayReturn:
    """What a patient in the call is told of going back, in order."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Other) and event.type == "queue" and "may_return" in event.fields:
            self.told.append(event.fields["may_return"])


async def test_a_patient_whose_doctor_vanished_goes_back_before_others(
    impatient_server: ServerProcess, impatient: People
) -> None:
    emma, claes, dubois = impatient["emma"], impatient["claes"], impatient["dubois"]
    earlier = await ask(impatient["youssef"])
    id_ = await called(emma, claes)
    at = f"/consultations/{id_}"
    told = MayReturn()
    async with in_the_room(emma, id_, on_event=told) as his, a_guest(claes, id_) as guest:
        async with in_the_room(claes, id_) as hers:
            await hers.admit(his.room.me)
            await his.until(lambda room: room.admitted)
            assert (await emma.post(f"{at}/return-to-queue")).code == "doctor-there"
            assert (await emma.get(at)).json["may_return"] is False
            await hers.leave()
        await his.until(lambda _: told.told == [True])
        assert (await emma.get(at)).json["may_return"] is True
        back = await emma.post(f"{at}/return-to-queue")
        assert (back.status, back.json["state"], back.json["doctor"]) == (200, "arrived", None)
        assert back.json["queue"]["position"] == 1, "before whoever came earlier and had no doctor yet"
        await within_a_second(lambda: over(his))
        assert (await guest.post(f"{at}/ticket", {})).code == "invitation"
    assert (await claes.get(at)).status == 404, "it is the doctor's no longer"
    places = Places()
    async with in_the_room(emma, id_, on_event=places) as again:
        assert not again.room.admitted, "the next doctor lets the patient in"
        await places.until(1)
    await on_duty(dubois)
    waiting = (await dubois.get("/queue")).json["waiting"]
    assert [(each["consultation"], each["priority"]) for each in waiting] == [(id_, 100), (earlier, 0)]
    assert (await claim(dubois)).json["id"] == id_
    assert (await dubois.post(f"{at}/call")).json == {"attempt": 1}
    noted = audit(impatient_server, subject=id_, action="consultation.return")
    assert [(each.role, each.outcome) for each in noted] == [("patient", "done")]


async def test_a_doctor_may_come_back_before_the_patient_has_gone(impatient: People) -> None:
    emma, claes = impatient["emma"], impatient["claes"]
    id_ = await called(emma, claes)
    told = MayReturn()
    async with in_the_room(emma, id_, on_event=told) as his:
        async with in_the_room(claes, id_) as hers:
            await hers.admit(his.room.me)
            await his.until(lambda room: room.admitted)
            await hers.leave()
            await his.until(lambda _: told.told == [True])
        async with in_the_room(claes, id_):
            await his.until(lambda _: told.told == [True, False])
            assert his.room.admitted
            assert (await emma.post(f"/consultations/{id_}/return-to-queue")).code == "doctor-there"


async def test_a_patient_who_is_not_in_the_room_any_more_goes_back_as_well(impatient: People) -> None:
    emma, claes = impatient["emma"], impatient["claes"]
    id_ = await called(emma, claes)
    async with a_call(claes, emma, id_):
        pass
    at = f"/consultations/{id_}"
    async with asyncio.timeout(10):
        while not (await emma.get(at)).json["may_return"]:  # noqa: ASYNC110  nobody is told of it
            await asyncio.sleep(0.05)
    assert (await emma.post(f"{at}/return-to-queue")).json["state"] == "arrived"
    assert (await emma.post(f"{at}/return-to-queue")).code == "state", "once"
    assert (await emma.post(f"{at}/cancel")).json["state"] == "cancelled"


async def test_a_doctor_who_asks_for_the_consultation_before_calling_is_there(
    server: ServerProcess, people: People
) -> None:
    emma, claes = people["emma"], people["claes"]
    id_ = await ask(emma)
    await on_duty(claes)
    await claim(claes, id_)

    async def seen_again(by: Person, path: str) -> bool:
        with opened(server) as records:
            records.execute("UPDATE consultations SET doctor_seen_at_us = 1 WHERE id = ?", (id_,))
            records.commit()
        assert (await by.get(f"/consultations/{id_}{path}")).status == 200
        with opened(server) as records:
            (seen,) = records.execute(
                "SELECT doctor_seen_at_us FROM consultations WHERE id = ?", (id_,)
            ).fetchone()
        return int(seen) > 1

    assert await seen_again(claes, "")
    assert await seen_again(claes, "/intake")
    assert not await seen_again(emma, "")


async def test_who_is_given_back_goes_before_others_unless_they_did_not_answer(people: People) -> None:
    claes = people["claes"]
    first, second, third = [await ask(people[key]) for key in ("emma", "youssef", "sofie")]
    await on_duty(claes)
    assert (await claim(claes, second)).status == 200
    assert (await claes.post(f"/consultations/{second}/give-back")).status == 204
    assert await in_order(claes) == [(second, 100), (first, 0), (third, 0)]
    await claim(claes, third)
    await claes.post(f"/consultations/{third}/call")
    assert (await claes.post(f"/consultations/{third}/missed-call")).json["missed_calls"] == 1
    assert (await claes.post(f"/consultations/{third}/give-back")).status == 204
    assert await in_order(claes) == [(second, 100), (first, 0), (third, 0)]


async def in_order(doctor: Person) -> list[tuple[str, int]]:
    waiting = (await doctor.get("/queue")).json["waiting"]
    assert [each["position"] for each in waiting] == list(range(1, len(waiting) + 1))
    return [(each["consultation"], each["priority"]) for each in waiting]


async def test_a_doctor_takes_by_language_and_by_priority(people: People) -> None:
    claes, emma = people["claes"], people["emma"]
    nl = await ask(emma)
    await on_duty(claes, "nl", "fr")
    others: tuple[dict[str, Any], ...] = ({"languages": ["fr"]}, {"priority": 100})
    for body in others:
        assert (await claes.post("/queue/claim", body)).code == "queue-empty"
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"languages": []}, "/languages"),
        ({"languages": ["es"]}, "/languages/0"),
        ({"priority": -1}, "/priority"),
        ({"priority": 1001}, "/priority"),
    )
    for body, field in wrong:
        refused = await claes.post("/queue/claim", body)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)
    assert (await claes.post("/queue/claim", {"languages": ["de"]})).code == "queue-empty", (
        "not on duty for it"
    )
    assert (await claes.post("/queue/claim", {"languages": ["nl"]})).json["id"] == nl
    await claes.post(f"/consultations/{nl}/give-back")
    assert (await claes.post("/queue/claim", {"priority": 100})).json["id"] == nl


async def over(client: Client) -> bool:
    return client.over is not None
