"""The life of a consultation, and what waiting is estimated at."""

from datetime import UTC, datetime
from itertools import product

import pytest

from media_server.consultations import EndReason, NotInThisState, State, Step, month_began_us
from media_server.consultations.estimates import estimated_wait_s
from media_server.consultations.states import TRANSITIONS, after, reason_of

# Read it as: from the state, by each step that is there, to the next.
TABLE = {
    State.ARRIVED: {"claim": "triaged", "cancel": "cancelled", "expire": "cancelled"},
    State.TRIAGED: {
        "give-back": "arrived",
        "call": "in-progress",
        "cancel": "cancelled",
        "expire": "cancelled",
    },
    State.IN_PROGRESS: {
        "call": "in-progress",
        "return": "arrived",
        "miss": "triaged",
        "no-show": "cancelled",
        "close": "finished",
        "expire": "cancelled",
    },
    State.FINISHED: {},
    State.CANCELLED: {},
}


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_each_state_takes_the_steps_of_the_table_and_no_other(state: State, step: Step) -> None:
    expected = TABLE[state].get(step.value)
    if expected is None:
        with pytest.raises(NotInThisState):
            after(state, step)
    else:
        assert after(state, step) is State(expected)


def test_what_is_over_stays_so() -> None:
    assert {state for state in State if state.over} == {State.FINISHED, State.CANCELLED}
    assert not [state for state, _ in TRANSITIONS if state.over]


def test_why_it_was_cancelled_follows_from_the_step() -> None:
    reasons = {step: reason_of(step) for step in Step if reason_of(step) is not None}
    assert reasons == {
        Step.CANCEL: EndReason.PATIENT,
        Step.NO_SHOW: EndReason.NO_SHOW,
        Step.EXPIRE: EndReason.EXPIRED,
    }


@pytest.mark.parametrize(
    ("position", "doctors", "mean_s", "expected"),
    [
        (1, 0, 600.0, None),  # any number would be made up
        (1, 1, 600.0, 300.0),
        (2, 1, 600.0, 900.0),
        (2, 2, 600.0, 300.0),
        (5, 2, 600.0, 1500.0),
        (1, 1, None, 300.0),  # no call yet today: as long as they usually are
        (1, 1, 130.0, 120.0),  # whole minutes, up
        (1, 1, 10.0, 60.0),
    ],
)
def test_the_wait_is_half_a_call_and_one_for_each_round_before(
    position: int, doctors: int, mean_s: float | None, expected: float | None
) -> None:
    assert estimated_wait_s(position, doctors, mean_s) == expected


@pytest.mark.parametrize(
    ("now", "began"),
    [
        ("2026-11-23T16:31:39+00:00", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
        ("2026-10-31T23:59:59+00:00", "2026-10-01T00:00:00+00:00"),
        ("2028-02-29T12:00:00+00:00", "2028-02-01T00:00:00+00:00"),
    ],
)
def test_a_month_begins_on_its_first_day_in_utc(now: str, began: str) -> None:
    at = datetime.fromisoformat(now).timestamp() * 1e6
    assert datetime.fromtimestamp(month_began_us(int(at)) / 1e6, UTC) == datetime.fromisoformat(began)
