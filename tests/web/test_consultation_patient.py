"""The patient's page against the real server, as patients meet it: from login to their own report."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, Request, Route, ViewportSize

import media_server
from tests.web.axe import assert_accessible
from tests.web.browser import DESK, PHONE, Site
from tests.web.practice import PATIENT, Caller, Practice, a_practice, log_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

LANGUAGES = ("nl", "fr", "de", "en")
CONSULTATION = Path(media_server.__file__).with_name("web") / "consultation"
ASK_FILE = "medical_file_access"
SMALL: ViewportSize = {"width": 320, "height": 640}
COMPOSED = (  # keys that are put together of a part and a code
    r"(state|after\.(cancelled|no-show|expired)|report|relation|guest|fund|trail\.(who|what)|consent|error|field"
    r"|outcome|login\.(refused|failed|expired|over))\."
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(house: Site) -> AsyncIterator[Practice]:
    async with a_practice(house.browser) as practice:
        yield practice


@pytest_asyncio.fixture(loop_scope="session")
async def practice(opened: Practice) -> AsyncIterator[Practice]:
    """With nobody in it."""
    yield opened
    await opened.leave()


async def seen(page: Page, text: str) -> None:
    await page.locator("#main, dialog").get_by_text(text, exact=True).first.wait_for()


async def onward(page: Page) -> None:
    await page.click("form button[type=submit]")


async def tell_about_oneself(page: Page) -> None:
    await page.click("[data-action=start]")
    await page.get_by_label("I do").check()
    await page.get_by_label("Where are you now?").fill("Kerkstraat 12, 9000 Gent")
    await page.get_by_label("Health insurance fund").select_option("300")
    await page.get_by_label("Your GP").fill("Mia De Smet")
    await page.get_by_label("RIZIV/INAMI number of the GP").fill("1-00001-06-003")
    await onward(page)
    await seen(page, "Why you are calling")


async def answer_the_rest(page: Page) -> None:
    """No alarm, and of everything else the last answer."""
    while await page.locator("[data-action=submit]").count() == 0:
        shown = await page.locator("h1").inner_text(), await page.locator(".counter").inner_text()
        for group in await page.locator("fieldset:visible").all():
            if await group.locator(":checked").count() == 0:
                await group.locator("input").last.check()
        for line in await page.locator("textarea:visible, input[type=text]:visible").all():
            optional = await line.get_attribute("aria-required") is None
            if not optional and await line.input_value() == "":
                await line.fill("None")
        await onward(page)
        await page.wait_for_function(
            """([heading, counter]) => document.querySelector("h1")?.textContent !== heading
              || document.querySelector(".counter")?.textContent !== counter""",
            arg=list(shown),
        )


async def say_why(page: Page, words: str = "A certificate for my work") -> None:
    await page.get_by_label("Why would you like to speak to a doctor?").fill(words)
    await page.get_by_label("A certificate or another document").check()
    await onward(page)
    await page.get_by_label("None of these").wait_for()


async def agree_to_what_is_needed(page: Page) -> None:
    for kind in ("Consultation by video", "How we handle your data", "This is not for emergencies"):
        await page.get_by_label(kind).check()


async def audited(page: Page, place: str) -> None:
    """In both schemes, on a phone and on a desk."""
    await assert_accessible(page, place)
    await page.emulate_media(color_scheme="dark")
    await assert_accessible(page, f"{place}, dark", rules=["color-contrast"])
    await page.emulate_media(color_scheme="light")
    for viewport in (SMALL, DESK, PHONE):
        await page.set_viewport_size(viewport)
        assert (place, await page.evaluate("document.documentElement.scrollWidth <= innerWidth")) == (
            place,
            True,
        )


async def test_a_patient_comes_from_login_to_the_report(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page = await practice.open()
    await page.wait_for_selector("[data-action=login]")
    await audited(page, "the login")
    await log_in(page, "emma")
    await audited(page, "the start")
    await tell_about_oneself(page)
    await audited(page, "a question")
    await say_why(page)
    await answer_the_rest(page)
    await audited(page, "the consents")
    await agree_to_what_is_needed(page)
    await page.get_by_label("Report to my GP").check()
    await page.click("[data-action=submit]")

    await seen(page, "You are next")
    await seen(page, "You are connected to the waiting room.")
    await page.get_by_text("The way for sound and picture is open").wait_for()  # its port has answered
    await page.wait_for_function("() => document.querySelector('.preview video').videoWidth > 0")
    await audited(page, "the check")
    await page.click("[data-action=ready]")
    await seen(page, "You are in the waiting room")
    await audited(page, "the waiting room")

    consultation = await doctor.claim()
    await seen(page, "A doctor is reading your answers")
    await doctor.call(consultation)
    await page.wait_for_function("() => document.querySelector('.tile video')?.videoWidth > 0")
    await seen(page, "Jan Claes")
    await audited(page, "the call")
    await doctor.close(consultation)

    await seen(page, "The consultation has ended")
    await audited(page, "afterwards")
    await page.get_by_label("4 of 5").check()
    await page.get_by_text("Send rating").click()
    await seen(page, "Thank you for your rating.")
    await page.click("[data-action=copy]")
    await page.locator(".paper").get_by_text("Viral sore throat. Rest, drink, paracetamol.").wait_for()
    await audited(page, "the report")
    await page.click(".back")
    await page.click("[data-action=trail]")
    await seen(page, "Took the consultation")
    await audited(page, "the audit trail")
    assert practice.complaints == []


async def test_messages_photos_and_documents_go_to_and_fro(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.locator(".tile").wait_for()
    await doctor.write("Can you show me the rash?")
    await page.locator(".count-mark").get_by_text("1").wait_for()
    await page.click('[data-action="chat"]')
    await seen(page, "Can you show me the rash?")
    await audited(page, "the messages")
    await page.fill(".chat textarea", "Of course.")
    await page.keyboard.press("Enter")
    await page.click("[data-action=photo]")
    await audited(page, "the viewfinder")
    await page.click("[data-action=shoot]")
    await page.click("[data-action=send-photo]")
    await page.locator("dialog").wait_for(state="detached")
    letter: FilePayload = {
        "name": "letter.pdf",
        "mimeType": "application/pdf",
        "buffer": b"%PDF-1.4 a letter",
    }
    await page.set_input_files(".chat input[type=file]", letter)
    said = await doctor.heard(3)
    assert said[0] == {"text": "Of course."}
    assert [entry["attachment"]["content_type"] for entry in said[1:]] == ["image/jpeg", "application/pdf"]
    photo = said[1]["attachment"]["id"]
    size = "createImageBitmap(await (await fetch(path)).blob()).then(({ width, height }) => [width, height])"
    path = f"/v1/consultations/{consultation}/attachments/{photo}"
    # The whole of what the camera gives, not of what it films.
    full: list[int] = await doctor.page.evaluate(f"async (path) => {size}", path)
    track = "teleconsult.publications.find(({ source }) => source === 'camera').track.getSettings()"
    filmed = await page.evaluate(f"[{track}.width, {track}.height]")
    assert full[0] >= filmed[0]
    assert full[1] >= filmed[1]
    await page.locator(".chat .own").get_by_text("Photo").click()
    await page.wait_for_function("() => document.querySelector('dialog img')?.naturalWidth > 0")
    await page.keyboard.press("Escape")
    await doctor.close(consultation)


async def test_what_cannot_be_sent_is_said(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.click('[data-action="chat"]')
    for name, kind, content, said in (
        ("a.txt", "text/plain", b"hello", "Only photos (JPEG, PNG, WebP) and PDF documents can be sent."),
        ("a.pdf", "application/pdf", b"no pdf", "This file cannot be sent"),
    ):
        await page.set_input_files(
            ".chat input[type=file]", {"name": name, "mimeType": kind, "buffer": content}
        )
        await page.locator(".toast.bad").get_by_text(said).wait_for()
    assert await page.locator(".chat .file-line").count() == 0
    await doctor.close(consultation)


async def test_a_doctor_asks_for_consent_in_the_call_and_it_can_be_taken_back(practice: Practice) -> None:
    async def state() -> str:
        found = (await doctor.ask("GET", f"/consultations/{consultation}/consents"))["consents"]
        return next((each["state"] for each in found if each["kind"] == ASK_FILE), "none")

    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.locator(".tile").wait_for()
    await doctor.ask("POST", f"/consultations/{consultation}/consents/{ASK_FILE}/request")
    await page.get_by_role("dialog", name="Access to my medical file").wait_for()
    await audited(page, "the question")
    assert await page.evaluate("document.activeElement.tagName") == "H2"  # the focus is on neither answer
    await page.get_by_role("button", name="Allow").click()
    await page.locator("dialog").wait_for(state="detached")
    assert await state() == "granted"
    await page.click("header [data-action=consents]")
    await page.get_by_role("dialog", name="My consents").wait_for()
    await page.click(f"[data-withdraw={ASK_FILE}]")
    await audited(page, "the consents")
    await page.locator("dialog").last.get_by_role("button", name="Withdraw").click()
    await page.locator(f"[data-give={ASK_FILE}]").wait_for()
    assert await state() == "withdrawn"
    await doctor.close(consultation)


async def test_a_warning_sign_stops_everything_and_the_choice_is_written_down(practice: Practice) -> None:
    page = await practice.patient()
    told: list[Any] = []
    page.on("request", lambda request: told.append(_warning(request)))
    await tell_about_oneself(page)
    await say_why(page)
    await page.get_by_label("Pain or pressure on the chest").check()
    await onward(page)
    await seen(page, "This may be an emergency")
    await audited(page, "the warning")
    assert await page.get_by_role("link", name="Call 112").get_attribute("href") == "tel:112"
    await page.get_by_role("button", name="Change my answer").click()
    await page.get_by_label("Pain or pressure on the chest").wait_for()
    await onward(page)
    await seen(page, "This may be an emergency")
    await page.click("[data-action=continue]")
    await answer_the_rest(page)
    await agree_to_what_is_needed(page)
    await page.click("[data-action=submit]")
    await seen(page, "You are connected to the waiting room.")
    warnings = [warning for warning in told if warning]
    assert [(each["choice"], each["flags"]) for each in warnings] == [("continue", ["alarm.now"])]


def _warning(request: Request) -> Any:
    return json.loads(request.post_data or "{}") if request.url.endswith("/intake-warnings") else None


async def test_none_of_these_and_a_sign_exclude_each_other(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await say_why(page)
    pain, none = page.get_by_label("Pain or pressure on the chest"), page.get_by_label("None of these")
    await pain.check()
    await none.check()
    assert [await pain.is_checked(), await none.is_checked()] == [False, True]
    await pain.check()
    assert [await pain.is_checked(), await none.is_checked()] == [True, False]


async def test_answers_survive_a_reload_and_can_be_thrown_away(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await say_why(page, "A certificate, please")
    await page.get_by_label("None of these").check()
    await onward(page)
    await page.get_by_text("Question 3 of").wait_for()
    await page.reload()
    await page.get_by_text("Question 3 of").wait_for()
    for _ in range(2):
        await page.go_back()
    await seen(page, "Why you are calling")
    assert await page.locator("textarea").input_value() == "A certificate, please"
    await page.go_back()
    assert await page.get_by_label("Where are you now?").input_value() == "Kerkstraat 12, 9000 Gent"
    await page.go_back()
    await seen(page, "You have already begun")
    await page.click("[data-action=discard]")
    await page.locator("dialog").get_by_role("button", name="Delete my answers").click()
    await seen(page, "New consultation")
    assert (await Caller(page).ask("GET", "/me"))["patient"]["intake_draft"] is False


async def test_the_same_questions_go_on_in_another_language(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await page.get_by_label("Why would you like to speak to a doctor?").fill("Mal à la gorge")
    await page.select_option("#language", "fr")
    await page.get_by_role("button", name="Continuer").wait_for()
    assert await page.locator("textarea").input_value() == "Mal à la gorge"
    assert await page.locator("html").get_attribute("lang") == "fr"


async def test_what_is_missing_is_said_beside_its_field(practice: Practice) -> None:
    page = await practice.patient()
    await page.click("[data-action=start]")
    await page.get_by_label("Phone number").fill("call me")
    await page.get_by_label("RIZIV/INAMI number of the GP").fill("12345678901")
    await onward(page)
    place = page.get_by_label("Where are you now?")
    assert await place.get_attribute("aria-invalid") == "true"
    described = await place.evaluate(
        """(field) => field.getAttribute('aria-describedby').split(' ')
          .map((id) => document.getElementById(id).textContent)"""
    )
    assert "This is needed to go on." in described
    await audited(page, "a form with faults")
    wrong = await page.locator(".field-error:visible").all_inner_texts()
    assert len(wrong) == 6  # who, where, phone, fund, GP's name, GP's number
    assert await page.evaluate("document.activeElement.closest('fieldset') !== null")  # the first of them


async def test_without_consent_nobody_gets_into_the_queue(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await say_why(page)
    await answer_the_rest(page)
    assert await page.locator("input[type=checkbox]:checked").count() == 0
    await page.get_by_label("How we handle your data").check()
    await page.get_by_label("This is not for emergencies").check()
    await page.click("[data-action=submit]")
    await seen(page, "This is needed to go on.")
    assert await page.evaluate("document.activeElement.type") == "checkbox"
    assert (await Caller(page).ask("GET", "/me"))["patient"]["active_consultation"] is None


async def test_the_place_is_kept_over_a_reload_until_one_leaves(practice: Practice) -> None:
    page, consultation = await practice.waiting_patient()
    other, _ = await practice.waiting_patient("youssef")
    await seen(other, "Number 2 in the queue")
    await page.reload()
    await seen(page, "You are next")
    assert (await Caller(page).ask("GET", "/me"))["patient"]["active_consultation"] == consultation
    await page.click("[data-action=cancel]")
    await page.locator("dialog").get_by_role("button", name="Leave and cancel").click()
    await seen(page, "You have left the queue")
    await seen(other, "You are next")  # told over the socket, at once


async def test_whoever_hangs_up_can_come_back(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.click('[data-action="leave"]')
    await page.locator("dialog").get_by_role("button", name="Hang up").click()
    await page.get_by_role("button", name="Go back in").click()
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    await doctor.close(consultation)
    await seen(page, "The consultation has ended")


async def test_two_calls_without_an_answer_are_told_as_missed(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    await doctor.claim(consultation)
    for _ in range(2):
        await doctor.ask("POST", f"/consultations/{consultation}/call")
        await doctor.ask("POST", f"/consultations/{consultation}/missed-call")
    await seen(page, "The doctor could not reach you")


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("refused", "You stopped logging in. Nothing has been shared. You can try again."),
        ("failed", "Logging in did not work. Please try again."),
        ("expired", "Logging in took too long. Please start again."),
    ],
)
async def test_how_logging_in_ended_is_said(practice: Practice, ending: str, words: str) -> None:
    page = await practice.open(f"{PATIENT}?login={ending}")
    await seen(page, words)
    assert page.url.endswith(PATIENT)  # a reload does not say it again


async def test_whoever_refuses_at_the_provider_comes_back(practice: Practice) -> None:
    page = await practice.open()
    await page.click("[data-action=login]")
    await page.click("button[name=refuse]")
    await seen(page, "You stopped logging in. Nothing has been shared. You can try again.")


async def test_a_session_that_is_over_leads_to_the_login(practice: Practice) -> None:
    page = await practice.patient()
    await page.context.clear_cookies()
    await page.click("[data-action=trail]")
    await seen(page, "Your session has ended. Please log in again.")


async def test_a_request_is_repeated_under_one_key_until_it_is_answered(practice: Practice) -> None:
    page = await practice.patient()
    keys: list[str | None] = []

    async def fail_once(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/v1/intake-draft", fail_once)
    await page.click("[data-action=start]")
    await page.get_by_label("I do").check()
    await page.get_by_label("Where are you now?").fill("Kerkstraat 12, 9000 Gent")
    await page.get_by_label("Health insurance fund").select_option("300")
    await onward(page)
    await seen(page, "Why you are calling")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert keys[0]


async def test_the_questions_can_be_answered_with_the_keyboard_alone(practice: Practice) -> None:
    page = await practice.patient(viewport=DESK)
    await tell_about_oneself(page)
    await page.get_by_label("Why would you like to speak to a doctor?").focus()
    await page.keyboard.type("A certificate")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    assert await page.get_by_label("Cough, cold, sore throat or breathing").is_checked()
    await page.keyboard.press("Enter")
    await page.get_by_text("Question 2 of").wait_for()
    assert await page.evaluate("document.activeElement.tagName") == "H1"


async def test_a_child_needs_a_name_and_an_age_below_sixteen(practice: Practice) -> None:
    page = await practice.patient()
    await page.click("[data-action=start]")
    await page.get_by_label("A child younger than 16").check()
    await page.get_by_label("First name of the child").fill("Lou")
    await page.get_by_label("Family name of the child").fill("Janssens")
    await page.get_by_label("Date of birth").fill("1990-05-01")
    await onward(page)
    await seen(page, "From 16 on, people log in for themselves.")
    await audited(page, "the child's form")


async def test_every_text_is_there_in_every_language_with_the_same_blanks(practice: Practice) -> None:
    page = await practice.open()
    uneven = await page.evaluate(
        """async () => {
          const modules = ["/web/consultation/i18n.js", "/web/consultation/patient/i18n.js"];
          const blanks = (text) => (text?.match(/\\{\\w+\\}/g) ?? []).sort().join();
          const same = (one, other) => Boolean(one) && blanks(one) === blanks(other);
          const uneven = ({ texts }) => Object.keys(texts.en).filter((key) =>
            !Object.values(texts).every((language) => same(language[key], texts.en[key])));
          return (await Promise.all(modules.map((each) => import(each)))).flatMap(uneven);
        }"""
    )
    assert uneven == []


async def test_no_text_lies_unused(practice: Practice) -> None:
    page = await practice.open()
    modules = ["/web/consultation/i18n.js", "/web/consultation/patient/i18n.js"]
    keys = await page.evaluate(
        """async (modules) => (await Promise.all(modules.map((each) => import(each))))
          .flatMap(({ texts }) => Object.keys(texts.en))""",
        modules,
    )
    source = "".join(
        path.read_text() for path in CONSULTATION.rglob("*.js") if not path.name.startswith("texts_")
    )
    assert [key for key in keys if not re.match(COMPOSED, key + ".") and f'"{key}"' not in source] == []


async def test_every_language_has_room_on_a_small_phone(practice: Practice) -> None:
    page = await practice.patient(viewport=SMALL)
    await page.click("[data-action=start]")
    for language in LANGUAGES:
        await page.select_option("#language", language)
        await page.wait_for_function("(tag) => document.documentElement.lang === tag", arg=language)
        assert await page.evaluate("document.documentElement.scrollWidth") == 320
        await assert_accessible(page, language)
