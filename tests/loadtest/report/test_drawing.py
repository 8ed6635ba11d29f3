"""Axes, curves and time lines: that a plot shows what the figures say."""

import re
from itertools import pairwise

import pytest

from loadtest.histogram import Histogram
from loadtest.report import scale, words
from loadtest.report.curves import points_of
from loadtest.report.plot import Plot, Series
from loadtest.report.timelines import MOST_MOMENTS, moments_of
from tests.loadtest.report.reading import Page
from tests.loadtest.report.reports import a_second


@pytest.mark.parametrize("high", [0.003, 0.7, 1, 7, 12, 99, 1234, 1e6])
def test_an_axis_ends_at_a_round_number_and_has_a_handful_of_ticks(high: float) -> None:
    axis = scale.linear("ms", 0, high)
    values = [value for value, _ in axis.ticks]
    assert values[0] == 0
    assert high <= values[-1] <= 2 * high
    assert 3 <= len(values) <= 8
    steps = {round((after - before) / high, 6) for before, after in pairwise(values)}
    assert len(steps) == 1
    assert len({said for _, said in axis.ticks}) == len(values)


@pytest.mark.parametrize(("low", "high"), [(0.2, 900), (1, 1.5), (0.01, 60_000), (3, 40)])
def test_a_logarithmic_axis_has_all_its_values_between_its_ends(low: float, high: float) -> None:
    axis = scale.logarithmic("ms", low, high)
    assert 0 <= axis.at(low) < axis.at(high) <= 1
    assert 2 <= len(axis.ticks) <= 8


def test_on_the_axis_of_percentiles_each_nine_has_as_much_room() -> None:
    axis = scale.percentiles(0.9995)
    assert axis.at(0.99) - axis.at(0.9) == pytest.approx(axis.at(0.999) - axis.at(0.99))
    assert [said for _, said in axis.ticks] == ["0", "50", "90", "99", "99.9"]


def test_time_is_in_the_unit_that_people_would_say() -> None:
    assert [scale.over_time(end_s).name for end_s in (30, 600, 36_000)] == ["seconds", "minutes", "hours"]


def test_a_curve_passes_through_the_percentiles_of_its_histogram() -> None:
    times = Histogram.of(float(us) for us in range(1000, 101_000, 100))
    points = points_of(times)
    shares = [share for share, _ in points]
    assert shares == sorted(shares)
    for share in (0.1, 0.5, 0.95, 0.99):
        nearest = min(points, key=lambda point: abs(point[0] - share))
        assert nearest[1] == pytest.approx(times.percentile_ms(share), rel=0.04)


def drawn(series: Series) -> str:
    plot = Plot("p", "A plot", "About it.", scale.linear("x", 0, 10), scale.linear("y", 0, 10), [series])
    (path,) = Page.of(plot.svg()).root.all("path")
    return path.attributes["d"] or ""


def test_a_line_rises_where_its_values_do() -> None:
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", drawn(Series("s", [(0, 0), (5, 5), (10, 10)])))
    (x0, y0), (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in points]
    assert x0 < x1 < x2
    assert y0 > y1 > y2, "SVG counts downwards"
    assert x1 - x0 == pytest.approx(x2 - x1)


def test_where_nothing_was_measured_a_line_has_a_gap_and_a_single_value_is_a_dot() -> None:
    path = drawn(Series("s", [(0, 1), (1, 2), (2, None), (3, 4), (4, None)]))
    assert path.count("M") == 2
    assert path.endswith("h0")


def test_of_a_long_line_no_point_is_left_out() -> None:
    assert len(re.findall("[ML]", drawn(Series("s", [(x / 100, x / 200) for x in range(1000)])))) == 1000


def test_nothing_is_drawn_outside_its_frame() -> None:
    points = re.findall(r"[ML]([\d.-]+) ([\d.-]+)", drawn(Series("s", [(-5, -5), (50, 50)])))
    assert all(0 <= float(x) <= 460 and 0 <= float(y) <= 240 for x, y in points)


def test_a_long_test_is_drawn_in_few_moments_and_no_packet_is_forgotten() -> None:
    day = [a_second(float(at_s), lost=3 if at_s == 40_000 else 0) for at_s in range(1, 86_401)]
    moments = moments_of(day)
    assert len(moments) <= MOST_MOMENTS + 2
    assert sum(moment.packets for moment in moments) == sum(second.packets for second in day)
    assert sum(bool(moment.loss) for moment in moments) == 1
    assert max(moment.latency_p99_ms or 0 for moment in moments) == 19.0, "the one late second"
    assert len({moment.measured for moment in moments[:1]}) == 1


def test_bits_are_counted_per_second_whatever_a_moment_lasts() -> None:
    moments = moments_of([a_second(float(at_s), measured=True) for at_s in range(1, 1001)])
    assert {round(moment.bits_per_s) for moment in moments} == {24_000_000}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.042, "42 µs"),
        (0.42, "0.42 ms"),
        (3.14159, "3.14 ms"),
        (1234.5, "1 234 ms"),
        (45_600, "45.6 s"),
        (0, "0 ms"),
        (None, "not measured"),
    ],
)
def test_times_are_said_with_three_digits_and_a_fitting_unit(value: float | None, said: str) -> None:
    assert words.ms(value).replace("\u202f", " ") == said


@pytest.mark.parametrize(
    ("value", "said"), [(3, "3 s"), (150, "2 min 30 s"), (7260, "2 h 1 min"), (86_400, "24 h")]
)
def test_durations_are_said_as_people_do(value: float, said: str) -> None:
    assert words.seconds(value).replace("\u202f", " ") == said
