"""What patients do on their page, step by step, and what holds for each place they come by."""

from playwright.async_api import Page, ViewportSize

from tests.web.axe import assert_accessible
from tests.web.browser import DESK, PHONE

SMALL: ViewportSize = {"width": 320, "height": 640}


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
    await page.locator(".counter, [data-action=submit]").first.wait_for()  # a warning may be on screen still
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
