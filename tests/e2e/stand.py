"""A whole call on one machine: the real server, breakable paths to it, and a real Chromium on the real pages.

    async with a_stand() as stand:
        patient = await stand.open("patient")
        doctor = await stand.open("doctor")
        await patient.until_seeing(1)

Nothing leaves loopback. HTTP and WebSocket go through a `TcpProxy`, media through a `UdpProxy`.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.busy_picture import write_busy_picture
from tests.e2e.probe import Frame, Probe, Sample
from tests.e2e.tcp_proxy import TcpProxy
from tests.impairment import UdpProxy
from tests.link import Conditions
from tests.server_process import ServerProcess, running_server

SERVER_ADDRESS = "127.0.0.2"
ANNOUNCED_ADDRESS = "127.0.0.3"
STALLABLE = (sys.executable, "-m", "tests.e2e.stallable_server", "serve", "--walk-in")
CAMERA_HZ = 20  # what Chromium's fake camera gives unless told otherwise
CHROMIUM_FLAGS = (
    "--no-sandbox",  # tests often run as root, in a container
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # A machine with nothing but loopback has a call too.
    "--allow-loopback-in-peer-connection",
)
_POLL_S = 0.05
_PATIENCE_S = 60.0  # on a machine busy with other things; each wait ends when what it waits for is there


def chromium() -> Path | None:
    """The browser to drive: $TEST_BROWSER, else Debian's; None when there is none."""
    path = Path(os.environ.get("TEST_BROWSER", "/usr/bin/chromium"))
    return path if path.exists() else None


