"""Recording as the people in a call meet it: asked for, answered, marked, and ended with a reason."""

import hashlib
import json
import re

import pytest
from playwright.async_api import Page, ViewportSize

from tests.web.browser import DESK, PHONE, ColorScheme, Site
from tests.web.test_accessibility import AUDIT, LANGUAGES, SOUND

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

DOCTOR = "fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters', { look: null })"
PATIENT = "fakeRoom.enter('p', 'patient', 'Anna Claes', { look: null })"
ASKED = "fakeRoom.consent('d', 'granted'); fakeRoom.ask('d')"
ON = f"{ASKED}; fakeRoom.consent('me', 'granted')"
SAID = "document.querySelector('#announcer').textContent"
FOCUSED = "document.activeElement.id || document.activeElement.dataset.action"
CARD = "#recording-card"
MARK = ".recording-bar .mark"
TINY: ViewportSize = {"width": 320, "height": 640}

# Of every text people agree to, in all four languages. Whoever changes one gives CONSENT_TEXT
# (page/recording.js) a new number, for the ledger says by it what was agreed to.
AGREED_TO = ("recording-1", "48cd56f58540632d")


async def a_patients_call(
    site: Site, viewport: ViewportSize = DESK, *, locale: str = "en-GB", scheme: ColorScheme = "light"
) -> Page:
    """With a doctor, in a room that can be recorded."""
    page = await site.open("/patient", viewport=viewport, locale=locale, color_scheme=scheme)
    return await joined(page, DOCTOR)


async def a_doctors_call(site: Site, viewport: ViewportSize = DESK, *, scheme: ColorScheme = "light") -> Page:
    """With a patient, in a room that can be recorded."""
    page = await site.open("/doctor", viewport=viewport, color_scheme=scheme)
    return await joined(page, PATIENT, '["admit", "record"]')


async def joined(page: Page, other: str, grants: str = "[]") -> Page:
    await page.evaluate(f"fakeRoom.recordable({grants})")
    await page.click("form button[type=submit]")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    await page.evaluate(other)
    await page.locator(".tile").wait_for()
    return page


async def said(page: Page, text: str) -> None:
    """On screen, and aloud."""
    await page.locator(".recording-bar").get_by_text(text, exact=True).wait_for()
    await page.wait_for_function(f"(text) => {SAID} === text", arg=text)


# Asking


async def test_a_doctor_reads_what_recording_means_before_asking(site: Site) -> None:
    page = await a_doctors_call(site)
    await page.click('[data-action="record"]')
    dialog = page.get_by_role("dialog", name="Record this consultation?")
    await dialog.get_by_text("Only the holder of the key can open it; this service cannot.").wait_for()
    await dialog.get_by_text("It begins only when everybody here has agreed.").wait_for()
    await dialog.get_by_text("Everybody can withdraw their consent at any time.").wait_for()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Cancel").click()
    await dialog.wait_for(state="detached")
    assert await page.evaluate("fakeRoom.received.filter(({ type }) => /consent|recording/.test(type))") == []


async def test_asking_is_agreeing_oneself_first(site: Site) -> None:
    page = await a_doctors_call(site)
    await page.click('[data-action="record"]')
    await page.click('[data-action="record-agree"]')
    card = page.get_by_role("region", name="You have asked to record this consultation")
    await card.wait_for()
    assert await card.get_by_role("listitem").all_inner_texts() == [
        "You\nAgreed",
        "Anna Claes\nNo answer yet",
    ]
    asked = "fakeRoom.received.filter(({ type }) => ['consent', 'recording'].includes(type))"
    assert await page.evaluate(f"{asked}.map(({{ id, ...message }}) => message)") == [
        {"type": "consent", "kind": "recording", "state": "granted", "text_version": "recording-1.en"},
        {"type": "recording", "action": "start"},
    ]
    await page.evaluate("fakeRoom.consent('p', 'granted')")
    await page.locator(MARK).wait_for()
    assert await page.locator('[data-action="record"]').is_hidden()


async def test_a_request_can_be_taken_back(site: Site) -> None:
    page = await a_doctors_call(site)
    await page.click('[data-action="record"]')
    await page.click('[data-action="record-agree"]')
    await page.click('[data-action="recording-cancel"]')
    await said(page, "Nothing is being recorded. The request was taken back.")
    await page.locator('[data-action="record"]').wait_for()


