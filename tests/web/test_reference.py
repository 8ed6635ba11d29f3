"""The reference page: every operation of the OpenAPI document, for whoever reads it."""

import pytest

from tests.web.axe import assert_accessible
from tests.web.browser import DESK, PHONE
from tests.web.practice import Practice

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

OPERATIONS = """async () => {
  const { paths } = await (await fetch("/v1/openapi.json")).json();
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  return operations.map(({ operationId }) => operationId);
}"""
# All are made by the same few lines, and axe takes a minute for all of them.
KEEP_A_FEW = """() => document.querySelectorAll("#endpoints section, #schemas article, #contents li").forEach(
  (each) => [...each.parentElement.children].indexOf(each) > 4 && each.remove())"""


async def test_the_reference_shows_every_operation_on_a_desk_and_a_phone(practice: Practice) -> None:
    page = await practice.open("/reference", viewport=DESK)
    await page.locator("#contents a").first.wait_for()
    operations = await page.evaluate(OPERATIONS)
    assert len(operations) > 40
    shown = await page.eval_on_selector_all("#endpoints article", "(all) => all.map(({ id }) => id)")
    assert sorted(shown) == sorted(operations)
    led_to = await page.eval_on_selector_all(
        "#contents li a", "(all) => all.map(({ hash }) => hash.slice(1))"
    )
    assert sorted(led_to) == sorted(operations)
    nowhere = "(all) => all.filter(({ hash }) => hash && !document.getElementById(hash.slice(1))).length"
    assert await page.eval_on_selector_all("main a", nowhere) == 0
    groups = await page.locator("#endpoints > section > h2").all_inner_texts()
    assert {"Intake", "Queue", "Outcome and report", "Logging in"} <= set(groups)
    assert groups == await page.locator("#contents h2").all_inner_texts()
    assert len(groups) < 15, "few enough to find one's way"
    assert await page.locator("#schema-Claim code", has_text="consultation").count() > 0
    assert "`" not in await page.locator("main").inner_text()
    await page.set_viewport_size(PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    intake = page.locator("article", has_text="/consultations/{consultation}/intake")
    assert await intake.locator("th code", has_text="lang").is_visible()
    await page.evaluate(KEEP_A_FEW)
    await assert_accessible(page, "the reference")
    await page.emulate_media(color_scheme="dark")
    await assert_accessible(page, "the reference, dark", rules=["color-contrast"])
    assert practice.complaints == []
