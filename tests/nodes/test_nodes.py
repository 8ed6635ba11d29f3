"""Several nodes are one service: the short form of what `make chaos` shows at length."""

import pytest

from tests.nodes import scenarios

pytestmark = pytest.mark.slow


async def test_calls_of_a_killed_node_go_on_at_another() -> None:
    await scenarios.node_killed(calls=2)


async def test_calls_of_a_draining_node_move_without_a_gap() -> None:
    await scenarios.node_drained(calls=3)


async def test_a_recording_goes_on_at_the_next_node() -> None:
    await scenarios.recording_moved()


async def test_nobody_notices_that_redis_was_restarted_empty() -> None:
    await scenarios.redis_restarted(calls=2, away_s=5)


async def test_nobody_notices_that_redis_stood_still() -> None:
    await scenarios.redis_stalled(calls=2, away_s=5)


async def test_a_queue_loses_nobody_and_gives_nobody_away_twice() -> None:
    await scenarios.queue_claimed(patients=200)


async def test_a_cut_websocket_costs_no_media_and_no_event() -> None:
    await scenarios.websocket_cut(cut_s=2)


async def test_a_node_that_slept_through_its_lease_lets_go() -> None:
    await scenarios.split_brain(calls=1, paused_s=6)
