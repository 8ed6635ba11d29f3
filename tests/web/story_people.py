"""Patient, doctor and guest of the seed story, each at a real page of their own: what they do there.

The patient reads Dutch on a phone, the doctor English at a desk. $TEST_PICTURES names a folder for pictures
of what they see.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from tests.web.browser import DESK, PHONE

# What one waits for comes within a second or two; on a machine that others use, too, when it comes.
PATIENCE_MS = 45_000

# A small picture: two pages and a guest's code and decode it on the processors of the server and the tests.
SMALL_PICTURE = """
  const ask = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = function ({ audio, video }) {
    return ask.call(this, { audio, video: video && { width: 320, height: 240 } });
  };
"""
# Whatever lets somebody in anywhere is told to the test.
TELL_TOKENS = """
  const send = window.fetch;
  window.fetch = async (...request) => {
    const answer = await send(...request);
    if (answer.headers.get("content-type")?.includes("json")) {
      const found = await answer.clone().json();
      for (const token of [found.ticket, found.csrf_token, found.url?.split("#")[1]]) {
        if (typeof token === "string") void keepToken(token);
      }
    }
    return answer;
  };
"""
# All that has come in over the media path: pictures decoded, packets of sound, and how loud they were.
RECEIVED = """
  async () => {
    const report = await window.teleconsult?.peerConnection?.getStats();
    const streams = [...(report?.values() ?? [])].filter(({ type }) => type === "inbound-rtp");
    const of = (kind) => streams.filter((stream) => stream.kind === kind);
    const sum = (kind, name) => of(kind).reduce((total, stream) => total + (stream[name] ?? 0), 0);
    return {
      pictures: sum("video", "framesDecoded"),
      packets: sum("audio", "packetsReceived"),
      loudness: sum("audio", "totalAudioEnergy"),
    };
  }
