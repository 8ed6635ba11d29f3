"""The doctor's page over the real server: from going on duty to the report, as a doctor meets it.

Patients are real, too, but have no page: they speak HTTP (`tests.consultation`), and where a test needs them
in the room, the JavaScript client from a page without any markup.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, ViewportSize

from media_server.consulting import medical_file_key
from media_server.medical_file import file_name
from media_server.records import FieldKeys
from signalling import Private
from tests.consultation.person import Person, a_person
from tests.consultation.story import GP, ask, consent
from tests.server_process import ServerProcess, running_server
from tests.web.axe import assert_accessible
from tests.web.browser import DESK, PHONE, Site
from tests.web.test_accessibility import AUDIT, LANGUAGES, SOUND

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice(house: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Surgery]:
    files = tmp_path_factory.mktemp("medical-files")
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
        yield Surgery(server, Site(server.origin, house.browser), people)


@pytest_asyncio.fixture(loop_scope="session")
async def surgery(practice: Surgery) -> AsyncIterator[Surgery]:
    yield practice
    await practice.tidy()


def reports(data_dir: Path) -> list[str]:
    """What has arrived at the GP."""
    return [report.read_text() for report in (data_dir / "reports" / GP["nihdi"]).glob("*.json")]


async def seen(page: Page, text: str) -> None:
    await page.get_by_text(text, exact=True).and_(page.locator(":visible")).first.wait_for()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def going_on(practice: Surgery) -> Talk:
    page, patient = await practice.call("dubois", "youssef")
    assert patient.page is not None
    practice.kept += [page.context, patient.page.context]
    return page, patient


@pytest_asyncio.fixture(loop_scope="session")
async def talk(going_on: Talk) -> Talk:
    """A call between Dr. Dubois and Youssef, which goes on from test to test."""
    page, _ = going_on
    await page.evaluate("document.querySelectorAll('dialog').forEach((dialog) => dialog.close())")
    await page.set_viewport_size(DESK)
    await page.select_option("#language", "en")
    return going_on


async def in_both_schemes(page: Page, place: str) -> None:
    await page.emulate_media(color_scheme="light")
    await assert_accessible(page, f"{place}, light")
    await page.emulate_media(color_scheme="dark")
    await assert_accessible(page, f"{place}, dark")


async def everything(page: Page) -> str:
    """All the markup there is, shown or not."""
    return str(await page.evaluate("document.documentElement.outerHTML"))


# At the desk


async def test_a_doctor_on_duty_sees_places_and_languages_and_nothing_of_anybodys_health(
    surgery: Surgery,
) -> None:
    emma = await surgery.person("emma")
    consultation = await ask(emma)
    page = await surgery.doctor()
    await seen(page, "You are off duty")
    await page.get_by_role("switch", name="On duty").click()
    line = page.locator(".waiting-list li")
    await line.wait_for()
    assert "Nederlands" in await line.inner_text()
    assert (await page.title()).startswith("(1)")
    markup = await everything(page)
    assert (WORDS in markup, "Janssens" in markup, consultation in markup) == (False, False, True)
    youssef = await surgery.person("youssef")
    await ask(youssef)
    await page.locator(".waiting-list li >> nth=1").wait_for()
    await page.get_by_role("switch", name="On duty").click()
    await page.locator(".waiting-list li").first.wait_for(state="hidden")


async def test_a_doctor_who_may_not_go_on_duty_reads_why(surgery: Surgery) -> None:
    page = await surgery.doctor("peeters")
    await seen(page, "Your registration has not been checked against the register yet.")
    assert await page.get_by_role("switch", name="On duty").is_disabled()


async def test_a_patient_is_not_let_in_here(surgery: Surgery) -> None:
    page = await surgery.page(
        "/v1/auth/itsme/login?role=patient&return_to=/consultation/doctor&ui_locales=en"
    )
    await page.click("button[value=emma]")
    await seen(page, "This page is for doctors")


async def test_whoever_takes_a_patient_too_late_is_told(surgery: Surgery) -> None:
    emma = await surgery.person("emma")
    consultation = await ask(emma)
    page = await surgery.doctor()
    await page.click("[data-action=duty]")
    await page.locator(".waiting-list li").wait_for()
    dubois = await surgery.person("dubois", "doctor")
    await dubois.put("/duty", {"on_duty": True, "languages": ["nl"]})
    # Between two looks at the queue, as it happens.
    await page.route("**/v1/queue", lambda route: route.abort())
    assert (await dubois.post("/queue/claim", {"consultation": consultation})).status == 200
    await page.click(f"[data-consultation='{consultation}']")
    await seen(page, "Another doctor has just taken this consultation.")


# Before the call


async def test_the_patients_own_words_come_first_and_every_answer_is_at_hand(surgery: Surgery) -> None:
    page, _ = await surgery.case()
    quote = page.locator("blockquote").first
    assert (await quote.inner_text()).strip("“”") == WORDS
    assert await quote.get_attribute("lang") == "nl"
    sections = await page.eval_on_selector_all(
        ".summary-part", "(parts) => parts.map((part) => part.dataset.section)"
    )
    assert sections[:2] == ["reason", "alarm"]
    assert set(sections) == {
        "reason", "alarm", "history", "background", "expectation", "identity", "record",
    }  # fmt: skip
    assert "not asked" in await page.locator("[data-section=history]").inner_text()
    await page.get_by_text("All answers").click()
    assert WORDS in await page.locator(".answers-list").inner_text()
    # In the page's language, not in the doctor's own.
    assert await page.locator(".summary").get_attribute("lang") == "en"
    await page.select_option("#language", "fr")
    await page.locator(".summary[lang=fr]").wait_for()
    assert (await quote.inner_text()).strip("“”") == WORDS


async def test_a_patient_given_back_has_the_old_place(surgery: Surgery) -> None:
    page, patient = await surgery.case()
    await page.click(".ready [data-action=give-back]")
    await page.get_by_role("dialog").get_by_role("button", name="Give back").click()
    await page.locator(".waiting-list li").wait_for()
    found = await patient.state()
    assert (found["state"], found["queue"]["position"]) == ("arrived", 1)
    assert WORDS not in await everything(page)


async def test_two_calls_without_an_answer_end_it(surgery: Surgery) -> None:
    page, patient = await surgery.case()
    for attempt in (1, 2):
        await page.click(".ready [data-action=call]")
        await page.locator(".ringing:not([hidden])").get_by_role("button", name="No answer").click()
        await page.get_by_role("dialog").get_by_role("button", name="Nobody answered").click()
        await page.locator(".ready").wait_for()
        assert (await patient.state())["missed_calls"] == attempt
    await seen(page, "The patient did not answer twice.")
    assert (await patient.state())["reason"] == "no-show"
    await page.click(".ready [data-action=back-to-desk]")
    await page.locator(".desk").wait_for()


# In the call


async def test_consent_opens_the_medical_file_and_its_withdrawal_leaves_nothing_of_it(
    talk: Talk,
) -> None:
    page, patient = talk
    await page.click("#tab-file")
    await page.click("#panel-file [data-ask]")
    await seen(page, "The patient has been asked")
    await patient.agree("medical_file_access")
    await page.locator("[data-chapter=allergies] .grave").wait_for()
    texts = {
        chapter: await page.locator(f"[data-chapter={chapter}]").inner_text()
        for chapter in ("allergies", "medications", "problems", "documents", "other")
    }
    assert "Penicilline" in texts["allergies"]
    assert "Gezwollen gelaat" in texts["allergies"]
    assert "Levothyroxine" in texts["medications"]
    assert "75 µg, nuchter" in texts["medications"]
    assert "2019-02" in texts["problems"]
    assert "28 November 2023" in texts["documents"]
    assert "FamilyMemberHistory" in texts["other"]
    await page.click("#panel-file .raw summary")
    await page.locator("#panel-file pre", has_text=NUMBER).wait_for()
    await patient.agree("medical_file_access", False)
    await seen(page, "The patient has taken it back")
    markup = await everything(page)
    assert ("Penicilline" in markup, NUMBER in markup) == (False, False)


async def test_a_guest_comes_by_a_link_and_is_let_in_once_the_patient_agrees(
    surgery: Surgery, talk: Talk
) -> None:
    page, patient = talk
    await page.click("#tab-consents")
    await page.click("[data-action=invite]")
    link = await page.get_by_label("Link for the guest").input_value()
    guest = await surgery.page(link.removeprefix(surgery.server.origin))
    await guest.locator("#name").wait_for()
    assert "#" not in guest.url  # no token stays in the address
    await guest.fill("#name", "Marek Nowak")
    await guest.click("form button[type=submit]")
    await guest.get_by_role("heading", name="Waiting to be let in").wait_for()
    await page.locator(".knocking").get_by_role("button", name="Let in").click()
    await seen(page, "The patient has not agreed to guests yet: ask them first.")
    await patient.agree("third_party_presence")
    await page.locator("[data-kind=third_party_presence][data-state=granted]").wait_for()
    await page.locator(".knocking").get_by_role("button", name="Let in").click()
    await page.locator(".tile >> nth=1").wait_for()
    await guest.wait_for_function(TALKING)
    await guest.reload()  # the link is used up; the session is not, and it knows the name
    await guest.locator(".lobby").wait_for()
    assert await guest.locator("#name").is_hidden()
    await guest.click("form button[type=submit]")
    await guest.wait_for_function(TALKING)  # let in once, they may come back
    await page.locator(".items [data-take-back]").wait_for()
    assert "In the call" in await page.locator("[data-state=present]").inner_text()
    await patient.agree("third_party_presence", False)
    await guest.locator(".ended").wait_for()
    await page.locator(".tile >> nth=1").wait_for(state="detached")
    late = await surgery.page(link.removeprefix(surgery.server.origin))
    await late.fill("#name", "Somebody Else")
    await late.click("form button[type=submit]")
    await seen(late, "This link does not work any more")


async def test_an_invitation_is_taken_back_used_or_not(surgery: Surgery, talk: Talk) -> None:
    page, _ = talk
    await page.click("#tab-consents")
    guest = await surgery.page("/web/favicon.svg")
    for used in (True, False):
        await page.click("[data-action=invite]")
        last = page.locator("#panel-consents .items li").last
        link = await page.get_by_label("Link for the guest").input_value()
        await last.get_by_text("Not used yet").wait_for()
        if used:
            await guest.goto(link)
            await guest.fill("#name", "Marek Nowak")
            await guest.click("form button[type=submit]")
            await last.get_by_text("Waiting").wait_for()
        await last.get_by_role("button", name="Take back").click()
        if used:
            dialog = page.get_by_role("dialog", name="Take this invitation back?")
            await dialog.get_by_role("button", name="Take back").click()
            await guest.locator(".ended").wait_for()
        await last.get_by_text("Taken back").wait_for()
        assert await page.get_by_label("Link for the guest").is_hidden()
    await guest.goto(link)  # on the same page: a browser loads nothing for another part after the #
    await guest.locator(".lobby").wait_for()
    await guest.fill("#name", "Marek Nowak")
    await guest.click("form button[type=submit]")
    await seen(guest, "This link does not work any more")


async def test_recording_is_agreed_to_in_the_words_that_the_ledger_names(talk: Talk) -> None:
    page, patient = talk
    await page.click(".toolbar [data-action=record]")
    words = page.get_by_role("dialog").get_by_text("I agree that picture and sound of this consultation are")
    await words.wait_for()
    shown = (await patient.person.get("/consent-texts?lang=en")).json
    (current,) = [each for each in shown if each["kind"] == "recording"]
    assert await words.inner_text() == current["text"]
    await page.click("[data-action=record-agree]")
    await page.locator("#recording-card").get_by_role("button", name="Take back the request").click()
    await page.locator("#recording-card").wait_for(state="hidden")
    said = (await patient.person.get(f"/consultations/{patient.consultation}/consents")).json["consents"]
    versions = [each["text_version"] for each in said if each["kind"] == "recording"]
    assert versions == [current["version"]]


async def test_messages_and_photos_arrive_and_wait_to_be_seen(talk: Talk) -> None:
    page, patient = talk
    photo = await page.locator(".tile").first.screenshot(type="png")
    sent = await patient.person.call(
        "POST", f"/consultations/{patient.consultation}/attachments", photo, {"Content_Type": "image/png"}
    )
    assert sent.status == 201, sent
    await patient.say({"text": "Hier is de foto."})
    await patient.say({"attachment": {key: sent.json[key] for key in ("id", "content_type", "bytes")}})
    await page.locator("#tab-chat .tab-badge", has_text="2").wait_for()
    await page.click("#tab-chat")
    await seen(page, "Hier is de foto.")
    assert await page.locator("#tab-chat .tab-badge").is_hidden()
    await page.locator(".file-line").click()
    await page.wait_for_function("() => document.querySelector('dialog img')?.naturalWidth > 0")
    await page.keyboard.press("Escape")
    await page.get_by_label("Your message").fill("Dank u.")
    await page.keyboard.press("Enter")
    assert await patient.heard(1) == [{"text": "Dank u."}]


async def test_a_note_is_kept_as_it_is_written_and_a_reload_comes_back_to_it(surgery: Surgery) -> None:
    page, _ = await surgery.call()
    await page.keyboard.press("n")
    await page.keyboard.type("Virale faryngitis, geen abces.")
    await page.locator(".save-state[data-state=saved]").wait_for()
    await page.reload()
    await page.locator(".workspace").wait_for()
    await page.click("#tab-note")
    await page.wait_for_function(
        "() => document.querySelector('#note').value === 'Virale faryngitis, geen abces.'"
    )
    await page.click(".ready [data-action=call]")  # "Call again": into the same room
    await page.wait_for_function(TALKING)


async def test_a_note_that_cannot_be_saved_says_so_and_is_saved_when_it_can(
    surgery: Surgery, talk: Talk
) -> None:
    page, patient = talk
    await page.click("#tab-note")
    await page.locator("#note:enabled").wait_for()
    await page.route("**/note", lambda route: route.fulfill(status=403, json={"code": "forbidden"}))
    await page.fill("#note", "Rust.")
    await page.locator(".save-state[data-state=failed]").wait_for()
    await page.unroute("**/note")
    await page.locator(".save-state[data-state=saved]").wait_for()
    dubois = await surgery.person("dubois", "doctor")
    note = await dubois.get(f"/consultations/{patient.consultation}/note")
    assert note.json["text"] == "Rust."


async def test_a_medicine_kept_out_is_explained_and_becomes_a_referral(surgery: Surgery, talk: Talk) -> None:
    page, patient = talk
    await page.click("#tab-outcome")
    await page.click("[data-part=prescription] summary")
    form = page.locator("[data-part=prescription]")
    await form.get_by_label("Medicine").fill("Diazepam 5 mg")
    await form.get_by_label("ATC code").fill("n05ba01")
    await form.get_by_label("Dose: how much, how often, how long").fill("1 's avonds")
    await page.click("[data-action=prescribe]")
    await seen(page, "Diazepam 5 mg (N05BA01) is not prescribed by video")
    assert await form.locator(".items li").count() == 0
    buttons = await form.locator(".verdict button").all_inner_texts()
    assert buttons == ["Refer instead"]
    await page.click("[data-action=refer-instead]")
    referral = page.locator("[data-part=referral]")
    assert "Diazepam" in await referral.get_by_label("Reason").input_value()
    await referral.get_by_label("To whom").select_option("specialist")
    await page.click("[data-action=refer]")  # of what?
    await page.wait_for_function("() => document.activeElement.getAttribute('aria-invalid') === 'true'")
    await referral.get_by_label("Specialty").fill("Psychiatrie")
    await page.click("[data-action=refer]")
    await referral.locator(".items li").wait_for()
    await form.get_by_label("ATC code").fill("Z99ZZ99")
    await page.click("[data-action=prescribe]")
    await seen(page, "This code is not known")
    await form.get_by_label("ATC code").fill("N02BE01")
    await form.get_by_label("Medicine").fill("Paracetamol 1 g")
    await page.click("[data-action=prescribe]")
    await form.locator(".items li", has_text="N02BE01").wait_for()
    dubois = await surgery.person("dubois", "doctor")
    outcome = (await dubois.get(f"/consultations/{patient.consultation}/outcome")).json
    assert [item["atc"] for item in outcome["prescriptions"]] == ["N02BE01"]
    assert [item["specialty"] for item in outcome["referrals"]] == ["Psychiatrie"]


async def test_the_consultation_is_closed_and_its_report_arrives_at_the_gp(surgery: Surgery) -> None:
    page, patient = await surgery.call()
    await page.click("#tab-note")
    await page.locator("#note:enabled").fill("Virale faryngitis. Paracetamol, veel drinken.")
    await patient.agree("report_to_gp", recipient=GP)
    await page.click(".toolbar [data-action=leave]")
    await in_both_schemes(page, "hanging up")
    await page.get_by_role("dialog").get_by_role("button", name="Finish the consultation").click()
    await page.click("[data-part=certificate] summary")
    await page.click("[data-action=certify]")
    await page.locator("[data-part=certificate] .items li").wait_for()
    await page.locator(".chip-code").first.click()
    await page.click("[data-action=close]")
    await page.click("[data-action=report]")
    await page.locator(".delivery[data-state=delivered]").wait_for()
    await in_both_schemes(page, "the end")
    assert any("Virale faryngitis." in report for report in reports(surgery.server.data_dir))
    found = await patient.state()
    assert (found["state"], found["outcome"]) == ("finished", "advice")
    assert patient.page is not None
    await patient.page.wait_for_function("() => room.state === 'ended'")
    await page.click(".ready [data-action=back-to-desk]")
    await page.locator(".desk").wait_for()
    assert await page.locator("button.own").count() == 0


# With the keyboard


async def test_single_keys_do_what_the_help_says_and_never_while_somebody_types(talk: Talk) -> None:
    page, _ = talk
    await page.click("#tab-note")
    await page.fill("#note", "")
    await page.keyboard.press("Escape")
    await page.keyboard.press("m")
    await page.locator(".toolbar").get_by_role("button", name="Unmute").wait_for()
    await page.keyboard.press("3")
    assert await page.evaluate(FOCUSED) == "tab-consents"
    await page.keyboard.press("t")
    assert await page.evaluate(FOCUSED) == "tab-note"
    await page.keyboard.press("Shift+T")
    assert await page.evaluate(FOCUSED) == "tab-consents"
    await page.keyboard.press("n")
    await page.keyboard.type("mmm tcv 123?")
    assert await page.input_value("#note") == "mmm tcv 123?"
    await page.locator(".toolbar").get_by_role("button", name="Unmute").wait_for()
    await page.keyboard.press("Escape")
    assert await page.evaluate(FOCUSED) == "tab-note"
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    switch = dialog.get_by_label("Use single keys as shortcuts")
    await switch.uncheck()
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    await page.keyboard.press("c")
    assert await page.evaluate(FOCUSED) == "tab-note"
    await page.keyboard.press("ArrowDown")
    assert await page.evaluate(FOCUSED) == "tab-outcome"
    await page.click("#help")
    await switch.check()
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    await page.keyboard.press("m")
    await page.locator(".toolbar").get_by_role("button", name="Mute").wait_for()


async def test_a_change_of_language_keeps_what_was_typed(talk: Talk) -> None:
    page, _ = talk
    await page.click("#tab-outcome")
    await page.click("[data-part=certificate] summary")
    await page.get_by_label("From", exact=True).fill("2026-01-02T03:04")
    await page.select_option("#language", "fr")
    await page.get_by_role("tab", name="Décision").wait_for()
    assert await page.get_by_label("De", exact=True).input_value() == "2026-01-02T03:04"
    await seen(page, "Orientation")


# For everybody


async def test_every_place_holds_against_wcag(surgery: Surgery, talk: Talk) -> None:
    door = await surgery.page()
    await door.locator("[data-action=login]").wait_for()
    await in_both_schemes(door, "the door")
    await in_both_schemes(await surgery.doctor(), "the desk")
    page, patient = talk
    await page.click("#tab-outcome")
    for part in ("prescription", "referral", "certificate"):
        if await page.locator(f"[data-part={part}]").get_attribute("open") is None:
            await page.click(f"[data-part={part}] summary")
    for tab in ("summary", "file", "consents", "note", "outcome", "chat"):
        await page.click(f"#tab-{tab}")
        await in_both_schemes(page, tab)
    await patient.agree("medical_file_access")
    await page.click("#tab-file")
    await page.locator(".chapter").first.wait_for()
    await in_both_schemes(page, "an open file")
    await patient.agree("medical_file_access", False)
    await page.click("#help")
    await in_both_schemes(page, "the help")
    await page.keyboard.press("Escape")


async def test_a_phone_has_room_for_every_language(talk: Talk) -> None:
    page, _ = talk
    await page.set_viewport_size(PHONE)
    for language in LANGUAGES:
        await page.select_option("#language", language)
        for tab in ("call", "summary", "consents", "note", "outcome"):
            await page.click(f"#tab-{tab}")
            found = await page.evaluate(AUDIT)
            # What is to be hit is a choice's whole label, not the small circle in it.
            found["small"] = [each for each in found["small"] if not each.startswith("INPUT")]
            assert (tab, found) == (tab, {**SOUND, "lang": language})


@pytest.mark.parametrize("path", [DOCTOR, "/consultation/guest"])
async def test_every_module_is_asked_for_at_once(surgery: Surgery, path: str) -> None:
    page = await surgery.page(path)
    await page.locator(".door-card, .ended").wait_for()
    late = await page.evaluate(
        """() => {
          const urls = (entries) => entries.map((entry) => entry.href || entry.src || entry.name);
          const early = urls([...document.querySelectorAll("link[rel=modulepreload], script[src]")]);
          const loaded = urls(performance.getEntriesByType("resource")).filter((url) => url.endsWith(".js"));
          return [loaded.filter((url) => !early.includes(url)), early.filter((url) => !loaded.includes(url))];
        }"""
    )
    assert late == [[], []]
