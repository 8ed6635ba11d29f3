"""The search for the capacity, on made-up servers that hold so many calls."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from loadtest.tool.capacity import CapacitySearch


def searched(search: CapacitySearch, passes: Callable[[int], bool]) -> list[int]:
    """The numbers that were tried, in order."""
    tried = []
    while (calls := search.next()) is not None:
        tried.append(calls)
        search.told(passes(calls))
    return tried


@pytest.mark.parametrize("limit", [1, 3, 10, 37, 120, 250, 999])
@pytest.mark.parametrize("first", [1, 10, 400])
def test_it_finds_what_a_server_holds_to_within_a_twentieth(limit: int, first: int) -> None:
    search = CapacitySearch(first=first, most=5000)
    tried = searched(search, lambda calls: calls <= limit)
    assert search.holds is not None
    assert search.holds <= limit <= search.holds + max(1, 0.05 * search.holds)
    assert len(tried) <= 32


def test_a_single_bad_window_is_not_taken_for_the_limit() -> None:
    search = CapacitySearch(first=10, most=1000)
    windows = count()
    tried = searched(search, lambda calls: calls <= 100 and next(windows) % 2 == 1)
    assert search.holds is not None
    assert 95 <= search.holds <= 100
    assert tried[:2] == [10, 10]


def test_it_tries_no_more_than_was_asked_for() -> None:
    search = CapacitySearch(first=10, most=40)
    assert searched(search, lambda calls: True) == [10, 15, 23, 35, 40]
    assert (search.holds, search.fails) == (40, None)


def test_a_server_that_holds_none_has_no_capacity() -> None:
    search = CapacitySearch(first=8, most=1000)
    assert searched(search, lambda calls: False) == [8, 8, 4, 4, 2, 2, 1, 1]
    assert search.holds is None


def test_a_server_that_is_good_one_time_in_two_is_given_the_benefit_of_the_doubt() -> None:
    answers: Iterator[bool] = iter([False, True, False, False])
    search = CapacitySearch(first=10, most=15)
    assert searched(search, lambda _: next(answers, True))[:4] == [10, 10, 15, 15]
    assert search.fails == 15
