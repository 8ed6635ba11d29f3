"""Several nodes are one service: the short form of what `make chaos` shows at length.

How long a silence is, is measured there; here, beside whatever else runs, it has only to be none that people
would call one.
"""

import pytest

from tests.nodes import scenarios

pytestmark = pytest.mark.slow


async def test_calls_of_a_killed_node_go_on_at_another() -> None:
    await scenarios.node_killed(calls=2)


async def test_calls_of_a_draining_node_move_without_a_gap() -> None:
    await scenarios.node_drained(calls=3, silence_s=scenarios.UNDISTURBED_S)


async def test_nobody_notices_that_redis_was_restarted_empty() -> None:
    await scenarios.redis_restarted(calls=2, away_s=5)


async def test_a_queue_loses_nobody_and_gives_nobody_away_twice() -> None:
    await scenarios.queue_claimed(patients=200)


async def test_a_cut_websocket_costs_no_media_and_no_event() -> None:
    await scenarios.websocket_cut(cut_s=2)


async def test_a_node_that_slept_through_its_lease_lets_go() -> None:
    await scenarios.split_brain(calls=1, paused_s=6)