@pytest.mark.parametrize(
    ("path", "grants", "available"),
    [("/doctor", '["record"]', "false"), ("/doctor", "[]", "true"), ("/patient", "[]", "true")],
)
async def test_only_who_may_record_is_offered_it_and_only_where_it_can_be(
    site: Site, path: str, grants: str, available: str
) -> None:
    page = await site.open(path)
    await joined(page, f"{DOCTOR}; fakeRoom.room.recording.available = {available}", grants)
    await page.evaluate(f"fakeRoom.room.recording.available = {available}; fakeRoom.current.end(1006)")
    await page.wait_for_function(
        "() => fakeRoom.requests('resume').length === 1 && teleconsult.state === 'connected'"
    )
    assert await page.evaluate("teleconsult.room.recording.available") == (available == "true")
    assert await page.locator('[data-action="record"]').is_hidden()


async def test_a_recording_that_cannot_be_started_is_told(site: Site) -> None:
    page = await a_doctors_call(site)
    await page.evaluate("fakeRoom.replies.recording = [{ code: 'not-available' }]")
    await page.click('[data-action="record"]')
    await page.click('[data-action="record-agree"]')
    await said(page, "The recording could not be started (not-available).")


# Answering


async def test_whoever_is_asked_sees_who_asks_and_neither_answer_is_chosen_for_them(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ASKED)
    card = page.get_by_role("dialog", name="Dr. Els Peeters asks to record this consultation")
    await card.get_by_text("Only the holder of the key can open it; this service cannot.").wait_for()
    await page.wait_for_function(f"() => {FOCUSED} === 'recording-card'")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Space")
    assert await page.evaluate("fakeRoom.requests('consent')") == []
    buttons = await card.get_by_role("button").evaluate_all(
        """(buttons) => buttons.filter((button) => button.checkVisibility()).map((button) => {
          const look = getComputedStyle(button);
          return [look.backgroundColor, look.borderColor, look.color, look.fontWeight, look.width];
        })"""
    )
    assert len(buttons) == 2
    assert buttons[0] == buttons[1]
    assert await page.evaluate(SAID) == "Dr. Els Peeters asks to record this consultation"


async def test_an_answer_given_with_the_keyboard_leaves_the_keyboard_somewhere(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ASKED)
    await page.wait_for_function(f"() => {FOCUSED} === 'recording-card'")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) == "consent-allow"
    await page.keyboard.press("Enter")
    await page.locator(MARK).wait_for()
    await page.wait_for_function(f"() => {FOCUSED} === 'main'")
    await page.focus('[data-action="consent-withdraw"]:visible')
    await page.keyboard.press("Enter")
    await said(page, "The recording has stopped. You have withdrawn your consent.")
    await page.wait_for_function(f"() => {FOCUSED} === 'main'")


async def test_a_question_that_comes_during_another_dialog_has_the_focus_after_it(site: Site) -> None:
    page = await a_patients_call(site)
    await page.click('[data-action="settings"]')
    await page.evaluate(ASKED)
    await page.locator(CARD).wait_for()
    assert await page.evaluate("document.activeElement.closest('dialog.sheet') !== null")
    await page.keyboard.press("Escape")
    await page.wait_for_function(f"() => {FOCUSED} === 'recording-card'")


async def test_one_refusal_ends_the_asking(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ASKED)
    await page.click('[data-action="consent-refuse"]')
    await said(page, "Nothing is being recorded. You have refused.")
    assert await page.locator(CARD).is_hidden()
    assert await page.locator(MARK).is_hidden()


