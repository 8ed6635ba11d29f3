"""Floods of nearly right datagrams and messages against a running call. `prove` sends the long ones."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from random import Random

import pytest
import pytest_asyncio

from loadtest.wire import Encoding
from tests.e2e.measure import assert_flows, watch
from tests.e2e.stand import Participant, Stand
from tests.robustness import attack
from tests.robustness.messages import mutations as mutated_messages
from tests.robustness.messages import requests
from tests.robustness.mutation import mutations as mutated_datagrams
from tests.robustness.shapes import shapes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

REFUSED = 'teleconsult_datagrams_refused_total{{reason="{}"}}'


@dataclass(frozen=True, slots=True)
class Tapped:
    """A call, and what its two pages sent from its first packet on."""

    stand: Stand
    pair: tuple[Participant, Participant]
    capture: attack.Capture


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tapped(the_stand: Stand) -> AsyncIterator[Tapped]:
    await the_stand.close_pages()
    the_stand.proxy.tap = capture = attack.Capture()
    yield Tapped(the_stand, await the_stand.pair(room="attacked"), capture)
    await the_stand.close_pages()


async def test_a_call_goes_on_under_a_flood_of_datagrams(tapped: Tapped) -> None:
    seeds = shapes(Random(1)) + tapped.capture.datagrams
    watching = asyncio.create_task(watch(tapped.pair, 4))
    flood = mutated_datagrams(seeds, Random(1))
    await attack.flood(tapped.stand.media_address, islice(flood, 4_000))
    for flow in tapped.stand.proxy.flows(await tapped.pair[0].client_ufrag()):
        await attack.flood_from(tapped.stand.proxy, flow, islice(flood, 1_000))
    for watched in await watching:
        assert_flows(watched)


async def test_forged_and_replayed_media_is_counted_and_dropped(tapped: Tapped) -> None:
    await tapped.pair[1].until_more_frames(20)
    before = await tapped.stand.server.metrics()
    watching = asyncio.create_task(watch(tapped.pair, 2))
    for flow, datagram in tapped.capture.media[-100:]:
        tapped.stand.proxy.inject(flow, attack.forged(datagram))
        tapped.stand.proxy.inject(flow, datagram)
    for watched in await watching:
        assert_flows(watched)
    after = await tapped.stand.server.metrics()
    for reason in ("forged", "replayed"):
        assert after[REFUSED.format(reason)] - before[REFUSED.format(reason)] >= 90


async def test_a_replayed_check_from_elsewhere_moves_nobody(tapped: Tapped) -> None:
    checks = [datagram for datagram in tapped.capture.datagrams if datagram[:2] == b"\x00\x01"]
    before = await tapped.stand.server.metrics()
    watching = asyncio.create_task(watch(tapped.pair, 3))
    await attack.flood(tapped.stand.media_address, checks)
    for watched in await watching:
        assert_flows(watched)
    after = await tapped.stand.server.metrics()
    assert after[REFUSED.format("replayed")] - before[REFUSED.format("replayed")] >= len(checks) > 0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def besieged(the_direct_stand: Stand) -> AsyncIterator[tuple[Participant, Participant]]:
    yield await the_direct_stand.pair(room="messages")
    await the_direct_stand.close_pages()


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_a_call_goes_on_under_a_flood_of_messages(
    the_direct_stand: Stand, besieged: tuple[Participant, Participant], encoding: Encoding
) -> None:
    pair, server = besieged, the_direct_stand.server
    sdp, track, participant = await pair[0].client(
        """const mine = client.publications.find((p) => p.id);
        return [client.peerConnection.localDescription.sdp, mine.id, client.self.id];"""
    )
    seeds = requests(sdp, track, participant)

    async def ticket() -> str:
        return (await server.ticket("guest", room="messages")).ticket

    watching = asyncio.create_task(watch(pair, 5))
    messages = mutated_messages(seeds, Random(1), binary=encoding is Encoding.MSGPACK)
    outcome = await attack.bombard(server.signal_url, ticket, encoding, messages, 250)
    for watched in await watching:
        assert_flows(watched)
    assert outcome["answered"] > 125
    assert outcome["4400"] > 0
    for page in pair:
        assert await page.client("return client.state") == "connected"
