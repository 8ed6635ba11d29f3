"""The doctor's page over the real server, as a doctor meets it: the desk, a patient taken, the end of it."""

from pathlib import Path

import pytest
from playwright.async_api import Route

from tests.consultation.story import GP, ask
from tests.web.surgery import DOCTOR, TALKING, WORDS, Surgery, everything, in_both_schemes, seen

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


def reports(data_dir: Path) -> list[str]:
    """What has arrived at the GP."""
    return [report.read_text() for report in (data_dir / "reports" / GP["nihdi"]).glob("*.json")]


async def test_a_doctor_on_duty_sees_places_and_languages_and_nothing_of_anybodys_health(
    surgery: Surgery,
) -> None:
    emma = await surgery.person("emma")
    consultation = await ask(emma)
    page = await surgery.doctor()
    await seen(page, "You are off duty")
    await page.get_by_role("switch", name="On duty").click()
    line = page.locator(".waiting-list li")
    await line.wait_for()
    assert "Nederlands" in await line.inner_text()
    assert (await page.title()).startswith("(1)")
    markup = await everything(page)
    assert (WORDS in markup, "Janssens" in markup, consultation in markup) == (False, False, True)
    youssef = await surgery.person("youssef")
    await ask(youssef)
    await page.locator(".waiting-list li >> nth=1").wait_for()
    await page.get_by_role("switch", name="On duty").click()
    await page.locator(".waiting-list li").first.wait_for(state="hidden")


async def test_a_doctor_who_may_not_go_on_duty_reads_why(surgery: Surgery) -> None:
    page = await surgery.doctor("peeters")
    await seen(page, "Your registration has not been checked against the register yet.")
    assert await page.get_by_role("switch", name="On duty").is_disabled()


async def test_a_patient_is_not_let_in_here(surgery: Surgery) -> None:
    page = await surgery.page(
        "/v1/auth/itsme/login?role=patient&return_to=/consultation/doctor&ui_locales=en"
    )
    await page.click("button[value=emma]")
    await seen(page, "This page is for doctors")


async def test_whoever_takes_a_patient_too_late_is_told(surgery: Surgery) -> None:
    emma = await surgery.person("emma")
    consultation = await ask(emma)
    page = await surgery.doctor()
    await page.click("[data-action=duty]")
    await page.locator(".waiting-list li").wait_for()
    dubois = await surgery.person("dubois", "doctor")
    # Between two looks at the queue, as it happens: what was seen last stays on screen.
    queue = await (await page.context.request.get(f"{surgery.server.origin}/v1/queue")).json()
    await page.route("**/v1/queue", lambda route: route.fulfill(json=queue))
    await dubois.put("/duty", {"on_duty": True, "languages": ["nl"]})
    assert (await dubois.post("/queue/claim", {"consultation": consultation})).status == 200
    await page.click(f"[data-consultation='{consultation}']")
    await seen(page, "Another doctor has just taken this consultation.")


async def test_the_patients_own_words_come_first_and_every_answer_is_at_hand(surgery: Surgery) -> None:
    page, _ = await surgery.case()
    quote = page.locator("blockquote").first
    assert (await quote.inner_text()).strip("“”") == WORDS
    assert await quote.get_attribute("lang") == "nl"
    sections = await page.eval_on_selector_all(
        ".summary-part", "(parts) => parts.map((part) => part.dataset.section)"
    )
    assert sections[:2] == ["reason", "alarm"]
    assert set(sections) == {
        "reason", "alarm", "history", "background", "expectation", "identity", "record",
    }  # fmt: skip
    assert "not asked" in await page.locator("[data-section=history]").inner_text()
    assert await page.locator("[data-section=alarm] dt").all_inner_texts() == ["No"], "one line for all"
    await page.get_by_text("All answers").click()
    assert WORDS in await page.locator(".answers-list").inner_text()
    # In the page's language, not in the doctor's own.
    assert await page.locator(".summary").get_attribute("lang") == "en"
    await page.select_option("#language", "fr")
    await page.locator(".summary[lang=fr]").wait_for()
    assert (await quote.inner_text()).strip("“”") == WORDS


async def test_a_patient_given_back_has_the_old_place(surgery: Surgery) -> None:
    page, patient = await surgery.case()
    await page.click(".ready [data-action=give-back]")
    await page.get_by_role("dialog").get_by_role("button", name="Give back").click()
    await page.locator(".waiting-list li").wait_for()
    found = await patient.state()
    assert (found["state"], found["queue"]["position"]) == ("arrived", 1)
    assert WORDS not in await everything(page)


async def test_a_doctor_whose_patient_was_taken_back_is_told_so(surgery: Surgery) -> None:
    page, patient = await surgery.case()
    claes = await surgery.person("claes", "doctor")
    calls: list[str] = []

    async def call(route: Route) -> None:
        calls.append(route.request.url)
        await route.fallback()

    async def look(route: Route) -> None:
        """The page looks by itself, too, once in a while, and would notice it before any call."""
        await (route.fallback() if calls else route.abort())

    await page.route("**/call", call)
    await page.route(f"**/v1/consultations/{patient.consultation}", look)
    # As the queue's keeper does for a page that was not there for long.
    assert (await claes.post(f"/consultations/{patient.consultation}/give-back")).status == 204
    await page.click(".ready [data-action=call]")
    await seen(page, "You were gone for too long: this patient waits for a doctor again.")
    await page.locator(".waiting-list li").wait_for()