async def test_whoever_has_answered_sees_who_has_not(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(f"fakeRoom.enter('g', 'guest', 'Marek Nowak', {{ look: null }}); {ASKED}")
    await page.click('[data-action="consent-allow"]')
    answers = page.get_by_role("list", name="Who has agreed").get_by_role("listitem")
    await page.get_by_role("region", name="Dr. Els Peeters asks to record this consultation").wait_for()
    assert await answers.all_inner_texts() == [
        "You\nAgreed",
        "Dr. Els Peeters\nAgreed",
        "Marek Nowak\nNo answer yet",
    ]
    await page.evaluate("fakeRoom.consent('g', 'refused')")
    await said(page, "Nothing is being recorded. Marek Nowak does not agree.")


async def test_whoever_still_waits_outside_sees_nothing_of_it(site: Site) -> None:
    page = await site.open("/patient")
    await page.evaluate("fakeRoom.self.admitted = false; fakeRoom.recordable(); fakeRoom.recording('on')")
    await page.click("form button[type=submit]")
    await page.get_by_role("heading", name="You are in the waiting room").wait_for()
    assert await page.evaluate("teleconsult.room.recording.state") == "on"
    assert await page.locator(MARK).is_hidden()
    guest = "fakeRoom.enter('g', 'guest', 'Marek Nowak', { look: null })"
    await page.evaluate(f"fakeRoom.recording('off'); {DOCTOR}; {guest}; {ASKED}")
    await page.wait_for_function("() => teleconsult.room.recording.state === 'starting'")
    assert await page.locator(CARD).is_hidden()
    await page.evaluate("fakeRoom.admit('me')")
    await page.get_by_role("dialog", name="Dr. Els Peeters asks to record this consultation").wait_for()


# The mark


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("who", ["patient", "doctor"])
async def test_the_mark_is_there_while_it_is_recorded_and_only_then(
    site: Site, who: str, viewport: ViewportSize
) -> None:
    page = await (a_patients_call if who == "patient" else a_doctors_call)(site, viewport)
    other = "d" if who == "patient" else "p"
    for state, marked in (
        ("off", False),
        ("starting", False),
        ("on", True),
        ("stopping", False),
        ("off", False),
    ):
        since = ", null, { since: Date.now() / 1000 }" if state == "on" else ""
        await page.evaluate(f"fakeRoom.recording('{state}'{since})")
        await page.wait_for_function(f"() => teleconsult.room.recording.state === '{state}'")
        assert (state, await page.locator(MARK).is_visible()) == (state, marked)
        assert (state, (await page.title()).startswith("●")) == (state, marked)
    await page.evaluate(f"fakeRoom.recording('on', null, {{ since: Date.now() / 1000, by: '{other}' }})")
    mark = page.locator(MARK)
    assert await mark.locator("strong").inner_text() == "Recording"
    await mark.get_by_text(re.compile(r"^00:(0[1-9]|[1-5]\d)$")).wait_for()
    box = await mark.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    covered = """(mark) => {
      const { x, y, width, height } = mark.getBoundingClientRect();
      return !mark.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }"""
    assert not await mark.evaluate(covered)
    assert await mark.evaluate("(mark) => mark.getAnimations({ subtree: true }).length") == 0
    assert await page.locator('[data-action="recording-stop"]').is_visible() == (who == "doctor")
    assert await page.locator('.recording-bar [data-action="consent-withdraw"]').is_visible()


async def test_whoever_comes_back_sees_how_long_it_has_been_recorded(site: Site) -> None:
    page = await site.open("/patient")
    await page.evaluate(
        """fakeRoom.room.recording.granted = ['me', 'd'];
        fakeRoom.recording('on', null, { since: Date.now() / 1000 - 3725 })"""
    )
    await joined(page, DOCTOR)
    await page.locator(MARK).get_by_text(re.compile(r"^1:0[2-9]:\d\d$")).wait_for()


async def test_who_agreed_can_be_looked_up_while_it_is_on(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ON)
    toggle = page.get_by_role("button", name="Who has agreed")
    assert await toggle.get_attribute("aria-expanded") == "false"
    await toggle.click()
    card = page.get_by_role("region", name="This consultation is being recorded")
    await card.get_by_text("Dr. Els Peeters asked for it; everybody here has agreed.").wait_for()
    assert await toggle.get_attribute("aria-expanded") == "true"
    await card.get_by_role("button", name="Close").click()
    await card.wait_for(state="hidden")


WATCH = """window.gone = 0;
const look = () => { if (!document.querySelector('.recording-bar .mark')?.checkVisibility()) gone++; };
new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });"""


@pytest.mark.parametrize("how", ["resumed", "joined afresh"])
async def test_the_mark_stays_while_the_page_reconnects(site: Site, how: str) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ON)
    await page.locator(MARK).wait_for()
    await page.evaluate(WATCH)
    if how == "joined afresh":
        await page.evaluate("fakeRoom.replies.resume = [{ code: 'resume-expired' }]")
    await page.evaluate("fakeRoom.refuseConnections = true; fakeRoom.current.end(1006)")
    await page.get_by_text("The connection is interrupted. Reconnecting …").wait_for()
    await page.evaluate("fakeRoom.refuseConnections = false")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    request = "resume" if how == "resumed" else "join"
    await page.wait_for_function(
        f"() => fakeRoom.requests('{request}').length === {1 if how == 'resumed' else 2}"
    )
    assert await page.locator(MARK).is_visible()
    assert await page.evaluate("gone") == 0


