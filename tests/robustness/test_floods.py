"""Floods of nearly right datagrams and messages against a running call. `prove` sends the long ones."""

import asyncio
from itertools import islice
from random import Random

import pytest

from loadtest.wire import Encoding
from tests.e2e.measure import assert_flows, watch
from tests.e2e.stand import Stand
from tests.robustness import attack
from tests.robustness.messages import mutations as mutated_messages
from tests.robustness.messages import requests
from tests.robustness.mutation import mutations as mutated_datagrams
from tests.robustness.shapes import shapes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.slow]

REFUSED = 'teleconsult_datagrams_refused_total{{reason="{}"}}'


async def test_a_call_goes_on_under_a_flood_of_datagrams(stand: Stand) -> None:
    stand.proxy.tap = capture = attack.Capture()
    pair = await stand.pair(room="datagrams")
    seeds = shapes(Random(1)) + capture.datagrams
    watching = asyncio.create_task(watch(pair, 4))
    flood = mutated_datagrams(seeds, Random(1))
    await attack.flood(stand.media_address, islice(flood, 4_000))
    for flow in stand.proxy.flows(await pair[0].client_ufrag()):
        await attack.flood_from(stand.proxy, flow, islice(flood, 1_000))
    for watched in await watching:
        assert_flows(watched)


async def test_forged_and_replayed_media_is_counted_and_dropped(stand: Stand) -> None:
    stand.proxy.tap = capture = attack.Capture()
    pair = await stand.pair(room="forgery")
    await pair[1].until_more_frames(20)
    stand.proxy.tap = None
    before = await stand.server.metrics()
    watching = asyncio.create_task(watch(pair, 2))
    for flow, datagram in capture.media[-100:]:
        stand.proxy.inject(flow, attack.forged(datagram))
        stand.proxy.inject(flow, datagram)
    for watched in await watching:
        assert_flows(watched)
    after = await stand.server.metrics()
    for reason in ("forged", "replayed"):
        assert after[REFUSED.format(reason)] - before[REFUSED.format(reason)] >= 90


async def test_a_replayed_check_from_elsewhere_moves_nobody(stand: Stand) -> None:
    stand.proxy.tap = capture = attack.Capture()
    pair = await stand.pair(room="replayed-checks")
    await pair[1].until_more_frames(60)
    checks = [datagram for datagram in capture.datagrams if datagram[:2] == b"\x00\x01"]
    before = await stand.server.metrics()
    watching = asyncio.create_task(watch(pair, 3))
    await attack.flood(stand.media_address, checks)
    for watched in await watching:
        assert_flows(watched)
    after = await stand.server.metrics()
    assert after[REFUSED.format("replayed")] - before[REFUSED.format("replayed")] >= len(checks) > 0


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_a_call_goes_on_under_a_flood_of_messages(direct_stand: Stand, encoding: Encoding) -> None:
    room = f"messages-{encoding.name.lower()}"
    pair = await direct_stand.pair(room=room)
    sdp, track, participant = await pair[0].client(
        """const mine = client.publications.find((p) => p.id);
        return [client.peerConnection.localDescription.sdp, mine.id, client.self.id];"""
    )
    seeds = requests(sdp, track, participant)

    async def ticket() -> str:
        return (await direct_stand.server.ticket("guest", room=room)).ticket

    watching = asyncio.create_task(watch(pair, 5))
    messages = mutated_messages(seeds, Random(1), binary=encoding is Encoding.MSGPACK)
    outcome = await attack.bombard(direct_stand.server.signal_url, ticket, encoding, messages, 500)
    for watched in await watching:
        assert_flows(watched)
    assert outcome["answered"] > 250
    assert outcome["4400"] > 0
    for page in pair:
        assert await page.client("return client.state") == "connected"
