"""Several nodes are one service: the short form of what `make chaos` shows at length.

How long a silence is, is measured there; here, beside whatever else runs, it has only to be none that people
would call one.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from media_server.recording.identity import Identity
from tests.nodes import scenarios
from tests.nodes.cluster import Cluster, a_cluster

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Cluster]:
    custodian = Identity.generate().recipient
    async with a_cluster(nodes=1, settings=scenarios.recording(custodian)) as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="module")
async def one(running: Cluster) -> Cluster:
    """With one living node: the last of those that the test before left."""
    await asyncio.gather(*(node.stop() for node in running.living()[:-1]))
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def two(running: Cluster) -> Cluster:
    while len(running.living()) < 2:
        await running.start_node()
    return running


async def test_a_queue_loses_nobody_and_gives_nobody_away_twice() -> None:
    await scenarios.queue_claimed(patients=200)


async def test_a_cut_websocket_costs_no_media_and_no_event(one: Cluster) -> None:
    await scenarios.websocket_cut(one, cut_s=2)


async def test_a_node_that_slept_through_its_lease_lets_go(one: Cluster) -> None:
    await scenarios.split_brain(one, calls=1, paused_s=6)


async def test_nobody_notices_that_redis_was_restarted_empty(two: Cluster) -> None:
    await scenarios.redis_restarted(two, calls=2, away_s=5)


async def test_calls_of_a_draining_node_move_without_a_gap(one: Cluster) -> None:
    await scenarios.node_drained(one, calls=3, silence_s=scenarios.UNDISTURBED_S)


async def test_calls_of_a_killed_node_go_on_at_another(one: Cluster) -> None:
    await scenarios.node_killed(one, calls=2)
