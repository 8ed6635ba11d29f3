"""What anybody needs to use the pages: names, sizes, contrast, keyboard, room for words, stillness."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

import media_server
from tests.web.browser import PHONE, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

LANGUAGES = ("nl-BE", "fr-BE", "de-DE", "en-GB")
PLACES = ("/", "lobby", "waiting", "call", "settings", "ended")

WEB = Path(media_server.__file__).with_name("web")
AUDIT = Path(__file__).with_name("audit.js").read_text()


async def go(site: Site, place: str, **options: Any) -> Page:
    """A page brought to that place, with others in the room where there is one."""
    page = await site.open(
        "/" if place == "/" else "/doctor" if place == "settings" else "/patient", **options
    )
    await page.wait_for_function("() => document.querySelector('#language').options.length === 4")
    if place in ("/", "lobby"):
        return page
    if place == "waiting":
        await page.evaluate("fakeRoom.self.admitted = false")
    await page.click("form button[type=submit]")
    await page.wait_for_function("() => teleconsult.state === 'connected'")
    if place in ("call", "settings"):
        await page.evaluate("fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters-Vandenbroucke', { look: null })")
        await page.evaluate("fakeRoom.enter('g', 'guest', 'Marek Nowak', { look: null })")
        await page.evaluate(
            "fakeRoom.tell({ type: 'quality', participant: 'd', uplink: 'poor', downlink: 'good' })"
        )
        await page.wait_for_function("() => document.querySelectorAll('.tile').length === 2")
    if place == "settings":
        await page.click('[data-action="settings"]')
    if place == "ended":
        await page.evaluate("fakeRoom.end()")
        await page.locator(".ended").wait_for()
    return page


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_controls_have_names_and_room_and_texts_contrast(site: Site, place: str, scheme: str) -> None:
    page = await go(site, place, viewport=PHONE, has_touch=True, color_scheme=scheme)
    audit = await page.evaluate(AUDIT)
    assert audit == {
        "nameless": [],
        "small": [],
        "pale": [],
        "untitled": False,
        "sideways": False,
        "outside": [],
        "lang": "en",
    }


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_small_phone_has_room_for_every_language(site: Site, locale: str) -> None:
    narrow = {"width": 320, "height": 640}
    for place in ("lobby", "call"):
        page = await go(site, place, viewport=narrow, has_touch=True, locale=locale)
        audit = await page.evaluate(AUDIT)
        assert (audit["sideways"], audit["outside"], audit["lang"]) == (False, [], locale[:2])


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
    page = await go(site, "settings")
    for _ in range(8):
        await page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
        assert await page.evaluate(inside)
    await page.keyboard.press("Escape")
    assert await page.locator("dialog").count() == 0


async def test_nothing_moves_for_those_who_ask_for_stillness(site: Site) -> None:
    page = await go(site, "waiting", reduced_motion="reduce")
    assert await page.evaluate("document.getAnimations().length") == 0


async def test_what_happens_is_said_aloud(site: Site) -> None:
    page = await go(site, "call")
    said = "document.querySelector('#announcer').textContent"
    assert await page.evaluate(said) == "Marek Nowak has joined"
    await page.evaluate("fakeRoom.leave('g')")
    await page.wait_for_function(f"() => {said} === 'Marek Nowak has left'")
    await page.click('[data-action="microphone"]')
    assert await page.evaluate(said) == "Your microphone is off"


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
    composed = r"(problem|ended|role|quality)\.|(lobby\.title|lobby\.join|wait\.title|wait\.lead)\."
    assert [key for key in keys if not re.match(composed, key) and f'"{key}"' not in source] == []
