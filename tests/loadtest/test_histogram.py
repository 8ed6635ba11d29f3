"""The histogram that every latency goes through: buckets, percentiles, sums and its written form."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.histogram import BUCKETS, LARGEST_US, Histogram, bounds_of, bucket_of


@given(st.integers(0, LARGEST_US))
def test_a_value_is_counted_in_the_bucket_that_holds_it(value: int) -> None:
    bucket = bucket_of(value)
    least, largest = bounds_of(bucket)
    assert 0 <= bucket < BUCKETS
    assert least <= value <= largest
    assert abs((least + largest) / 2 - value) <= 0.016 * value


def test_the_buckets_follow_each_other_without_a_hole() -> None:
    for bucket in range(BUCKETS - 1):
        assert bounds_of(bucket)[1] + 1 == bounds_of(bucket + 1)[0]


@pytest.mark.parametrize(
    ("value", "bucket"), [(0, 0), (63, 63), (64, 64), (65, 64), (127, 95), (128, 96), (1000, 190)]
)
def test_the_native_client_can_rely_on_these_buckets(value: int, bucket: int) -> None:
    assert bucket_of(value) == bucket


def test_percentiles_are_within_two_percent_of_the_sorted_values() -> None:
    values = [random.Random(5).lognormvariate(7, 1.5) for _ in range(20_000)]
    histogram = Histogram.of(values)
    for share in (0.5, 0.95, 0.99):
        exact = sorted(values)[round(share * len(values)) - 1]
        assert histogram.percentile(share) == pytest.approx(exact, rel=0.02)


def test_nothing_has_no_percentile_and_few_values_have_the_nearest() -> None:
    assert Histogram().percentile(0.5) is None
    few = Histogram.of([10, 20, 30])
    assert [few.percentile(share) for share in (0, 0.5, 1)] == [10, 20, 30]


def test_what_is_merged_is_as_if_it_had_been_recorded_in_one() -> None:
    one, other = Histogram.of([1, 500, 70_000]), Histogram.of([500, 3])
    one.merge(other)
    assert one == Histogram.of([1, 500, 70_000, 500, 3])
    assert one.since(other) == Histogram.of([1, 500, 70_000])


def test_out_of_range_counts_at_the_edge() -> None:
    histogram = Histogram.of([-5, LARGEST_US * 4])
    assert histogram.count == 2
    assert histogram.percentile(0) == 0


@given(st.lists(st.integers(0, LARGEST_US)))
def test_it_comes_back_from_its_written_form(values: list[int]) -> None:
    histogram = Histogram.of(values)
    assert Histogram.from_json(histogram.to_json()) == histogram


@pytest.mark.parametrize("written", [{"-3": 1}, {"x": 1}, {"3": -1}])
def test_what_is_no_histogram_is_refused(written: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="counts by microseconds"):
        Histogram.from_json(written)
