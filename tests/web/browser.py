"""The pages in a real Chromium, with a room that lives inside the page: no server but for the files.

    async with a_site() as site:
        page = await site.open("/patient")
        await page.evaluate("fakeRoom.enter('d', 'doctor', 'Dr. Els Peeters')")

`fake_room.js` says what `fakeRoom` can do. The files come with the real server's security headers.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from playwright.async_api import (
    Browser,
    CDPSession,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    async_playwright,
)

from media_server.browser_rules import security_headers
from media_server.pages import add_pages, read_pages
from media_server.settings import Settings

ColorScheme = Literal["light", "dark"]
ReducedMotion = Literal["reduce", "no-preference"]

FAKE_ROOM = Path(__file__).with_name("fake_room.js")
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
CHROMIUM_FLAGS = (
    "--no-sandbox",  # tests often run as root, in a container
    "--use-fake-device-for-media-stream=fps=10",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)


def chromium() -> Path | None:
    """The browser to drive: $TEST_BROWSER, else Debian's; None when there is none."""
    path = Path(os.environ.get("TEST_BROWSER", "/usr/bin/chromium"))
    return path if path.exists() else None


@dataclass
class Kept:
    """A page that is used again and again: of what a test costs, a new one is half."""

    page: Page
    taken: bool = False
    extra: CDPSession | None = None  # while it lives, its script runs before the page's own

    async def run_before(self, script: str) -> None:
        if script:
            self.extra = await self.page.context.new_cdp_session(self.page)
            await self.extra.send("Page.enable")
            await self.extra.send("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    async def forget(self, blank: str) -> None:
        """Be as if new."""
        if self.extra is not None:
            await self.extra.detach()
            self.extra = None
        await self.page.unroute_all(behavior="ignoreErrors")
        await self.page.goto(blank)
        await self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        await self.page.context.clear_cookies()
        await self.page.context.clear_permissions()
        await self.page.mouse.move(0, 0)
        self.taken = False


class Site:
    """What `a_site` yields. `complaints`: what pages wrote to the console; `strangers`: other hosts."""

    def __init__(self, origin: str, browser: Browser) -> None:
        self.origin = origin
        self.browser = browser
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self._blank: Page | None = None
        self._kept: Kept | None = None

    async def open(
        self,
        path: str,
        *,
        viewport: ViewportSize = DESK,
        color_scheme: ColorScheme = "light",
        reduced_motion: ReducedMotion = "no-preference",
        permissions: Sequence[str] = ("camera", "microphone"),
        before: str = "",
        fake_room: bool = True,
        **context_options: Any,
    ) -> Page:
        """A page that knows of no other. `before` is JavaScript to run ahead of the page's own.

        Without the fake room it talks to whatever node its tickets name.
        """
        if context_options or not fake_room or (self._kept is not None and self._kept.taken):
            page = await self._new_page(fake_room=fake_room, **context_options)
            await page.add_init_script(before)
        else:
            if self._kept is None or self._kept.page.is_closed():
                self._kept = Kept(await self._new_page())
            page, self._kept.taken = self._kept.page, True
            await self._kept.run_before(before)
        await page.context.grant_permissions(list(permissions), origin=self.origin)
        await page.set_viewport_size(viewport)
        await page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        await page.goto(self.origin + path)
        return page

    async def _new_page(
        self, *, fake_room: bool = True, locale: str = "en-GB", **context_options: Any
    ) -> Page:
        """In a context of its own."""
        context = await self.browser.new_context(locale=locale, **context_options)
        context.set_default_timeout(60_000)  # a busy machine takes its time
        if fake_room:
            await context.add_init_script(path=FAKE_ROOM)
        page = await context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._watch)
        return page

    async def open_client(self) -> Page:
        """An empty page with `TeleconsultClient` and builders, for what needs no screen: always the same one,
        loaded anew, which forgets everything.
        """
        if self._blank is None or self._blank.is_closed():
            self._blank = await self._new_page()
        await self._blank.goto(self.origin + "/blank")
        await self._blank.evaluate(CLIENT_TOOLS)
        return self._blank

    async def close_pages(self) -> None:
        """But for the kept ones, which forget."""
        lasting = [self._blank, self._kept.page if self._kept is not None else None]
        for context in self.browser.contexts:
            if not any(page is not None and page.context is context for page in lasting):
                await context.close()
        if self._kept is not None and self._kept.taken and not self._kept.page.is_closed():
            await self._kept.forget(self.origin + "/blank")
        self.complaints.clear()
        self.strangers.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _watch(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "blob:", "data:")):
            self.strangers.append(request.url)


CLIENT_TOOLS = Path(__file__).with_name("client_tools.js").read_text()


async def _blank(request: web.Request) -> web.Response:
    return web.Response(
        text='<!doctype html><link rel="icon" href="/web/favicon.svg">', content_type="text/html"
    )


@asynccontextmanager
async def a_site() -> AsyncIterator[Site]:
    app = web.Application()
    add_pages(app.router, read_pages())
    app.router.add_get("/blank", _blank)
    headers: dict[str, str] = {}

    async def guard(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)
        if request.path.startswith("/web/"):
            response.headers["Cache-Control"] = "max-age=3600"  # else each page asks for forty files again

    app.on_response_prepare.append(guard)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        headers.update(security_headers(Settings(), port))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
            yield Site(f"http://127.0.0.1:{port}", browser)
            await browser.close()
    finally:
        await runner.cleanup()