"""
MORE_THAN = f"""async (before) => {{
  const now = await ({RECEIVED})();
  return now.pictures >= before.pictures + 10 && now.packets >= before.packets + 40
    && now.loudness > before.loudness;
}}"""


class Somebody:
    """At a page that knows of no other. `tokens`: all that let them in anywhere; `complaints`: what the page
    wrote to the console, but for the refusals that browsers note there themselves.
    """

    def __init__(self, page: Page, origin: str, name: str) -> None:
        self.page = page
        self.origin = origin
        self.name = name
        self.tokens: set[str] = set()
        self.complaints: list[str] = []

    @classmethod
    async def at(
        cls, browser: Browser, origin: str, *, viewport: ViewportSize = PHONE, locale: str = "nl-BE"
    ) -> Self:
        context = await browser.new_context(
            viewport=viewport, locale=locale, has_touch=viewport is not DESK, timezone_id="Europe/Brussels"
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.grant_permissions(["camera", "microphone"], origin=origin)
        await context.add_init_script(SMALL_PICTURE + TELL_TOKENS)
        somebody = cls(await context.new_page(), origin, cls.__name__.lower())
        somebody.page.on("console", lambda message: somebody._hear(message.type, message.text))
        somebody.page.on("pageerror", lambda error: somebody.complaints.append(str(error)))
        await context.expose_function("keepToken", lambda token: somebody.tokens.add(token))
        return somebody

    async def log_in(self, path: str, person: str) -> None:
        await self.page.goto(self.origin + path)
        await self.page.click("[data-action=login]")
        await self.page.click(f"button[value={person}]")

    async def click(self, *selectors: str) -> None:
        for selector in selectors:
            await self.page.click(selector)

    async def sees(self, text: str) -> None:
        await self.page.get_by_text(text).and_(self.page.locator(":visible")).first.wait_for()

    async def picture(self, moment: str) -> None:
        if folder := os.environ.get("TEST_PICTURES"):
            await self.page.screenshot(path=Path(folder) / f"{self.name}-{moment}.png")

    async def received(self) -> Mapping[str, float]:
        received: Mapping[str, float] = await self.page.evaluate(RECEIVED)
        return received

    async def sees_and_hears(self) -> None:
        """Pictures and sound come in now, and a picture is on screen."""
        await self.page.wait_for_function("() => document.querySelector('.tile video')?.videoWidth > 0")
        await self.page.wait_for_function(MORE_THAN, arg=await self.received())

    async def ask(self, path: str) -> Any:
        """Of the service, as this page would."""
        answer = await self.page.context.request.get(f"{self.origin}/v1{path}")
        return await answer.json()

    async def keep_cookies(self) -> None:
        self.tokens |= {cookie["value"] for cookie in await self.page.context.cookies() if "value" in cookie}

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)


class Patient(Somebody):
    async def begin(self, person: str) -> None:
        await self.log_in("/patient", person)
        await self.page.locator("[data-action=start]").wait_for()
        await self.picture("1-home")
        await self.click("[data-action=start]")

    async def say_where(self, place: str, phone: str) -> None:
        await self._choice("Wie heeft de arts nodig?", "Ik")
        await self.page.get_by_label("Waar bent u nu?").fill(place)
        await self.page.get_by_label("Telefoonnummer").fill(phone)
        await self.page.get_by_label("Ziekenfonds").select_option(index=1)
        await self.picture("2-about")
        await self.onward()

    async def answer(self, answers: Mapping[str, str | tuple[str, ...]]) -> None:
        """By question, in the order in which they are asked: a text, or what is chosen of a list."""
        for question, given in answers.items():
            if not await self._field(question).is_visible():
                await self.onward()
                await self._field(question).wait_for()
            if isinstance(given, str):
                await self._field(question).locator("input, textarea").fill(given)
            else:
                for option in given:
                    await self._choice(question, option)
        await self.picture("3-questions")
        await self.onward()

    async def consent(self) -> None:
        """To what is needed, and nothing else."""
        needed = self.page.locator("section.card", has_text="Nodig voor de consultatie")
        await needed.wait_for()
        for box in await needed.locator("label.choice").all():
            await box.click()
        await self.picture("4-consents")
        await self.click("[data-action=submit]")

    async def check_devices(self) -> None:
        await self.page.locator(".findings li.good").nth(1).wait_for()
        await self.page.wait_for_function("() => document.querySelector('.lobby video')?.videoWidth > 0")
        await self.picture("5-check")
        await self.click("[data-action=ready]")

    async def write(self, text: str) -> None:
        if not await self.page.locator(".chat").is_visible():
            await self.click("[data-action=chat]")
        await self.page.locator(".chat textarea").fill(text)
        await self.page.keyboard.press("Enter")

    async def send_photo(self) -> None:
        await self.click("[data-action=photo]")
        await self.page.wait_for_function("() => document.querySelector('video.viewfinder')?.videoWidth > 0")
        await self.click("[data-action=shoot]")
        await self.page.wait_for_function("() => document.querySelector('img.viewfinder')?.naturalWidth > 0")
        await self.picture("7-photo")
        await self.click("[data-action=send-photo]")
        await expect(self.page.locator("dialog")).to_have_count(0, timeout=PATIENCE_MS)

    async def allow(self, moment: str, **fields: str) -> None:
        """What the doctor has asked for."""
        dialog = self.page.locator("dialog.consent-dialog")
        await dialog.wait_for()
        for label, text in fields.items():
            await dialog.get_by_label(label.replace("_", " ")).fill(text)
        await self.picture(f"8-{moment}")
        await dialog.locator("[data-answer=allow]").click()
        await dialog.wait_for(state="detached")

    async def withdraw(self, kind: str) -> None:
        await self.click("[data-action=consents]", f"[data-withdraw={kind}]")
        await self.picture("9-withdraw")
        await self.click("dialog [data-answer=yes]")
        await self.page.locator(f"[data-withdraw={kind}]").wait_for(state="detached")
        await self.page.keyboard.press("Escape")
        await expect(self.page.locator("dialog")).to_have_count(0, timeout=PATIENCE_MS)

    async def rate(self, stars: int) -> None:
        await self.page.locator(f"label.star[for=score-{stars}]").click()
        await self.page.get_by_role("button", name="Beoordeling versturen").click()
        await self.sees("Bedankt voor uw beoordeling")

    async def copy(self) -> str:
        await self.click("[data-action=copy]")
        copy = await self.page.locator("article.paper").inner_text()
        await self.picture("11-copy")
        return copy

    async def trail(self) -> str:
        """What was done with their data, in words."""
        await self.click("button.back", "[data-action=trail]")
        trail = self.page.locator("main", has_text="Jan Claes")
        await trail.wait_for()
        await self.picture("12-trail")
        return await trail.inner_text()

    async def onward(self) -> None:
        await self.page.get_by_role("button", name="Verder", exact=True).click()

    def _field(self, question: str) -> Locator:
        return self.page.locator(".field", has_text=question)

    async def _choice(self, question: str, option: str) -> None:
        label = self._field(question).locator("label.choice")
        await label.filter(has=self.page.get_by_text(option, exact=True)).click()


class Doctor(Somebody):
    async def tab(self, name: str) -> None:
        await self.click(f"#tab-{name}")

    async def go_on_duty(self) -> None:
        await self.click("[data-action=duty]")

    async def call(self) -> None:
        await self.click(".ready [data-action=call]")

    async def write(self, text: str) -> None:
        await self.tab("chat")
        await self.page.get_by_label("Your message").fill(text)
        await self.page.keyboard.press("Enter")

    async def open_photo(self) -> bytes:
        """The bytes as they came."""
        await self.tab("chat")
        async with self.page.expect_response("**/attachments/*") as answered:
            await self.page.locator(".file-line").click()
        await self.page.wait_for_function("() => document.querySelector('dialog img')?.naturalWidth > 0")
        await self.picture("5-photo")
        await self.page.keyboard.press("Escape")
        again = await self.page.context.request.get((await answered.value).url)
        return await again.body()

    async def ask_for(self, kind: str) -> None:
        await self.tab("consents")
        await self.click(f"[data-kind={kind}] [data-ask]")

    async def invite(self) -> str:
        """An interpreter; the link to give them."""
        await self.tab("consents")
        await self.click("[data-action=invite]")
        return await self.page.get_by_label("Link for the guest").input_value()

    async def let_in(self) -> None:
        await self.page.locator(".knocking [data-admit]").click()

    async def note(self, text: str) -> None:
        await self.tab("note")
        await self.page.locator("#note:enabled").fill(text)
        await self.page.locator(".save-state[data-state=saved]").wait_for()
        await self.picture("8-note")

    async def prescribe(self, medicine: str, atc: str, dose: str) -> None:
        form = self.page.locator("[data-part=prescription]")
        await form.get_by_label("Medicine").fill(medicine)
        await form.get_by_label("ATC code").fill(atc)
        await form.get_by_label("Dose").fill(dose)
        await form.locator("[data-action=prescribe]").click()

    async def refer(self, specialty: str, reason: str) -> None:
        form = self.page.locator("[data-part=referral]")
        await form.locator("summary").click()
        await form.get_by_label("To whom").select_option("specialist")
        await form.get_by_label("Specialty").fill(specialty)
        await form.get_by_label("Reason").fill(reason)
        await form.locator("[data-action=refer]").click()
        await form.locator(".items li", has_text=reason).wait_for()

    async def report(self) -> None:
        await self.click("[data-action=report]")
        await self.page.locator(".delivery[data-state=delivered]").wait_for()
        await self.picture("10-report")

    async def close(self, icpc2: str) -> None:
        await self.page.get_by_label("ICPC-2 code").fill(icpc2)
        await self.picture("9-closing")
        await self.click("[data-action=close]")
        await self.page.locator(".closed-card").wait_for()


class Guest(Somebody):
    async def knock(self, link: str, name: str) -> None:
        await self.page.goto(link)
        await self.page.fill("#name", name)
        await self.click("form button[type=submit]")
        await self.page.locator(".call.waiting").wait_for()
