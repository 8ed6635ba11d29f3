from itertools import islice

import pytest

from loadtest.patience import LONGEST_PAUSE_S, pauses


def middle() -> float:
    return 0.5


def test_for_six_seconds_one_looks_each_half_second_and_then_less_and_less_often() -> None:
    assert list(islice(pauses(middle), 16)) == [0.5] * 12 + [1.0, 2.0, 4.0, 4.0]


def test_a_first_attempt_may_come_sooner() -> None:
    assert list(islice(pauses(middle, 0.05), 6)) == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]


def test_those_who_lost_a_node_together_do_not_come_back_in_step() -> None:
    early, late = list(islice(pauses(lambda: 0.0), 20)), list(islice(pauses(lambda: 1.0), 20))
    assert all(a < b for a, b in zip(early, late, strict=True))
    assert max(late) == pytest.approx(LONGEST_PAUSE_S * 1.2)
