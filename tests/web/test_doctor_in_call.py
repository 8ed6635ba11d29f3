"""A doctor in a call that goes on from test to test: consents, guests, files, note, outcome, keyboard."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.web.browser import DESK, PHONE
from tests.web.surgery import FOCUSED, NUMBER, TALKING, Surgery, Talk, everything, in_both_schemes, seen
from tests.web.test_accessibility import AUDIT, LANGUAGES, SOUND

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def going_on(opened_surgery: Surgery) -> AsyncIterator[Talk]:
    page, patient = await opened_surgery.call("dubois", "youssef")
    assert patient.page is not None
    opened_surgery.kept += [page.context, patient.page.context]
    yield page, patient
    opened_surgery.kept.clear()
    await opened_surgery.tidy()


@pytest_asyncio.fixture(loop_scope="session")
async def talk(going_on: Talk) -> Talk:
    """A call between Dr. Dubois and Youssef, which goes on from test to test."""
    page, _ = going_on
    await page.evaluate("document.querySelectorAll('dialog').forEach((dialog) => dialog.close())")
    await page.set_viewport_size(DESK)
    await page.select_option("#language", "en")
    return going_on


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
    await page.click("#tab-outcome")
    await page.click("[data-part=prescription] summary")
    allergies = page.locator("[data-part=prescription] .grave-allergies")
    assert await allergies.locator("li").all_inner_texts() == ["Penicilline · Gezwollen gelaat"]
    assert "Noted as severe in the medical file" in await allergies.inner_text()
    await page.click("[data-part=prescription] summary")
    await page.click("#tab-file")
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
    await page.locator("dialog").wait_for(state="detached")  # and gives the focus back
    await page.get_by_label("Your message").fill("Dank u.")
    await page.keyboard.press("Enter")
    assert await patient.heard(1) == [{"text": "Dank u."}]


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
    await seen(page, "Benzodiazepines can be addictive and are not prescribed after a video consultation.")
    await page.select_option("#language", "nl")
    why = "Benzodiazepines kunnen verslaving veroorzaken en worden na een videoconsult niet voorgeschreven."
    await seen(page, why)
    await page.select_option("#language", "en")
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


async def test_a_dialog_that_is_gone_takes_the_focus_from_nobody(talk: Talk) -> None:
    """The browser tells of its end a moment later, and by then somebody may have gone on."""
    page, _ = talk
    await page.click("#tab-note")
    await page.click("#help")
    await page.locator("dialog").evaluate("""(dialog) => {
        dialog.close();
        window.focused_at_once = document.activeElement.id;
        document.querySelector("#tab-outcome").focus();
    }""")
    await page.locator("dialog").wait_for(state="detached")
    assert await page.evaluate("window.focused_at_once") == "help", "where it was before"
    assert await page.evaluate(FOCUSED) == "tab-outcome"


async def test_a_change_of_language_keeps_what_was_typed(talk: Talk) -> None:
    page, _ = talk
    await page.click("#tab-outcome")
    await page.click("[data-part=certificate] summary")
    await page.get_by_label("From", exact=True).fill("2026-01-02T03:04")
    await page.select_option("#language", "fr")
    await page.get_by_role("tab", name="Décision").wait_for()
    assert await page.get_by_label("De", exact=True).input_value() == "2026-01-02T03:04"
    await seen(page, "Orientation")


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
