"""The real server with its stand-in for itsme, and its test persons in browsers of their own.

    async with a_practice(browser) as practice:
        emma = await practice.patient("emma")           # a page, logged in
        doctor = await practice.doctor("claes")
        await doctor.go_on_duty()

The doctor acts over HTTP and the JavaScript client, from a page without any markup.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from tests.consultation.records import opened
from tests.server_process import ServerProcess, running_server
from tests.web.browser import DESK, PHONE

PATIENT = "/consultation/patient"
_SETTINGS = {
    "ITSME_ENVIRONMENT": "development",
    "POLICY": "consented-recording",
    "FAIR_USE_PER_MONTH": "1000",
    "WORKERS": "1",
}
_CALL = """async ([method, path, body]) => {
  window.csrf ??= (await (await fetch("/v1/me")).json()).csrf_token;
  const response = await fetch(`/v1${path}`, {
    method, headers: { "content-type": "application/json", "x-csrf-token": window.csrf },
    ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
  });
  const text = await response.text();
  return [response.status, text === "" ? null : JSON.parse(text)];
}"""
_JOIN = """async (id) => {
  const { TeleconsultClient } = await import("/web/client.js");
  const getTicket = async () => {
    const headers = { "content-type": "application/json", "x-csrf-token": window.csrf };
    return (await fetch(`/v1/consultations/${id}/ticket`, { method: "POST", headers, body: "{}" })).json();
  };
  window.room = new TeleconsultClient({ getTicket });
  window.heard = [];
  room.on("relay", ({ kind, body }) => heard.push([kind, new TextDecoder().decode(body)]));
  const small = { width: 320, height: 180 };
  const devices = await navigator.mediaDevices.getUserMedia({ audio: true, video: small });
  room.publish(devices.getVideoTracks()[0], "camera");
  room.publish(devices.getAudioTracks()[0], "microphone");
  await room.join();
}"""
# Answers that raise no alarm, to every question that is asked because of them, and consent to what is needed.
_ARRIVE = """async () => {
  const { Api } = await import("/web/consultation/api.js");
  const { Answers, allItems, faultOf } = await import("/web/consultation/patient/questionnaire.js");
  const api = new Api();
  await api.me();
  const answers = new Answers(await api.questionnaire("en"));
  const plain = ({ type, answerOption = [] }) => {
    if (type === "boolean") return { valueBoolean: false };
    if (answerOption.length > 0) return { valueCoding: answerOption.at(-1).valueCoding };
    return type === "integer" ? { valueInteger: 1 } : { valueString: "A certificate for my work" };
  };
  for (let round = 0; round < 9; round++) {
    const enabled = answers.enabled();
    for (const item of allItems(answers.questionnaire.item)) {
      const open = enabled.has(item.linkId) && faultOf(item, answers.get(item.linkId));
      if (open) answers.set(item.linkId, [plain(item)]);
    }
  }
  const texts = await api.consentTexts("en");
  const agreed = (kinds, answer) => Object.fromEntries(texts.filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, version }) => [kind, { ...answer, text_version: version }]));
  const consents = agreed(["teleconsultation"], { granted: true });
  const notices = agreed(["privacy-notice", "not-an-emergency"], { acknowledged: true });
  const { id } = await api.createConsultation({
    questionnaire_response: answers.response("completed"), language: "en", insurance_fund: "300",
    location: "Kerkstraat 12, 9000 Gent", consents, notices,
    general_practitioner: { name: "Mia De Smet", nihdi: "10000106003" },
  });
  return id;
}"""


class Refused(Exception):
    """A problem document instead of an answer: its code."""


class Caller:
    """Somebody who is logged in, and speaks HTTP."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Raises Refused."""
        status, answer = await self.page.evaluate(_CALL, [method, path, body])
        if status >= 400:
            raise Refused(f"{method} {path}: {status} {answer['code']}")
        return answer


