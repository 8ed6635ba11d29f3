"""The pages in a call over two real nodes, of which one dies or is drained: what people see and hear of it.

How long a silence may last is measured elsewhere: on a busy machine here it is only held to be much shorter
than the resume window, so that nothing can have come back by its end.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page, Route

from tests.redis_server import running_redis
from tests.server_process import ServerProcess, running_server
from tests.web.browser import Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

RESUME_WINDOW_S = 30.0

# A small picture: several are coded and decoded on the processors of nodes and tests. `__seen` is what the
# one tile shows: when frames were painted, what its element said of it, the most sounds at once; what the
# client says, and where it went; and how many packets of sound the present connection has brought.
WATCH = """
    const ask = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = function ({ audio, video }) {
      return ask.call(this, { audio, video: video && { width: 320, height: 180 } });
    };
    window.__seen = { frames: [], said: [], sounds: 0, states: [], packets: 0, at: null };
    let watched = null;
    const painted = () => {
      __seen.frames.push(performance.now());
      __seen.sounds = Math.max(__seen.sounds, watched.srcObject?.getAudioTracks().length ?? 0);
      watched.requestVideoFrameCallback(painted);
    };
    document.addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
      const video = document.querySelector(".tile video");
      if (!video || video === watched) return;
      if (watched) __seen.said.push("replaced");
      watched = video;
      for (const type of ["ended", "pause"]) video.addEventListener(type, () => __seen.said.push(type));
      video.requestVideoFrameCallback(painted);
    }).observe(document.body, { childList: true, subtree: true }));
    addEventListener("load", () => {
      for (const type of ["state", "moved"]) {
        teleconsult.on(type, ({ state, url }) => {
          __seen.states.push(state ?? url);
          __seen.at = url ?? __seen.at;
        });
      }
      setInterval(async () => {
        const report = [...((await teleconsult.peerConnection?.getStats()) ?? new Map()).values()];
        const sound = report.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
        __seen.packets = sound?.packetsReceived ?? 0;
      }, 100);
    });
"""


@dataclass
class Person:
    page: Page
    nodes: Sequence[ServerProcess]
    http: aiohttp.ClientSession
    urls: list[str] = field(default_factory=list)

    async def give_ticket(self, route: Route) -> None:
        """Of a node that is alive, as a load balancer would."""
        node = next(node for node in self.nodes if node.process.returncode is None)
        body = json.loads(route.request.post_data or "{}")
        try:
            async with self.http.post(f"{node.origin}/v1/walk-in/ticket", json=body) as response:
                answer = await response.json()
        except aiohttp.ClientError:
            await route.abort()
            return
        self.urls.append(answer["url"])
        await route.fulfill(json=answer)

    async def begin_anew(self) -> None:
        """What was seen is forgotten."""
        await self.page.evaluate(
            "Object.assign(__seen, { frames: [], said: [], sounds: 0, states: [], packets: 0 })"
        )
        self.urls[:-1] = []
        await self.until_in_touch()

    async def at(self) -> str:
        """The node it is on."""
        return str(await self.page.evaluate("__seen.at") or self.urls[-1])

    async def until_gone_from(self, url: str) -> None:
        """Until it sees and hears the other at another node."""
        await self.page.wait_for_function("(url) => (__seen.at ?? url) !== url", arg=url, timeout=60_000)
        await self.until_in_touch()

    async def until_in_touch(self) -> None:
        """Until it sees and hears the other."""
        frames = await self.page.evaluate("__seen.frames.length")
        await self.page.wait_for_function(
            "(frames) => __seen.frames.length > frames + 5 && __seen.packets > 5", arg=frames, timeout=60_000
        )

    async def longest_gap_s(self) -> float:
        frames: list[float] = await self.page.evaluate("__seen.frames")
        return max(later - sooner for sooner, later in pairwise(frames)) / 1000


@asynccontextmanager
async def a_call(site: Site, nodes: Sequence[ServerProcess]) -> AsyncIterator[tuple[Person, Person]]:
    """A patient and a doctor who see and hear each other, with tickets of whichever node is alive."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        people = []
        for role in ("patient", "doctor"):
            # The nodes are elsewhere than the page, which its own policy does not know of.
            page = await site.open("/blank", fake_room=False, before=WATCH, bypass_csp=True)
            stack.push_async_callback(page.context.close)
            person = Person(page, nodes, http)
            await page.route("**/v1/walk-in/ticket", person.give_ticket)
            await page.goto(f"{site.origin}/{role}?auto=1")
            people.append(person)
        patient, doctor = people
        await asyncio.gather(patient.until_in_touch(), doctor.until_in_touch())
        yield patient, doctor


@asynccontextmanager
async def some_nodes(site: Site, folder: Path, count: int) -> AsyncIterator[list[ServerProcess]]:
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis())
        shared = {
            "REDIS_URL": redis.url,
            "KEYS_DIR": str(folder / "keys"),
            "WORKERS": "1",
            "ALLOWED_ORIGINS": site.origin,
        }
        starting = [
            stack.enter_async_context(running_server(shared | {"NODE_ID": f"node-{number}"}, beneath=folder))
            for number in range(count)
        ]
        yield await asyncio.gather(*starting)


Call = tuple[Person, Person]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lasting(house: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Call]:
    """A call that outlives two of its three nodes: each test takes one from it."""
    async with (
        some_nodes(house, tmp_path_factory.mktemp("nodes"), 3) as nodes,
        a_call(house, nodes) as people,
    ):
        yield people


@pytest_asyncio.fixture(loop_scope="session")
async def call(lasting: Call) -> Call:
    for person in lasting:
        await person.begin_anew()
    return lasting


async def node_of(people: Call) -> ServerProcess:
    url = await people[0].at()
    return next(node for node in people[0].nodes if node.signal_url == url)


async def test_a_call_moves_from_a_drained_node_and_neither_picture_nor_sound_stops(call: Call) -> None:
    node = await node_of(call)
    node.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*(person.until_gone_from(node.signal_url) for person in call))
    assert await node.process.wait() == 0
    other = await node_of(call)
    for person in call:
        await person.until_in_touch()
        seen = await person.page.evaluate("__seen")
        assert seen["states"] == ["moving", "connected", other.signal_url]
        assert seen["said"] == [], "the element never stopped, and was not replaced"
        assert seen["sounds"] == 1
        assert await person.longest_gap_s() < RESUME_WINDOW_S / 2
        assert len(person.urls) == 1, "nobody asked for another ticket"


async def test_a_call_goes_on_at_another_node_after_its_own_was_killed(call: Call) -> None:
    node = await node_of(call)
    node.process.kill()
    await asyncio.gather(*(person.until_gone_from(node.signal_url) for person in call))
    other = await node_of(call)
    for person in call:
        states = await person.page.evaluate("__seen.states")
        assert states == ["reconnecting", "connected", other.signal_url]
        assert await person.longest_gap_s() < RESUME_WINDOW_S / 2
        assert await person.page.evaluate("teleconsult.participants.length") == 1
