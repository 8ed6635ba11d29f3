"""What a link does to datagrams, without a socket or a clock."""

import pytest

from tests.link import Conditions, Link


def fates(link: Link, count: int = 1000, size: int = 1000, spacing_s: float = 0.001) -> list[float | None]:
    return [link.offer(size, now=i * spacing_s) for i in range(count)]


def test_a_good_link_delivers_everything_at_once() -> None:
    assert fates(Link(seed=1), count=3) == [0.0, 0.001, 0.002]


def test_loss_is_seeded_and_of_the_given_share() -> None:
    first, again, other = (fates(Link(seed, Conditions(loss=0.05)), 10_000) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.count(None) / len(first) == pytest.approx(0.05, abs=0.01)


def test_delay_and_jitter_stay_within_their_bounds_and_keep_the_order() -> None:
    out = [d for d in fates(Link(1, Conditions(delay_s=0.05, jitter_s=0.02))) if d is not None]
    assert out == sorted(out)
    assert all(0.05 <= departure - i * 0.001 <= 0.0701 for i, departure in enumerate(out))


def test_a_rate_limit_lets_just_that_rate_through_and_its_queue_is_bounded() -> None:
    link = Link(1, Conditions(rate_bps=800_000, queue_s=0.1))  # 100 datagrams a second; 1000 are offered
    out = [(i * 0.001, departure) for i, departure in enumerate(fates(link)) if departure is not None]
    assert len(out) == pytest.approx(100 + 10, abs=2)  # a second's worth, and what still waits in the queue
    assert max(departure - arrival for arrival, departure in out) <= 0.1 + 0.011


def test_after_a_limit_is_lifted_datagrams_go_at_once_but_not_before_those_in_the_queue() -> None:
    link = Link(1, Conditions(rate_bps=8_000, queue_s=10))
    assert link.offer(1000, now=0.0) == 1.0
    link.conditions = Conditions()
    assert link.offer(1000, now=0.1) == 1.0
    assert link.offer(1000, now=1.5) == 1.5


def test_a_black_hole_swallows_everything() -> None:
    link = Link(1, Conditions(blackhole=True))
    assert set(fates(link)) == {None}
    assert (link.passed, link.dropped) == (0, 1000)
