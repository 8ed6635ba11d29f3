"""What anybody needs to use the pages: names, sizes, contrast, keyboard, room for words, stillness."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

import media_server
from tests.web.browser import PHONE, ColorScheme, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

LANGUAGES = ("nl", "fr", "de", "en")
DOCTOR = "fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters-Vandenbroucke', { look: null })"
GUEST = "fakeRoom.enter('g', 'guest', 'Marek Nowak', { look: null })"
KNOCK = "fakeRoom.enter('p', 'patient', 'Anna Claes', { admitted: false })"
POOR = "fakeRoom.tell({ type: 'quality', participant: 'd', uplink: 'poor', downlink: 'good' })"
SILENT = "fakeRoom.tell({ type: 'track-silent', id: 'd-mic' })"
SOUND = {"nameless": [], "small": [], "pale": [], "untitled": False, "sideways": False, "outside": []}

WEB = Path(media_server.__file__).with_name("web")
AUDIT = Path(__file__).with_name("audit.js").read_text()


async def ready(page: Page) -> None:
    await page.wait_for_function("() => document.querySelector('#language').options.length === 4")


async def in_call(page: Page) -> Page:
    """From the lobby into a call with a doctor and a guest."""
    await ready(page)
    await page.click("form button[type=submit]")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    await page.evaluate(f"fakeRoom.self.admitted || fakeRoom.admit('me'); {DOCTOR}; {GUEST}; {POOR}")
    await page.wait_for_function("() => document.querySelectorAll('.tile').length === 2")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_controls_have_names_and_room_and_texts_contrast(site: Site, scheme: ColorScheme) -> None:
    async def audit(place: str) -> None:
        found = await page.evaluate(AUDIT)
        assert (place, found) == (place, {**SOUND, "lang": "en"})

    page = await site.open("/", viewport=PHONE, has_touch=True, color_scheme=scheme)
    await ready(page)
    await audit("the front page")
    await page.goto(site.origin + "/patient")
    await ready(page)
    await audit("the lobby")
    await page.evaluate("fakeRoom.self.admitted = false")
    await page.click("form button[type=submit]")
    await page.get_by_role("heading", name="You are in the waiting room").wait_for()
    await audit("the waiting room")
    await page.evaluate(f"fakeRoom.admit('me'); {DOCTOR}; {GUEST}; {POOR}; {SILENT}")
    await page.get_by_text("No sound is coming from").wait_for()
    await audit("the call, with a banner")
    await page.click('[data-action="settings"]')
    await audit("the settings")
    await page.evaluate("fakeRoom.end()")
    await page.locator(".ended").wait_for()
    await audit("the end")


async def test_a_small_phone_has_room_for_every_language(site: Site) -> None:
    async def audit(place: str) -> None:
        for language in LANGUAGES:
            await page.select_option("#language", language)
            found = await page.evaluate(AUDIT)
            assert (place, found) == (place, {**SOUND, "lang": language})

    page = await site.open("/doctor", viewport={"width": 320, "height": 640}, has_touch=True)
    await ready(page)
    await audit("the lobby")
    await in_call(page)
    await audit("the call")
    await page.evaluate(f"{KNOCK}; fakeRoom.replies.offer = [{{ code: 'unsupported-codec' }}]")
    await page.evaluate(
        "teleconsult.publish(teleconsult.publications[1].track.clone(), 'screen').ready.catch(() => {})"
    )
    await page.get_by_text("unsupported-codec").wait_for()
    await page.locator(".knocks").wait_for()
    await audit("a knock and a banner")


async def test_who_is_muted_is_part_of_a_pictures_name(site: Site) -> None:
    page = await in_call(await site.open("/patient"))
    await page.get_by_role("region", name="Marek Nowak", exact=True).wait_for()
    await page.evaluate("fakeRoom.tell({ type: 'track-muted', id: 'g-mic', muted: true })")
    await page.get_by_role("region", name="Marek Nowak, Microphone off", exact=True).wait_for()
    assert await page.get_by_role("heading", level=1).all_inner_texts() == ["Consultation"]


async def test_the_focus_stays_when_somebody_else_knocks_and_goes_on_when_one_is_let_in(site: Site) -> None:
    page = await in_call(await site.open("/doctor"))
    await page.evaluate(KNOCK)
    focused = "document.activeElement.closest('li, main, [tabindex]')?.querySelector('strong')?.textContent"
    await page.get_by_role("button", name="Let in").focus()
    await page.evaluate("fakeRoom.enter('q', 'patient', 'Jan Maes', { admitted: false })")
    await page.get_by_text("Jan Maes", exact=True).wait_for()
    assert await page.evaluate(focused) == "Anna Claes"
    await page.keyboard.press("Enter")
    await page.wait_for_function(f"() => {focused} === 'Jan Maes'")
    await page.keyboard.press("Enter")
    await page.wait_for_function("() => document.activeElement.id === 'main'")


async def test_one_can_join_and_mute_with_the_keyboard_alone(site: Site) -> None:
    page = await site.open("/patient")
    await page.wait_for_function("() => document.querySelector('.preview video').videoWidth > 0")
    await page.focus("#name")
    await page.keyboard.press("Enter")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    for _ in range(12):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.action") == "microphone":
            break
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Unmute").wait_for()


async def test_focus_is_seen_and_stays_in_a_dialog(site: Site) -> None:
    page = await in_call(await site.open("/doctor"))
    await page.click('[data-action="settings"]')
    for _ in range(8):
        await page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
        assert await page.evaluate(inside)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0, timeout=15_000)


async def test_nothing_moves_for_those_who_ask_for_stillness(site: Site) -> None:
    page = await site.open("/patient", reduced_motion="reduce")
    await page.evaluate("fakeRoom.self.admitted = false")
    await page.click("form button[type=submit]")
    await page.get_by_role("heading", name="You are in the waiting room").wait_for()
    assert await page.evaluate("document.getAnimations().length") == 0


async def test_what_happens_is_said_aloud(site: Site) -> None:
    page = await in_call(await site.open("/patient"))
    said = "document.querySelector('#announcer').textContent"
    assert await page.evaluate(said) == "Marek Nowak has joined"
    await page.evaluate("fakeRoom.leave('g')")
    await page.wait_for_function(f"() => {said} === 'Marek Nowak has left'")
    await page.click('[data-action="microphone"]')
    await page.wait_for_function(f"() => {said} === 'Your microphone is off'")


async def test_every_text_has_the_same_blanks_in_every_language(site: Site) -> None:
    page = await site.open_client()
    uneven = await page.evaluate(
        """async () => {
          const { texts } = await import("/web/page/i18n.js");
          const blanks = (text) => (text.match(/\\{\\w+\\}/g) ?? []).sort().join();
          const same = (one, other) => Boolean(one) && blanks(one) === blanks(other);
          return Object.keys(texts.en).filter((key) =>
            !Object.values(texts).every((language) => same(language[key], texts.en[key])));
        }"""
    )
    assert uneven == []


async def test_no_text_lies_unused(site: Site) -> None:
    page = await site.open_client()
    keys = await page.evaluate('import("/web/page/i18n.js").then(({ texts }) => Object.keys(texts.en))')
    source = "".join(
        path.read_text()
        for path in WEB.rglob("*")
        if path.suffix in (".js", ".html") and not path.name.startswith("texts_")
    )
    recording = r"recording\.(consent\.|answer\.|why\.|stopped$|none$)"
    composed = (
        r"(problem|ended|role|quality)\.|(lobby\.title|lobby\.join|wait\.title|wait\.lead)\.|" + recording
    )
    assert [key for key in keys if not re.match(composed, key) and f'"{key}"' not in source] == []