async def test_what_ended_while_nobody_could_be_told_is_marked_no_longer(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ON)
    await page.locator(MARK).wait_for()
    await page.evaluate(
        "fakeRoom.replies.resume = [{ code: 'resume-expired' }]; fakeRoom.room.recording.state = 'off'"
    )
    await page.evaluate("fakeRoom.current.end(1006)")
    await said(page, "The recording has stopped.")
    assert await page.locator(MARK).is_hidden()


# Why it ends


@pytest.mark.parametrize(
    ("act", "text"),
    [
        ("fakeRoom.consent('p', 'withdrawn')", "Anna Claes has withdrawn consent."),
        ("fakeRoom.stop()", ""),
        (
            "fakeRoom.stop('node-draining')",
            "The service is moving to another server; the recording can be asked for again.",
        ),
        ("fakeRoom.stop('disk-full')", "A technical fault ended it (disk-full)."),
        (
            "fakeRoom.enter('g', 'guest', 'Marek Nowak'); fakeRoom.stop('joined-without-consent')",
            "Marek Nowak has joined and must be asked first.",
        ),
    ],
)
async def test_it_is_said_that_it_stopped_and_why(site: Site, act: str, text: str) -> None:
    page = await a_doctors_call(site)
    await page.click('[data-action="record"]')
    await page.click('[data-action="record-agree"]')
    await page.evaluate("fakeRoom.consent('p', 'granted')")
    await page.locator(MARK).wait_for()
    assert await page.evaluate(SAID) == "This consultation is being recorded"
    await page.evaluate(act)
    await said(page, f"The recording has stopped. {text}".strip())
    await page.locator(".recording-bar").get_by_role("button", name="Close").click()
    await page.locator(".recording-bar").wait_for(state="hidden")


@pytest.mark.parametrize(
    ("act", "text"),
    [
        ("fakeRoom.stop('consent-not-given')", "Not everybody has answered in time."),
        ("fakeRoom.leave('d'); fakeRoom.stop('asker-left')", "Dr. Els Peeters, who asked for it, has left."),
        ("fakeRoom.stop('storage-failed')", "A technical fault ended it (storage-failed)."),
    ],
)
async def test_it_is_said_why_nothing_is_recorded_after_all(site: Site, act: str, text: str) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ASKED)
    await page.locator(CARD).wait_for()
    await page.evaluate(act)
    await said(page, f"Nothing is being recorded. {text}")
    assert await page.locator(CARD).is_hidden()


async def test_a_doctor_stops_it(site: Site) -> None:
    page = await a_doctors_call(site)
    await page.click('[data-action="record"]')
    await page.click('[data-action="record-agree"]')
    await page.evaluate("fakeRoom.consent('p', 'granted')")
    await page.get_by_role("button", name="Stop recording").click()
    await said(page, "The recording has stopped.")
    assert await page.evaluate("fakeRoom.requests('recording').map(({ action }) => action)") == [
        "start",
        "stop",
    ]


async def test_letting_somebody_in_is_known_to_stop_it(site: Site) -> None:
    page = await a_doctors_call(site)
    await page.evaluate("fakeRoom.enter('q', 'patient', 'Jan Maes', { admitted: false })")
    warning = page.get_by_text("Letting somebody in stops the recording: they must be asked first.")
    await page.get_by_role("button", name="Let in").wait_for()
    assert await warning.is_hidden()
    await page.evaluate(
        "fakeRoom.consent('me', 'granted'); fakeRoom.consent('p', 'granted'); fakeRoom.ask('me')"
    )
    await warning.wait_for()


async def test_a_gap_is_told_for_as_long_as_it_lasts(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ON)
    await page.evaluate("fakeRoom.recording('on', 'slow-disk')")
    await said(page, "Storage is failing for the moment: this part will be missing from the recording.")
    assert await page.locator(MARK).is_visible()
    await page.evaluate("fakeRoom.recording('on', 'resumed')")
    await said(page, "Storage works again: the recording goes on.")
    assert await page.locator(MARK).is_visible()


# What cannot be sent at once


