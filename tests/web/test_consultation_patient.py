"""The patient's page against the real server, as patients meet it: from login to their own report."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, expect

import media_server
from tests.web.axe import assert_accessible
from tests.web.patient_steps import (
    SMALL,
    agree_to_what_is_needed,
    answer_the_rest,
    audited,
    say_why,
    seen,
    tell_about_oneself,
)
from tests.web.practice import Caller, Practice, log_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

LANGUAGES = ("nl", "fr", "de", "en")
CONSULTATION = Path(media_server.__file__).with_name("web") / "consultation"
ASK_FILE = "medical_file_access"
PRESENCE = "third_party_presence"
COMPOSED = (  # keys that are put together of a part and a code
    r"(state|after\.(cancelled|no-show|expired)|report|relation|guest|fund|trail\.(who|what)|consent|error|field"
    r"|outcome|login\.(refused|failed|expired|over))\."
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
    await seen(page, "Not sent")
    await audited(page, "afterwards")
    await doctor.ask("POST", f"/consultations/{consultation}/report")
    await seen(page, "Delivered")  # without being asked to look
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
    await expect(page.locator("dialog")).to_have_count(0, timeout=15_000)
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
    async def state(kind: str = ASK_FILE) -> str:
        found = (await doctor.ask("GET", f"/consultations/{consultation}/consents"))["consents"]
        return next((each["state"] for each in found if each["kind"] == kind), "none")

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
    await expect(page.locator("dialog")).to_have_count(0, timeout=15_000)
    assert await state() == "granted"
    await page.click("header [data-action=consents]")
    await page.get_by_role("dialog", name="My consents").wait_for()
    await page.click(f"[data-withdraw={ASK_FILE}]")
    await audited(page, "the consents")
    await page.locator("dialog").last.get_by_role("button", name="Withdraw").click()
    await page.locator(f"[data-give={ASK_FILE}]").wait_for()
    assert await state() == "withdrawn"
    await page.keyboard.press("Escape")
    await doctor.ask("POST", f"/consultations/{consultation}/consents/report_to_gp/request")
    # Whom it goes to was said before the call already.
    dialog = page.get_by_role("dialog", name="Report to my GP")
    assert await dialog.get_by_label("Your GP").input_value() == "Mia De Smet"
    number = dialog.get_by_label("RIZIV/INAMI number of the GP")
    assert await number.input_value() == "1-00001-06-003"
    await number.fill("")
    await dialog.get_by_role("button", name="Allow").click()
    await dialog.locator("[aria-invalid=true]").wait_for()
    assert await dialog.locator("p.field-error[role=alert]").is_hidden()  # the field says it
    await number.fill("1-00001-06-003")
    await dialog.get_by_role("button", name="Allow").click()
    await expect(page.locator("dialog")).to_have_count(0, timeout=15_000)
    assert await state("report_to_gp") == "granted"
    assert practice.complaints == []
    await doctor.close(consultation)


async def test_each_guest_is_agreed_to_by_oneself(practice: Practice) -> None:
    async def invite(label: str) -> str:
        return str((await doctor.ask("POST", f"{at}/invitations", {"label": label}))["id"])

    async def answer(who: str, said: str) -> None:
        await dialog.get_by_text(f"Who wants to join: {who}", exact=True).wait_for()
        await dialog.get_by_role("button", name=said).click()

    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    at, dialog = f"/consultations/{consultation}", page.locator("dialog.consent-dialog")
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.locator(".tile").wait_for()
    first, second = await invite("interpreter"), await invite("relative")
    await doctor.ask("POST", f"{at}/consents/{PRESENCE}/request")
    await answer("an interpreter", "Allow")
    await answer("a relative", "Allow")
    await page.click("header [data-action=consents]")
    rows = page.locator(".consent-row", has_text="Somebody else joins")
    await rows.nth(1).wait_for()
    assert await rows.locator("h3").all_inner_texts() == [
        "Somebody else joins: a relative",
        "Somebody else joins: an interpreter",
    ]
    await audited(page, "the consents to two guests")
    await page.click(f"[data-withdraw={PRESENCE}][data-guest={second}]")
    await page.locator("dialog").last.get_by_role("button", name="Withdraw").click()
    await rows.first.get_by_text("This person is not invited any more.").wait_for()
    assert await rows.nth(1).locator(f"[data-withdraw={PRESENCE}]").get_attribute("data-guest") == first
    said = {
        each["guest"]["invitation"]: each["state"]
        for each in (await doctor.ask("GET", f"{at}/consents"))["consents"]
        if each["kind"] == PRESENCE
    }
    assert said == {first: "granted", second: "withdrawn"}
    await page.keyboard.press("Escape")
    third = await invite("interpreter")
    await doctor.ask("POST", f"{at}/consents/{PRESENCE}/request?invitation={third}")
    await dialog.wait_for()
    await doctor.ask("DELETE", f"{at}/invitations/{third}")
    await answer("an interpreter", "Refuse")  # to whom there is nothing to say any more
    await expect(page.locator("dialog")).to_have_count(0, timeout=15_000)
    await page.locator(".toast").get_by_text("This person is not invited any more.").wait_for()
    await doctor.close(consultation)


async def test_whose_doctor_has_vanished_can_go_back_to_the_queue(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient()
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.locator(".tile").wait_for()
    back = page.get_by_role("button", name="Back to the queue")
    await expect(back).to_have_count(0)
    await doctor.page.evaluate("room.leave()")
    await page.locator(".tile").wait_for(state="detached")
    async with asyncio.timeout(15):
        while not await back.is_visible():  # a look of just before may note the doctor once more
            practice.doctor_was_seen_long_ago(consultation)
            await asyncio.sleep(0.1)
    await audited(page, "the way back to the queue")
    await back.click()
    await seen(page, "You are in the waiting room")
    await seen(page, "You are next")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    await expect(back).to_have_count(0)
    assert await doctor.claim() == consultation  # the next one, who could be another
    await doctor.call(consultation)
    await page.locator(".tile").wait_for()
    assert practice.complaints == []
    await doctor.close(consultation)
    await seen(page, "The consultation has ended")


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
