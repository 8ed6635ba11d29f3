"""The waiting room of the HTTP interface (protocol §3), used by the development provider's test persons.

Only a development server lets them log in. There are few of them, and each patient has one consultation at a
time and so many in a month (FAIR_USE_PER_MONTH), so this finds out how long things take, not how many fit.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Self

import aiohttp

from loadtest.answers import answered
from loadtest.errors import code_of
from loadtest.person import Answer, Person, a_person
from loadtest.tickets import Ticket
from loadtest.tool.entrances import Entrance, OneTicket
from loadtest.tool.errors import TicketFailed
from loadtest.tool.scenarios.waiting_room import DeskFailed

PATIENTS = ("emma", "youssef", "sofie")
DOCTORS = ("claes", "dubois")
NOTICES = ("privacy-notice", "not-an-emergency")
OVER = ("finished", "cancelled")
END_S = 4.0  # for each person
LANGUAGE = "nl"
FAILURES = (aiohttp.ClientError, TimeoutError, KeyError, TypeError, ValueError, AssertionError, StopIteration)


class ConsultationDesk:
    """Made by `open`; everybody's consultations are ended, and nobody is on duty, when `stack` closes."""

    through = "http"

    def __init__(self, patients: Sequence[Person], doctors: Sequence[Person]) -> None:
        self._patients = patients
        self._doctors = doctors
        self.patients = len(patients)
        self.doctors = len(doctors)

    @classmethod
    async def open(cls, stack: AsyncExitStack, origin: str, patients: int, doctors: int) -> Self | None:
        """None where test persons cannot log in."""
        try:
            ours = [
                await stack.enter_async_context(a_person(origin, key, "patient"))
                for key in PATIENTS[:patients]
            ]
            theirs = [
                await stack.enter_async_context(a_person(origin, key, "doctor")) for key in DOCTORS[:doctors]
            ]
        except FAILURES:
            return None
        desk = cls(ours, theirs)
        stack.push_async_callback(desk.end_everything)
        await desk.end_everything()  # what an earlier test may have left
        for doctor in theirs:
            _expect(await doctor.put("/duty", {"on_duty": True, "languages": [LANGUAGE]}), 200)
        return desk

    async def ask(self, patient: int) -> str:
        person = self._patients[patient]
        try:
            questionnaire = (await person.get(f"/questionnaire?lang={LANGUAGE}")).json
            texts = (await person.get(f"/consent-texts?lang={LANGUAGE}")).json
            asked = await person.post("/consultations", _request(questionnaire, texts))
        except FAILURES as error:
            raise DeskFailed(code_of(error)) from error
        return str(_expect(asked, 201)["id"])

    async def claim(self, doctor: int) -> str | None:
        person = self._doctors[doctor]
        try:
            claimed = await person.post("/queue/claim", {})
            if claimed.status == 404:
                return None
            room = str(_expect(claimed, 200)["id"])
            _expect(await person.post(f"/consultations/{room}/call"), 200)
        except FAILURES as error:
            raise DeskFailed(code_of(error)) from error
        return room

    def entrance(self, number: int, role: str) -> Entrance:
        return _OwnTicket((self._patients if role == "patient" else self._doctors)[number])

    async def finish(self, doctor: int, room: str) -> None:
        try:
            closed = await self._doctors[doctor].post(f"/consultations/{room}/close", {"outcome": "advice"})
        except FAILURES as error:
            raise DeskFailed(code_of(error)) from error
        _expect(closed, 200)

    async def end_everything(self) -> None:
        """As far as the server lets us, and answers: the doctors first, then the patients, all at once."""
        await asyncio.gather(*(_in_time(self._end_doctor(doctor)) for doctor in self._doctors))
        await asyncio.gather(*(_in_time(self._end_patient(patient)) for patient in self._patients))

    async def _end_doctor(self, doctor: Person) -> None:
        for one in await _open_ones(doctor):
            at = f"/consultations/{one['id']}"
            if one["state"] == "triaged":
                await doctor.post(f"{at}/give-back")
            else:
                await doctor.post(f"{at}/close", {"outcome": "advice"})
        await doctor.put("/duty", {"on_duty": False})

    async def _end_patient(self, patient: Person) -> None:
        for one in await _open_ones(patient):
            await patient.post(f"/consultations/{one['id']}/cancel")


async def _in_time(farewell: Coroutine[Any, Any, None]) -> None:
    with suppress(*FAILURES):  # it is gone, and they with it
        async with asyncio.timeout(END_S):
            await farewell


class _OwnTicket:
    """Of one person, to a consultation that is theirs. Whether they wait is the server's to say."""

    def __init__(self, person: Person) -> None:
        self._person = person

    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        try:
            answer = await self._person.post(f"/consultations/{room}/ticket", {})
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TicketFailed(code_of(error)) from error
        if answer.status != 200:
            raise TicketFailed(f"http {answer.status}")
        return OneTicket(str(answer.json["url"]), str(answer.json["ticket"]))


def _request(questionnaire: Any, texts: Any) -> Mapping[str, Any]:
    versions = {text["kind"]: text["version"] for text in texts}
    return {
        "questionnaire_response": answered(questionnaire),
        "language": LANGUAGE,
        "insurance_fund": "306",
        "location": "Gent",
        "consents": {
            "teleconsultation": {"granted": True, "text_version": versions["teleconsultation"]},
        },
        "notices": {kind: {"acknowledged": True, "text_version": versions[kind]} for kind in NOTICES},
    }


def _expect(answer: Answer, status: int) -> Any:
    """Raises DeskFailed with the server's own code."""
    if answer.status != status:
        setting = " (the server's setting FAIR_USE_PER_MONTH)" if answer.code == "fair-use" else ""
        raise DeskFailed(f"http {answer.status}" + (f" {answer.code}" if answer.code else "") + setting)
    return answer.json


async def _open_ones(person: Person) -> list[dict[str, Any]]:
    listed = (await person.get("/consultations")).json["consultations"]
    return [each for each in listed if each["state"] not in OVER]
