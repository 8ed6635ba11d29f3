"""The load tester's report in a real Chromium: both schemes, wide and narrow, and on paper."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from loadtest.report import html_of
from tests.loadtest.report.reports import a_report, a_report_of_everything, joins
from tests.web.axe import assert_accessible
from tests.web.browser import DESK, PHONE, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

GROUND = "getComputedStyle(document.body).backgroundColor"


async def opened(site: Site, folder: Path) -> Page:
    """As who got it by mail opens it, from a file."""
    report = a_report_of_everything()
    judged = a_report(thresholds=("loss<=0.001%", "playing>=100%"))
    file = folder / "report.html"
    file.write_text(
        html_of(report.model_copy(update={"thresholds": judged.thresholds}), a_report(joins=joins(0.5)))
    )
    page = await site.open("/blank", viewport=DESK)
    await page.goto(file.as_uri())
    return page


async def test_everybody_can_read_it_in_both_schemes(site: Site, tmp_path: Path) -> None:
    page = await opened(site, tmp_path)
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    await assert_accessible(page, "light")
    light = await page.evaluate(GROUND)
    await page.emulate_media(color_scheme="dark")
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = false")
    await assert_accessible(page, "dark", ["color-contrast"])
    assert await page.evaluate(GROUND) != light
    assert site.complaints == [], "its own policy stops nothing of it"


async def test_it_fits_a_telephone_and_paper_shows_it_in_light(site: Site, tmp_path: Path) -> None:
    page = await opened(site, tmp_path)
    await page.set_viewport_size(PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.emulate_media(media="print", color_scheme="dark")
    assert await page.evaluate(GROUND) == "rgb(255, 255, 255)"
