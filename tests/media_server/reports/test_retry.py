"""When a failed report is tried again: later and later, never given up before the consent ends."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.reports import GiveUp, RetryAt, RetryPolicy, after_failure
from media_server.reports.retry import wait_s

SECOND_US = 1_000_000
WEEK_US = 7 * 86_400 * SECOND_US
POLICY = RetryPolicy()

jitters = st.floats(0, 1, exclude_max=True)


def test_waits_double_up_to_the_longest() -> None:
    waits = [wait_s(POLICY, attempts, 0.0) for attempts in range(1, 10)]
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1800, 1800]


def test_half_of_a_wait_is_left_to_chance() -> None:
    assert [wait_s(POLICY, 3, jitter) for jitter in (0.0, 0.5, 0.999_999)] == pytest.approx(
        [60, 90, 120], abs=0.01
    )


@pytest.mark.parametrize(
    ("asked_s", "waits_s"), [(None, 15), (0.0, 15), (10.0, 15), (600.0, 600), (90_000.0, 3600)]
)
def test_what_the_receiver_asks_for_is_heeded_up_to_the_longest_wait(
    asked_s: float | None, waits_s: float
) -> None:
    assert wait_s(POLICY, 1, 0.0, asked_s) == waits_s


@given(st.integers(1, 10_000), jitters, st.none() | st.floats(0, 1e9))
def test_a_wait_is_always_within_bounds(attempts: int, jitter: float, asked_s: float | None) -> None:
    assert POLICY.first_s / 2 <= wait_s(POLICY, attempts, jitter, asked_s) <= POLICY.longest_s


@given(st.integers(1, 10_000), st.integers(0, WEEK_US - 1), jitters)
def test_it_is_never_given_up_before_the_consent_ends(attempts: int, now_us: int, jitter: float) -> None:
    following = after_failure(POLICY, attempts, now_us, WEEK_US, jitter)
    assert isinstance(following, RetryAt)
    assert now_us < following.due_at_us <= WEEK_US


@pytest.mark.parametrize("late_us", [0, 1, WEEK_US])
def test_it_is_given_up_when_the_consent_has_ended(late_us: int) -> None:
    assert after_failure(POLICY, 1, WEEK_US + late_us, WEEK_US, 0.0) == GiveUp()


def test_a_receiver_that_is_away_for_a_week_is_tried_to_the_end_and_somebody_is_told_early() -> None:
    now_us, alarms = 0, []
    for attempts in itertools.count(1):
        following = after_failure(POLICY, attempts, now_us, WEEK_US, 0.5)
        if isinstance(following, GiveUp):
            break
        alarms.append(following.alarming)
        now_us = following.due_at_us
    assert now_us == WEEK_US
    assert alarms.index(True) == 4
    assert all(alarms[4:])
    assert 150 < len(alarms) < 400


@pytest.mark.parametrize("fields", [{"first_s": 0}, {"first_s": 20, "longest_s": 10}, {"alarm_after": 0}])
def test_a_policy_that_makes_no_sense_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="waits"):
        RetryPolicy(**fields)