class Doctor(Caller):
    async def go_on_duty(self, *languages: str) -> None:
        await self.ask("PUT", "/duty", {"on_duty": True, "languages": list(languages or ("en", "nl"))})

    async def claim(self, consultation: str | None = None) -> str:
        body = {"consultation": consultation} if consultation else {}
        claimed: str = (await self.ask("POST", "/queue/claim", body))["id"]
        return claimed

    async def call(self, consultation: str) -> None:
        """Opens the room, is in it, and lets the patient in as soon as they are there."""
        await self.ask("POST", f"/consultations/{consultation}/call")
        await self.page.evaluate(_JOIN, consultation)
        await self.page.wait_for_function("() => room.participants.some(({ role }) => role === 'patient')")
        await self.page.evaluate("room.admit(room.participants.find(({ role }) => role === 'patient').id)")

    async def write(self, text: str) -> None:
        body = json.dumps({"text": text})
        await self.page.evaluate("(body) => room.relay(null, 'chat', new TextEncoder().encode(body))", body)

    async def heard(self, count: int) -> list[Any]:
        """What was said to the doctor, once it is so many messages."""
        await self.page.wait_for_function("(count) => heard.length >= count", arg=count)
        heard: list[list[str]] = await self.page.evaluate("heard")
        return [json.loads(body) for kind, body in heard if kind == "chat"]

    async def let_go(self) -> None:
        """Of everybody who was claimed and whose consultation is not over."""
        for each in (await self.ask("GET", "/consultations"))["consultations"]:
            if each["state"] == "triaged":
                await self.ask("POST", f"/consultations/{each['id']}/give-back")
            elif each["state"] == "in-progress":
                await self.close(each["id"])

    async def close(self, consultation: str) -> None:
        at = f"/consultations/{consultation}"
        await self.ask("PUT", f"{at}/note", {"text": "Viral sore throat. Rest, drink, paracetamol."})
        await self.ask("POST", f"{at}/close", {"outcome": "advice"})


class Practice:
    """`complaints`: what patients' pages wrote to the console, but for refusals that a test asks for."""

    def __init__(self, server: ServerProcess, browser: Browser) -> None:
        self.server = server
        self.origin = server.origin
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._patients: list[Caller] = []
        self._doctors: list[Doctor] = []
        self.complaints: list[str] = []

    async def open(
        self, path: str = PATIENT, *, viewport: ViewportSize = PHONE, locale: str = "en-GB", **options: Any
    ) -> Page:
        """A page of nobody yet."""
        context = await self._browser.new_context(
            viewport=viewport, locale=locale, has_touch=viewport is not DESK, **options
        )
        self._contexts.append(context)
        context.set_default_timeout(15_000)
        await context.grant_permissions(["camera", "microphone"], origin=self.origin)
        page = await context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(self.origin + path)
        return page

    async def patient(self, person: str = "emma", **options: Any) -> Page:
        page = await self.open(**options)
        await log_in(page, person)
        self._patients.append(Caller(page))
        return page

    async def waiting_patient(self, person: str = "emma", **options: Any) -> tuple[Page, str]:
        """A page in the waiting room, and the consultation's id; the questions were answered before."""
        page = await self.patient(person, **options)
        consultation: str = await page.evaluate(_ARRIVE)
        await page.reload()
        await page.wait_for_selector("[data-action=cancel]")
        await page.wait_for_function("() => teleconsult?.state === 'connected'")
        return page, consultation

    async def doctor(self, person: str = "claes") -> Doctor:
        page = await self.open("/v1/auth/itsme/login?role=doctor&return_to=/v1/login-options&ui_locales=en")
        await page.click(f"button[value={person}]")
        await page.wait_for_url("**/v1/login-options")
        doctor = Doctor(page)
        self._doctors.append(doctor)
        return doctor

    def doctor_was_seen_long_ago(self, consultation: str) -> None:
        """As if so much time had passed."""
        with opened(self.server) as records:
            records.execute("UPDATE consultations SET doctor_seen_at_us = 1 WHERE id = ?", (consultation,))
            records.commit()

    async def leave(self) -> None:
        """Everybody goes home; nobody waits any more."""
        for doctor in self._doctors:
            await doctor.let_go()
        for patient in self._patients:
            await self._withdraw(patient)
        for context in self._contexts:
            await context.close()
        self._contexts.clear()
        self._patients.clear()
        self._doctors.clear()
        self.complaints.clear()

    async def _withdraw(self, patient: Caller) -> None:
        try:
            me = await patient.ask("GET", "/me")
            if me["patient"]["intake_draft"]:
                await patient.ask("DELETE", "/intake-draft")
            if (active := me["patient"]["active_consultation"]) is not None:
                await patient.ask("POST", f"/consultations/{active}/cancel")
        except Refused:
            return  # logged out meanwhile

    def _hear(self, kind: str, text: str) -> None:
        # The browser writes a line for each refusal itself; that nobody is logged in is one.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)


async def log_in(page: Page, person: str) -> None:
    await page.click("[data-action=login]")
    await page.click(f"button[value={person}]")
    await page.wait_for_selector("[data-action=start], [data-action=cancel], .call")


@asynccontextmanager
async def a_practice(browser: Browser) -> AsyncIterator[Practice]:
    async with running_server(_SETTINGS) as server:
        practice = Practice(server, browser)
        try:
            yield practice
        finally:
            await practice.leave()