async def test_a_withdrawal_that_cannot_be_sent_is_sent_as_soon_as_it_can(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ON)
    await page.locator(MARK).wait_for()
    await page.evaluate("fakeRoom.refuseConnections = true; fakeRoom.current.end(1006)")
    await page.click('.recording-bar [data-action="consent-withdraw"]')
    await page.get_by_text("Your choice has not reached the service yet.").wait_for()
    assert await page.locator(MARK).is_visible(), "it is still being recorded"
    await page.evaluate("fakeRoom.refuseConnections = false")
    await said(page, "The recording has stopped. You have withdrawn your consent.")
    assert await page.evaluate("fakeRoom.requests('consent').map(({ state }) => state)") == ["withdrawn"]


async def test_consent_given_too_late_is_not_given_at_all(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(ASKED)
    await page.locator(CARD).wait_for()
    await page.evaluate("fakeRoom.refuseConnections = true; fakeRoom.current.end(1006)")
    await page.click('[data-action="consent-allow"]')
    await page.get_by_text("Your choice has not reached the service yet.").wait_for()
    await page.evaluate("fakeRoom.stop('consent-not-given'); fakeRoom.refuseConnections = false")
    await said(page, "Nothing is being recorded. Not everybody has answered in time.")
    await page.evaluate("teleconsult.relay(null, 'ping', new Uint8Array())")
    assert await page.evaluate("fakeRoom.requests('consent')") == []


async def test_an_answer_that_the_service_refuses_is_told(site: Site) -> None:
    page = await a_patients_call(site)
    await page.evaluate(f"{ASKED}; fakeRoom.replies.consent = [{{ code: 'not-allowed' }}]")
    await page.click('[data-action="consent-allow"]')
    await said(page, "That was not possible (not-allowed). Please try again.")


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_is_readable_and_has_room_in_every_language(
    site: Site, scheme: ColorScheme
) -> None:
    async def audit(place: str) -> None:
        for language in LANGUAGES:
            await page.evaluate(
                "(language) => { const menu = document.querySelector('#language'); menu.value = language;"
                " menu.dispatchEvent(new Event('change', { bubbles: true })); }",
                language,
            )
            found = await page.evaluate(AUDIT)
            assert (place, found) == (place, {**SOUND, "lang": language})

    page = await a_patients_call(site, TINY, scheme=scheme)
    await page.evaluate(ASKED)
    await page.locator(CARD).wait_for()
    await audit("the question")
    await page.click('[data-action="consent-allow"]')
    await page.click('[data-action="recording-people"]')
    await audit("the mark and who agreed")
    page = await a_doctors_call(site, TINY, scheme=scheme)
    await audit("the button to record")
    await page.click('[data-action="record"]')
    await audit("the dialog")
    await page.click('[data-action="record-agree"]')
    await audit("waiting for answers")
    await page.evaluate("fakeRoom.consent('p', 'granted'); fakeRoom.recording('on', 'slow-disk')")
    await page.locator(MARK).wait_for()
    await page.evaluate("fakeRoom.enter('q', 'patient', 'Jan Maes', { admitted: false })")
    await audit("the mark, a gap and a knock")
    await page.evaluate("fakeRoom.consent('p', 'withdrawn')")
    await audit("the end")


async def test_the_answers_are_in_sight_on_the_smallest_phone(site: Site) -> None:
    page = await a_patients_call(site, TINY, locale="fr-BE")
    await page.evaluate(ASKED)
    for action in ("consent-refuse", "consent-allow"):
        box = await page.locator(f'[data-action="{action}"]').bounding_box()
        bar = await page.locator(".toolbar").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] + box["height"] <= bar["y"]


async def test_the_words_people_agree_to_change_only_with_their_version(site: Site) -> None:
    page = await site.open_client()
    words = await page.evaluate(
        """async () => {
          const { texts } = await import("/web/page/i18n.js");
          const agreed = /^recording\\.(consent\\.|ask|dialog\\.|allow|refuse$)/;
          return Object.entries(texts).map(([language, all]) =>
            [language, Object.entries(all).filter(([key]) => agreed.test(key)).sort()]).sort();
        }"""
    )
    version, digest = AGREED_TO
    assert hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16] == digest
    source = await page.evaluate("fetch('/web/page/recording.js').then((response) => response.text())")
    assert f'const CONSENT_TEXT = "{version}";' in source
