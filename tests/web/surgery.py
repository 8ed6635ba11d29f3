"""A surgery for the tests of the doctor's page: the real server, and people who come again and again.

    async with a_surgery(browser, files) as surgery:
        page, patient = await surgery.call()            # doctor and patient see each other

Patients are real, too, but have no page: they speak HTTP (`tests.consultation`), and where a test needs them
in the room, the JavaScript client from a page without any markup.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from media_server.consulting import medical_file_key
from media_server.medical_file import file_name
from media_server.records import FieldKeys
from signalling import Private
from tests.consultation.person import Person, a_person
from tests.consultation.story import ask, consent
from tests.server_process import ServerProcess, running_server
from tests.web.axe import assert_accessible
from tests.web.browser import DESK, Site

WORDS = "Sinds gisteren keelpijn en koorts"
NUMBER = "98472899765"  # of the patient called Youssef
CUSTODIAN = "age1xntrzz7uenrlj9dul3tymy3gzy25jjkedxj90p04ss5cwamq8ycs46htff"  # nobody's: none is opened
SSIN = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"
DOCTOR = "/consultation/doctor"
TALKING = "() => document.querySelector('.tile video')?.videoWidth > 0"
FOCUSED = (
    "document.activeElement.id || document.activeElement.dataset.action || document.activeElement.tagName"
)
# Several pictures are coded and decoded on the processors of server and tests.
SMALL_PICTURE = """
    const ask = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = function ({ audio, video }) {
      return ask.call(this, { audio, video: video && { width: 320, height: 180 } });
    };
