"""Before the call: logging in, who one is, the questions with their warning, and what is agreed to."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Request, Route

from tests.web.browser import DESK
from tests.web.patient_steps import (
    agree_to_what_is_needed,
    answer_the_rest,
    audited,
    onward,
    say_why,
    seen,
    tell_about_oneself,
)
from tests.web.practice import PATIENT, Caller, Practice

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_a_warning_sign_stops_everything_and_the_choice_is_written_down(practice: Practice) -> None:
    page = await practice.patient()
    told: list[Any] = []
    page.on("request", lambda request: told.append(_warning(request)))
    await tell_about_oneself(page)
    await say_why(page)
    await page.get_by_label("Pain or pressure on the chest").check()
    await onward(page)
    await seen(page, "This may be an emergency")
    await audited(page, "the warning")
    assert await page.get_by_role("link", name="Call 112").get_attribute("href") == "tel:112"
    await page.get_by_role("button", name="Change my answer").click()
    await page.get_by_label("Pain or pressure on the chest").wait_for()
    await onward(page)
    await seen(page, "This may be an emergency")
    await page.click("[data-action=continue]")
    await answer_the_rest(page)
    await agree_to_what_is_needed(page)
    await page.click("[data-action=submit]")
    await seen(page, "You are connected to the waiting room.")
    warnings = [warning for warning in told if warning]
    assert [(each["choice"], each["flags"]) for each in warnings] == [("continue", ["alarm.now"])]


async def test_a_warning_leads_back_to_the_answer_it_is_about_and_nobody_gets_past_it(
    practice: Practice,
) -> None:
    page = await practice.patient()
    pain, warning = page.get_by_label("Pain or pressure on the chest"), "This may be an emergency"
    change = page.get_by_role("button", name="Change my answer")
    await tell_about_oneself(page)
    await say_why(page)
    await page.get_by_label("None of these").check()
    await onward(page)
    await page.get_by_text("Question 3 of").wait_for()
    await page.go_back()
    await pain.check()
    await page.go_forward()
    await seen(page, warning)
    await change.click()
    await pain.wait_for()
    await onward(page)
    await seen(page, warning)
    await page.reload()
    await seen(page, warning)
    await page.go_back()
    await pain.wait_for()
    await page.reload()
    await page.go_forward()
    await seen(page, warning)
    await page.click("[data-action=continue]")
    await answer_the_rest(page)
    await page.reload()  # that one goes on all the same is not forgotten
    await agree_to_what_is_needed(page)
    await page.route("**/v1/consultations", _once_more)
    await page.click("[data-action=submit]")
    await seen(page, warning)
    await page.click("[data-action=continue]")
    assert await page.get_by_label("How we handle your data").is_checked()
    await page.click("[data-action=submit]")
    await seen(page, warning)
    await change.click()
    await pain.wait_for()


async def _once_more(route: Route) -> None:
    """As if the service had not heard of any warning."""
    refusal = json.dumps({"status": 409, "code": "red-flag", "title": "A warning is due"})
    await route.fulfill(status=409, content_type="application/problem+json", body=refusal)


async def test_what_the_service_has_against_an_answer_is_marked_there(practice: Practice) -> None:
    page = await practice.patient(viewport={"width": 360, "height": 640})
    await page.clock.install()
    await tell_about_oneself(page)
    why = page.get_by_label("Why would you like to speak to a doctor?")
    await why.fill("A certificate\u0007")
    await page.get_by_label("A certificate or another document").check()
    await onward(page)
    toast = page.locator(".toast.bad")
    await toast.wait_for()
    # So that it goes when the test says, however slow the machine is.
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 5"))
    await page.locator(".field", has=why).get_by_text("This is not right yet.").wait_for()
    assert await why.evaluate("(field) => field === document.activeElement")
    for top in (0, 10_000):
        await page.evaluate("(top) => scrollTo(0, top)", top)
        box, act = await toast.bounding_box(), await page.locator("form .primary").bounding_box()
        assert box is not None
        assert act is not None
        assert box["y"] + box["height"] <= act["y"] or box["y"] >= act["y"] + act["height"]
    await toast.hover()
    await page.clock.fast_forward(60_000)
    assert await toast.is_visible()  # somebody reads it
    await page.mouse.move(0, 639)
    await page.clock.fast_forward(14_000)
    assert await toast.is_visible()
    await page.clock.fast_forward(1_500)
    await toast.wait_for(state="detached")
    await page.clock.resume()
    await onward(page)
    await toast.wait_for()
    await why.fill("A certificate")
    await onward(page)
    await page.get_by_label("None of these").wait_for()
    assert await toast.count() == 0  # it was about the step before
    await answer_the_rest(page)
    await agree_to_what_is_needed(page)
    await page.route("**/v1/consultations", _against("alarm.now"))
    await page.click("[data-action=submit]")
    await page.get_by_label("None of these").wait_for()
    marked = page.locator(".field-error:visible")
    assert await marked.all_inner_texts() == ["This is not right yet."]
    await page.unroute("**/v1/consultations")
    await page.route("**/v1/consultations", _against_place)
    await answer_the_rest(page)
    await page.click("[data-action=submit]")
    await page.locator("[aria-invalid=true]").wait_for()
    assert await page.get_by_label("Where are you now?").get_attribute("aria-invalid") == "true"


def _against(link_id: str) -> Callable[[Route], Awaitable[None]]:
    """Refuses the answer to one question, named as the service would."""

    async def refuse(route: Route) -> None:
        response = json.loads(route.request.post_data or "{}")["questionnaire_response"]
        pointer = f"/questionnaire_response{_pointer(response, link_id)}/answer/0/valueCoding"
        await _refuse(route, pointer, "not-an-option")

    return refuse


async def _against_place(route: Route) -> None:
    await _refuse(route, "/location", "too-long")


async def _refuse(route: Route, field: str, code: str) -> None:
    problem = {"status": 422, "code": "invalid", "errors": [{"field": field, "code": code, "detail": ""}]}
    await route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(problem))


def _pointer(parent: Any, link_id: str) -> str:
    """To the item with that link id, from its parent; empty when it is not there."""
    for index, item in enumerate(parent.get("item", [])):
        if item["linkId"] == link_id:
            return f"/item/{index}"
        if below := _pointer(item, link_id):
            return f"/item/{index}{below}"
    return ""


def _warning(request: Request) -> Any:
    return json.loads(request.post_data or "{}") if request.url.endswith("/intake-warnings") else None


async def test_none_of_these_and_a_sign_exclude_each_other(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await say_why(page)
    pain, none = page.get_by_label("Pain or pressure on the chest"), page.get_by_label("None of these")
    await pain.check()
    await none.check()
    assert [await pain.is_checked(), await none.is_checked()] == [False, True]
    await pain.check()
    assert [await pain.is_checked(), await none.is_checked()] == [True, False]


async def test_answers_survive_a_reload_and_can_be_thrown_away(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await say_why(page, "A certificate, please")
    await page.get_by_label("None of these").check()
    await onward(page)
    await page.get_by_text("Question 3 of").wait_for()
    await page.reload()
    await page.get_by_text("Question 3 of").wait_for()
    for _ in range(2):
        await page.go_back()
    await seen(page, "Why you are calling")
    assert await page.locator("textarea").input_value() == "A certificate, please"
    await page.go_back()
    assert await page.get_by_label("Where are you now?").input_value() == "Kerkstraat 12, 9000 Gent"
    await page.go_back()
    await seen(page, "You have already begun")
    await page.click("[data-action=discard]")
    await page.locator("dialog").get_by_role("button", name="Delete my answers").click()
    await seen(page, "New consultation")
    assert (await Caller(page).ask("GET", "/me"))["patient"]["intake_draft"] is False


async def test_the_same_questions_go_on_in_another_language(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await page.get_by_label("Why would you like to speak to a doctor?").fill("Mal à la gorge")
    await page.select_option("#language", "fr")
    await page.get_by_role("button", name="Continuer").wait_for()
    assert await page.locator("textarea").input_value() == "Mal à la gorge"
    assert await page.locator("html").get_attribute("lang") == "fr"


async def test_what_is_missing_is_said_beside_its_field(practice: Practice) -> None:
    page = await practice.patient()
    await page.click("[data-action=start]")
    await page.get_by_label("Phone number").fill("call me")
    await page.get_by_label("RIZIV/INAMI number of the GP").fill("12345678901")
    await onward(page)
    place = page.get_by_label("Where are you now?")
    assert await place.get_attribute("aria-invalid") == "true"
    described = await place.evaluate(
        """(field) => field.getAttribute('aria-describedby').split(' ')
          .map((id) => document.getElementById(id).textContent)"""
    )
    assert "This is needed to go on." in described
    await audited(page, "a form with faults")
    wrong = await page.locator(".field-error:visible").all_inner_texts()
    assert len(wrong) == 6  # who, where, phone, fund, GP's name, GP's number
    assert await page.evaluate("document.activeElement.closest('fieldset') !== null")  # the first of them


async def test_without_consent_nobody_gets_into_the_queue(practice: Practice) -> None:
    page = await practice.patient()
    await tell_about_oneself(page)
    await say_why(page)
    await answer_the_rest(page)
    assert await page.locator("input[type=checkbox]:checked").count() == 0
    await page.get_by_label("How we handle your data").check()
    await page.get_by_label("This is not for emergencies").check()
    await page.click("[data-action=submit]")
    await seen(page, "This is needed to go on.")
    assert await page.evaluate("document.activeElement.type") == "checkbox"
    assert (await Caller(page).ask("GET", "/me"))["patient"]["active_consultation"] is None


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("refused", "You stopped logging in. Nothing has been shared. You can try again."),
        ("failed", "Logging in did not work. Please try again."),
        ("expired", "Logging in took too long. Please start again."),
    ],
)
async def test_how_logging_in_ended_is_said(practice: Practice, ending: str, words: str) -> None:
    page = await practice.open(f"{PATIENT}?login={ending}")
    await seen(page, words)
    assert page.url.endswith(PATIENT)  # a reload does not say it again


async def test_whoever_refuses_at_the_provider_comes_back(practice: Practice) -> None:
    page = await practice.open()
    await page.click("[data-action=login]")
    await page.click("button[name=refuse]")
    await seen(page, "You stopped logging in. Nothing has been shared. You can try again.")


async def test_a_session_that_is_over_leads_to_the_login(practice: Practice) -> None:
    page = await practice.patient()
    await page.context.clear_cookies()
    await page.click("[data-action=trail]")
    await seen(page, "Your session has ended. Please log in again.")


async def test_a_request_is_repeated_under_one_key_until_it_is_answered(practice: Practice) -> None:
    page = await practice.patient()
    keys: list[str | None] = []

    async def fail_once(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/v1/intake-draft", fail_once)
    await page.click("[data-action=start]")
    await page.get_by_label("I do").check()
    await page.get_by_label("Where are you now?").fill("Kerkstraat 12, 9000 Gent")
    await page.get_by_label("Health insurance fund").select_option("300")
    await onward(page)
    await seen(page, "Why you are calling")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert keys[0]


async def test_the_questions_can_be_answered_with_the_keyboard_alone(practice: Practice) -> None:
    page = await practice.patient(viewport=DESK)
    await tell_about_oneself(page)
    await page.get_by_label("Why would you like to speak to a doctor?").focus()
    await page.keyboard.type("A certificate")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    assert await page.get_by_label("Cough, cold, sore throat or breathing").is_checked()
    await page.keyboard.press("Enter")
    await page.get_by_text("Question 2 of").wait_for()
    assert await page.evaluate("document.activeElement.tagName") == "H1"


async def test_a_child_needs_a_name_and_an_age_below_sixteen(practice: Practice) -> None:
    page = await practice.patient()
    await page.click("[data-action=start]")
    await page.get_by_label("A child younger than 16").check()
    await page.get_by_label("First name of the child").fill("Lou")
    await page.get_by_label("Family name of the child").fill("Janssens")
    await page.get_by_label("Date of birth").fill("1990-05-01")
    await onward(page)
    await seen(page, "From 16 on, people log in for themselves.")
    await audited(page, "the child's form")
