"""Somebody reloads, goes back, opens the page twice or logs out, in the middle of it all."""

import pytest
from playwright.async_api import Page

from tests.web.patient_steps import seen
from tests.web.practice import PATIENT, Practice

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

KEEP_CAMERA = """() => {
  window.kept = document.querySelector(".thumb video")?.srcObject?.getTracks()[0];
  return window.kept?.readyState === "live";
}"""
CAMERA_IS_OFF = "() => window.kept.readyState === 'ended'"
TALKING = "() => document.querySelector('.tile video')?.videoWidth > 0"


async def another_tab(page: Page) -> Page:
    other = await page.context.new_page()
    await other.goto(page.url)
    return other


async def test_a_patient_waits_in_one_tab_and_logging_out_ends_it_in_all(practice: Practice) -> None:
    page, _ = await practice.waiting_patient()
    await page.wait_for_function(KEEP_CAMERA)
    await page.go_back()  # a place is not lost by it
    await seen(page, "You are in the waiting room")
    await page.get_by_text("You are still waiting.").wait_for()
    other = await another_tab(page)
    await other.wait_for_function("() => teleconsult?.state === 'connected'")
    await seen(page, "The consultation was opened elsewhere")
    await page.wait_for_function(CAMERA_IS_OFF)
    await other.wait_for_function(KEEP_CAMERA)
    await other.evaluate("window.was = teleconsult")
    await page.click(".logout")
    await seen(other, "Your session has ended. Please log in again.")
    await other.wait_for_function(CAMERA_IS_OFF)
    assert await other.evaluate("was.state") == "ended"
    await page.locator("[data-action=login]").wait_for()
    assert await page.evaluate("teleconsult") is None


async def test_a_call_goes_on_after_a_reload_and_where_it_was_opened_last(practice: Practice) -> None:
    doctor = await practice.doctor()
    await doctor.go_on_duty()
    page, consultation = await practice.waiting_patient("youssef")
    await doctor.claim(consultation)
    await doctor.call(consultation)
    await page.wait_for_function(TALKING)
    await page.go_back()
    dialog = page.get_by_role("dialog", name="Hang up?")
    await dialog.get_by_role("button", name="Cancel").click()
    await dialog.wait_for(state="detached")
    assert await page.evaluate("teleconsult.state") == "connected"
    await page.reload()
    await page.wait_for_function(TALKING)
    other = await another_tab(page)
    await other.wait_for_function(TALKING)
    await seen(page, "The consultation was opened elsewhere")
    await page.get_by_role("button", name="Go back in").click()
    await page.wait_for_function(TALKING)
    await seen(other, "The consultation was opened elsewhere")
    await doctor.close(consultation)
    await seen(page, "The consultation has ended")
    assert page.url.endswith(PATIENT)
