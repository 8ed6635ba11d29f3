"""The example for those who embed the client does what it says, to the letter."""

import re
from pathlib import Path

import pytest

import media_server
from tests.web.browser import Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

README = Path(media_server.__file__).with_name("web") / "README.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
    assert found, f"no {language} example"
    return found[1]


async def test_the_embedding_example_is_a_call(site: Site) -> None:
    page = await site.open("/blank")
    ticket = {"ticket": "t1", "url": "/v1/signal"}
    await page.route("**/example", lambda route: route.fulfill(body=block("html"), content_type="text/html"))
    await page.route(
        "**/consultation.js", lambda route: route.fulfill(body=block("js"), content_type="text/javascript")
    )
    await page.route("**/my-backend/ticket", lambda route: route.fulfill(json=ticket))
    await page.goto(site.origin + "/example")
    await page.wait_for_function("() => document.querySelector('#status').textContent === 'connected'")
    await page.evaluate("fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters')")
    await page.wait_for_function("() => document.querySelector('#doctor').videoWidth > 0")
    await page.click("#mute")
    await page.wait_for_function("() => fakeRoom.requests('mute').length === 1")
    await page.click("#leave")
    await page.wait_for_function("() => document.querySelector('#status').textContent === 'ended: left'")
    await page.wait_for_function("() => fakeRoom.inside.size === 0")