"""
JOIN = """async (ticket) => {
  const { TeleconsultClient } = await import("/web/client.js");
  window.room = new TeleconsultClient({ getTicket: async () => ticket });
  window.heard = [];
  const read = (body) => JSON.parse(new TextDecoder().decode(body));
  room.on("relay", ({ kind, body }) => kind === "chat" && heard.push(read(body)));
  const video = { width: 320, height: 180 };
  const devices = await navigator.mediaDevices.getUserMedia({ audio: true, video });
  room.publish(devices.getVideoTracks()[0], "camera");
  room.publish(devices.getAudioTracks()[0], "microphone");
  await room.join();
}"""
SAY = "(said) => room.relay(null, 'chat', new TextEncoder().encode(JSON.stringify(said)))"


def a_medical_file() -> dict[str, Any]:
    """With an allergy that must not be missed, a medicine, a problem, a letter, and something unforeseen."""
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "identifier": [{"system": SSIN, "value": NUMBER}]},
        {
            "resourceType": "AllergyIntolerance",
            "criticality": "high",
            "code": {"text": "Penicilline"},
            "reaction": [{"manifestation": [{"text": "Gezwollen gelaat"}]}],
        },
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "medicationCodeableConcept": {"coding": [{"code": "H03AA01", "display": "Levothyroxine"}]},
            "dosage": [{"text": "75 µg, nuchter"}],
        },
        {"resourceType": "Condition", "code": {"text": "Hypothyreoïdie"}, "onsetDateTime": "2019-02"},
        {
            "resourceType": "DocumentReference",
            "type": {"text": "Ontslagbrief"},
            "date": "2023-11-28T10:00:00Z",
        },
        {"resourceType": "FamilyMemberHistory", "status": "completed"},
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


@dataclass
class Surgery:
    """A server with a medical file of Youssef, and people who come again for every test.

    `kept` is of the one call that many tests look at; Youssef and Dr. Dubois are in it from then on.
    """

    server: ServerProcess
    site: Site
    people: AsyncExitStack
    known: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, Any] = field(default_factory=dict)
    kept: list[BrowserContext] = field(default_factory=list)
    opened: list[BrowserContext] = field(default_factory=list)

    async def person(self, key: str, role: str = "patient") -> Person:
        """Logged in, over HTTP."""
        if key not in self.known:
            self.known[key] = await self.people.enter_async_context(a_person(self.server.origin, key, role))
        return self.known[key]

    async def page(self, path: str = DOCTOR, *, viewport: ViewportSize = DESK, **options: Any) -> Page:
        page = await self.site.open(path, viewport=viewport, fake_room=False, before=SMALL_PICTURE, **options)
        page.context.set_default_timeout(30_000)
        self.opened.append(page.context)
        return page

    async def doctor(self, key: str = "claes", **options: Any) -> Page:
        """At the desk. Logging in takes a while: the first time only."""
        if key in self.sessions:
            page = await self.page(storage_state=self.sessions[key], **options)
        else:
            page = await self.page(**options)
            await page.click("[data-action=login]")
            await page.click(f"button[value={key}]")
        await page.locator(".desk, .workspace").wait_for()
        self.sessions[key] = await page.context.storage_state()
        return page

    async def case(self, doctor: str = "claes", patient: str = "emma") -> "Talk":
        """A patient is taken, and their papers are open."""
        person = await self.person(patient)
        waiting = Patient(self, person, await ask(person))
        page = await self.doctor(doctor)
        await page.click("[data-action=duty]")
        await page.click("[data-action=claim-next]")
        await page.locator("blockquote").first.wait_for()
        return page, waiting

    async def call(self, doctor: str = "claes", patient: str = "emma") -> "Talk":
        """Doctor and patient see each other."""
        page, waiting = await self.case(doctor, patient)
        await waiting.join()
        await page.click(".ready [data-action=call]")
        await page.wait_for_function(TALKING)
        return page, waiting

    async def tidy(self) -> None:
        """Whoever is not in the kept call goes home, and has no consultation any more."""
        for context in self.opened:
            if context not in self.kept:
                await context.close()
        self.opened = list(self.kept)
        busy = ("dubois", "youssef") if self.kept else ()
        for key in ("claes", "dubois"):
            await self.person(key, "doctor")
        for key, person in self.known.items():
            if key in busy:
                continue
            me = (await person.get("/me")).json
            if me["doctor"] is not None:
                await self._free(person)
            elif (active := me["patient"]["active_consultation"]) is not None:
                await person.post(f"/consultations/{active}/cancel")
        self.site.complaints.clear()

    async def _free(self, doctor: Person) -> None:
        for one in (await doctor.get("/consultations")).json["consultations"]:
            if one["state"] == "in-progress":
                await doctor.post(f"/consultations/{one['id']}/close", {"outcome": "advice"})
            elif one["state"] == "triaged":
                await doctor.post(f"/consultations/{one['id']}/give-back")
        await doctor.put("/duty", {"on_duty": False, "languages": []})


@dataclass
class Patient:
    surgery: Surgery
    person: Person
    consultation: str
    page: Page | None = None

    async def agree(self, kind: str, granted: bool = True, **more: Any) -> None:
        assert (await consent(self.person, self.consultation, kind, granted, **more)).status == 200

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.person.get(f"/consultations/{self.consultation}")).json
        return found

    async def join(self) -> None:
        """Into the room, where they wait."""
        ticket = (await self.person.post(f"/consultations/{self.consultation}/ticket", {})).json
        self.page = await self.surgery.page("/web/favicon.svg")
        await self.page.evaluate(JOIN, {"ticket": ticket["ticket"], "url": ticket["url"]})

    async def say(self, said: dict[str, Any]) -> None:
        assert self.page is not None
        await self.page.evaluate(SAY, said)

    async def heard(self, count: int) -> list[Any]:
        assert self.page is not None
        await self.page.wait_for_function("(count) => heard.length >= count", arg=count)
        heard: list[Any] = await self.page.evaluate("heard")
        return heard


Talk = tuple[Page, Patient]


@asynccontextmanager
async def a_surgery(browser: Browser, files: Path) -> AsyncIterator[Surgery]:
    """Its medical files are in that folder."""
    settings = {
        "ITSME_ENVIRONMENT": "development",
        "POLICY": "consented-recording",
        "FAIR_USE_PER_MONTH": "1000",
        "MEDICAL_FILES_DIR": str(files),
        "RECORDING_CUSTODIANS": CUSTODIAN,
        "WORKERS": "1",
    }
    async with running_server(settings, beneath=files.parent) as server, AsyncExitStack() as people:
        key = medical_file_key(FieldKeys.open(server.data_dir / "keys" / "fields"))
        (files / file_name(key, Private(NUMBER))).write_text(json.dumps(a_medical_file()))
        yield Surgery(server, Site(server.origin, browser), people)


async def seen(page: Page, text: str) -> None:
    await page.get_by_text(text, exact=True).and_(page.locator(":visible")).first.wait_for()


async def in_both_schemes(page: Page, place: str) -> None:
    await page.emulate_media(color_scheme="light")
    await assert_accessible(page, f"{place}, light")
    await page.emulate_media(color_scheme="dark")
    await assert_accessible(page, f"{place}, dark")


async def everything(page: Page) -> str:
    """All the markup there is, shown or not."""
    return str(await page.evaluate("document.documentElement.outerHTML"))