@dataclass(frozen=True, slots=True)
class Participant:
    """One person's page."""

    page: Page
    probe: Probe

    async def until(self, condition: Callable[[Sample], bool], timeout_s: float = _PATIENCE_S) -> Sample:
        """Look until it is so. Raises TimeoutError, telling what was seen last."""
        sample: Sample | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    sample = await self.probe.look()
                    if sample is not None and condition(sample):
                        return sample
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise TimeoutError(f"not within {timeout_s:.0f} s; last seen: {sample}") from None

    async def until_receiving(self, videos: int, audios: int | None = None) -> Sample:
        """Until this many remote videos are being decoded, and as many audios arrive."""
        sounds = videos if audios is None else audios

        def receives(sample: Sample) -> bool:
            decoding = [s for s in sample.received("video") if s.frames_decoded > 0]
            hearing = [s for s in sample.received("audio") if s.packets > 0]
            return len(decoding) >= videos and len(hearing) >= sounds

        return await self.until(receives)

    async def until_more_frames(self, frames: int = 10, timeout_s: float = _PATIENCE_S) -> Sample:
        """Until so many more frames were decoded than now: the picture moves."""
        before = await self.probe.look()
        start = before.frames_decoded if before is not None else 0
        return await self.until(lambda sample: sample.frames_decoded >= start + frames, timeout_s)

    async def until_painted(self) -> Frame:
        """The first remote frame that this page ever painted."""
        await self.page.wait_for_function(
            "() => __probe.frames.some((frame) => frame.remote)", timeout=_PATIENCE_S * 1000
        )
        return (await self.probe.frames())[0]

    async def client(self, expression: str) -> Any:
        """Evaluate JavaScript in which `client` is the page's TeleconsultClient; promises are awaited."""
        return await self.page.evaluate(f"async () => {{ const client = window.teleconsult; {expression} }}")

    async def until_client(self, condition: str, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until this JavaScript expression, in which `client` is the page's client, is true."""
        await self.page.wait_for_function(
            f"() => {{ const client = window.teleconsult; return Boolean({condition}); }}",
            timeout=timeout_s * 1000,
        )

    async def press(self, label: str) -> None:
        """Click the button of the call with this English label."""
        await self.page.get_by_role("button", name=label, exact=True).click()

    async def client_ufrag(self) -> str:
        ufrag = await self.probe.client_ufrag()
        assert ufrag is not None, "no connection yet"
        return ufrag

    async def close(self) -> None:
        await self.page.context.close()


class Stand:
    """What `a_stand` yields."""

    def __init__(
        self,
        server: ServerProcess,
        path: TcpProxy,
        proxy: UdpProxy,
        browser: Browser,
        camera_height: int | None,
        init_script: str | None = None,
    ) -> None:
        self._camera_height = camera_height
        self._init_script = init_script
        self.server = server
        self.path = path
        self.proxy = proxy
        self.browser = browser
        host, port = path.address
        self.origin = f"http://{host}:{port}"
        self.media_address = (SERVER_ADDRESS, proxy.address[1])
        self.standing: tuple[Participant, Participant] | None = None  # a call that several tests have in turn

    async def open(
        self, role: str, *, room: str = "demo", codec: str | None = None, sample_s: float | None = None
    ) -> Participant:
        """Open the role's page in a context of its own and enter the room at once."""
        phone = role == "patient"
        context = await self.browser.new_context(
            viewport={"width": 412, "height": 915} if phone else {"width": 1280, "height": 800},
            locale="en-GB",
        )
        if self._init_script is not None:
            await context.add_init_script(self._init_script)
        await Probe.install(context, sample_s, self._camera_height)
        page = await context.new_page()
        page.set_default_timeout(_PATIENCE_S * 1000)
        query = {"auto": "1", "room": room} | ({"codec": codec} if codec else {})
        await page.goto(f"{self.origin}/{role}?{urlencode(query)}")
        return Participant(page, Probe(page))

    async def pair(
        self, *, room: str = "demo", codec: str | None = None, sample_s: float | None = None
    ) -> tuple[Participant, Participant]:
        """A patient and a doctor who see and hear each other."""
        patient, doctor = await asyncio.gather(
            self.open("patient", room=room, codec=codec, sample_s=sample_s),
            self.open("doctor", room=room, codec=codec, sample_s=sample_s),
        )
        await asyncio.gather(patient.until_receiving(1), doctor.until_receiving(1))
        return patient, doctor

    async def close_pages(self) -> None:
        """Everybody leaves without a word, and the network is good again."""
        self.standing = None
        for context in self.browser.contexts:
            await context.close()
        self.heal()

    def heal(self) -> None:
        """The network is good again, and nobody listens to it."""
        self.path.heal()
        self.proxy.shape(up=Conditions(), down=Conditions())
        self.proxy.tap = None

    def stall(self) -> None:
        """Stop the server's Python; see `stallable_server`."""
        self.server.process.send_signal(signal.SIGUSR1)


@asynccontextmanager
async def a_stand(
    settings: Mapping[str, str] | None = None,
    *,
    camera_height: int | None = None,
    busy_picture: bool = False,
    through_proxy: bool = True,
    init_script: str | None = None,
    seed: int = 1,
) -> AsyncIterator[Stand]:
    """Server, paths and browser, all new. Raises RuntimeError when there is no Chromium.

    `camera_height`: of every camera, None for what the page asks for. `busy_picture`: cameras show something
    that takes all the bandwidth an encoder may have, at 360 lines. `through_proxy`: media goes through the
    UDP proxy, which shares the test's event loop; without it nothing can be done to a path. `init_script`
    runs in every page before its own.
    """
    executable = chromium()
    if executable is None:
        raise RuntimeError("no Chromium; set TEST_BROWSER")
    media_port = free_media_port()
    values = {
        "MEDIA_HOST": SERVER_ADDRESS,
        "MEDIA_PORT": str(media_port),
        "ANNOUNCED_ADDRESSES": ANNOUNCED_ADDRESS if through_proxy else SERVER_ADDRESS,
    }
    flags = list(CHROMIUM_FLAGS)
    async with AsyncExitStack() as stack:
        if busy_picture:
            film = Path(stack.enter_context(TemporaryDirectory())) / "busy.y4m"
            write_busy_picture(film)
            flags.append(f"--use-file-for-fake-video-capture={film}")
        path = await stack.enter_async_context(TcpProxy())
        proxy = await stack.enter_async_context(
            UdpProxy((ANNOUNCED_ADDRESS, media_port), (SERVER_ADDRESS, media_port), seed=seed)
        )
        server = await stack.enter_async_context(
            running_server(values | dict(settings or {}), command=STALLABLE)
        )
        path.server = ("127.0.0.1", server.http_port)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=str(executable), args=flags, chromium_sandbox=False
        )
        stack.push_async_callback(browser.close)
        yield Stand(server, path, proxy, browser, camera_height, init_script)


def free_media_port() -> int:
    """A port free on both sides of the UDP proxy, below the range from which the system picks for others."""
    random = SystemRandom()
    while True:
        port = random.randrange(12_000, 32_000)
        if _free(SERVER_ADDRESS, port) and _free(ANNOUNCED_ADDRESS, port):
            return port


def _free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