async def test_two_calls_without_an_answer_end_it(surgery: Surgery) -> None:
    page, patient = await surgery.case()
    for attempt in (1, 2):
        await page.click(".ready [data-action=call]")
        await page.locator(".ringing:not([hidden])").get_by_role("button", name="No answer").click()
        await page.get_by_role("dialog").get_by_role("button", name="Nobody answered").click()
        await page.locator(".ready").wait_for()
        assert (await patient.state())["missed_calls"] == attempt
    await seen(page, "The patient did not answer twice.")
    assert (await patient.state())["reason"] == "no-show"
    await page.click(".ready [data-action=back-to-desk]")
    await page.locator(".desk").wait_for()


async def test_a_note_is_kept_as_it_is_written_and_a_reload_comes_back_to_it(surgery: Surgery) -> None:
    page, _ = await surgery.call()
    await page.locator("#note:enabled").wait_for(state="attached")
    await page.keyboard.press("n")
    await page.keyboard.type("Virale faryngitis, geen abces.")
    await page.locator(".save-state[data-state=saved]").wait_for()
    await page.reload()
    await page.locator(".workspace").wait_for()
    await page.click("#tab-note")
    await page.wait_for_function(
        "() => document.querySelector('#note').value === 'Virale faryngitis, geen abces.'"
    )
    await page.click(".ready [data-action=call]")  # "Call again": into the same room
    await page.wait_for_function(TALKING)
    await page.go_back()
    await page.get_by_role("dialog", name="Leave the call?").get_by_role("button", name="Cancel").click()
    # Logged out in another tab: the call ends at once, and what was written stays.
    await page.wait_for_function(
        "() => (window.camera = document.querySelector('.self video')?.srcObject?.getTracks()[0])"
    )
    other = await page.context.new_page()
    await other.goto(page.url)
    await other.evaluate(
        """async () => {
          const { Api } = await import("/web/consultation/api.js");
          const api = new Api();
          await api.me();
          await api.logout();
        }"""
    )
    await page.get_by_role("dialog", name="Your session has ended").wait_for()
    assert await page.evaluate("[camera.readyState, teleconsult.state]") == ["ended", "ended"]
    assert await page.input_value("#note") == "Virale faryngitis, geen abces."
    surgery.sessions.pop("claes")


async def test_the_consultation_is_closed_and_its_report_arrives_at_the_gp(surgery: Surgery) -> None:
    page, patient = await surgery.call()
    await page.click("#tab-note")
    await page.locator("#note:enabled").fill("Virale faryngitis. Paracetamol, veel drinken.")
    await patient.agree("report_to_gp", recipient=GP)
    await page.click(".toolbar [data-action=leave]")
    await in_both_schemes(page, "hanging up")
    await page.get_by_role("dialog").get_by_role("button", name="Finish the consultation").click()
    await page.click("[data-part=certificate] summary")
    await page.click("[data-action=certify]")
    await page.locator("[data-part=certificate] .items li").wait_for()
    await page.locator(".chip-code").first.click()
    referral = page.locator("[data-part=referral]")
    await referral.locator("summary").click()
    await referral.get_by_label("Reason").fill("Verdere oppuntstelling.")
    await page.click("[data-action=close]")
    unfinished = page.get_by_role("dialog", name="Something has not been added yet")
    assert await unfinished.locator("li").all_inner_texts() == ["Referral"]
    await unfinished.get_by_role("button", name="Go back").click()
    await page.wait_for_function(
        "() => document.activeElement?.closest('[data-part]')?.dataset.part === 'referral'"
    )
    assert (await patient.state())["state"] == "in-progress"
    await page.click("[data-action=close]")
    await unfinished.get_by_role("button", name="Close without it").click()
    await page.click("[data-action=report]")
    await page.locator(".delivery[data-state=delivered]").wait_for()
    await in_both_schemes(page, "the end")
    assert any("Virale faryngitis." in report for report in reports(surgery.server.data_dir))
    found = await patient.state()
    assert (found["state"], found["outcome"]) == ("finished", "advice")
    assert patient.page is not None
    await patient.page.wait_for_function("() => room.state === 'ended'")
    await page.click(".ready [data-action=back-to-desk]")
    await page.locator(".desk").wait_for()
    assert await page.locator("button.own").count() == 0


@pytest.mark.parametrize("path", [DOCTOR, "/consultation/guest"])
async def test_every_module_is_asked_for_at_once(surgery: Surgery, path: str) -> None:
    page = await surgery.page(path)
    await page.locator(".door-card, .ended").wait_for()
    late = await page.evaluate(
        """() => {
          const urls = (entries) => entries.map((entry) => entry.href || entry.src || entry.name);
          const early = urls([...document.querySelectorAll("link[rel=modulepreload], script[src]")]);
          const loaded = urls(performance.getEntriesByType("resource")).filter((url) => url.endsWith(".js"));
          return [loaded.filter((url) => !early.includes(url)), early.filter((url) => !loaded.includes(url))];
        }"""
    )
    assert late == [[], []]
