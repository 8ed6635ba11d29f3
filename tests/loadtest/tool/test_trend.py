"""What a soak calls growth, on made-up looks at a server."""

import math
import random
from dataclasses import replace

import pytest

from loadtest.results import Trend
from loadtest.tool.server_watch import Look
from loadtest.tool.trend import fitted, settled, trends


def a_look(at_s: float, memory_mb: float = 100, descriptors: float = 20, sessions: float = 0) -> Look:
    return Look(
        at_s=at_s,
        cpu_s=1,
        memory_mb=memory_mb,
        threads=5,
        descriptors=descriptors,
        gauges={"sessions": sessions, "tasks": 4},
    )


def named(found: tuple[Trend, ...], figure: str) -> Trend:
    return next(trend for trend in found if trend.figure == figure)


def test_a_line_is_fitted_with_the_error_of_its_slope() -> None:
    draw = random.Random(3)
    line = fitted([(x, 5 + 2 * x + draw.gauss(0, 1)) for x in range(200)])
    assert line is not None
    assert line.slope == pytest.approx(2, abs=4 * line.error)
    assert line.error == pytest.approx(math.sqrt(12 / 200**3), rel=0.2)


@pytest.mark.parametrize("points", [[], [(0.0, 1.0), (1.0, 2.0)], [(3.0, 1.0), (3.0, 2.0), (3.0, 5.0)]])
def test_too_few_points_have_no_line(points: list[tuple[float, float]]) -> None:
    assert fitted(points) is None


def test_a_server_that_lets_everything_go_has_grown_in_nothing() -> None:
    window = [a_look(second, sessions=40, descriptors=100) for second in range(60)]
    found = trends(a_look(-5), window, a_look(65, descriptors=24))
    assert [trend.figure for trend in found if trend.grew] == []
    assert {trend.figure for trend in found} == {"descriptors", "threads", "sessions", "tasks", "memory"}


def test_a_session_that_stays_and_descriptors_that_stay_are_growth() -> None:
    found = trends(a_look(0), [], a_look(60, sessions=1, descriptors=60))
    assert {trend.figure for trend in found if trend.grew} == {"sessions", "descriptors"}
    assert named(found, "descriptors").after == 60


def test_a_server_has_settled_when_what_it_has_would_be_no_growth() -> None:
    before = a_look(0)
    assert settled(before, replace(before, gauges={"sessions": 0, "tasks": 4 + 8}))
    assert not settled(before, replace(before, gauges={"sessions": 1, "tasks": 4}))
    assert not settled(before, replace(before, gauges={"sessions": 0, "tasks": 4 + 9}))


def test_memory_that_climbs_through_the_window_is_growth_and_is_told_by_the_hour() -> None:
    draw = random.Random(1)
    window = [a_look(second, memory_mb=100 + second / 6 + draw.gauss(0, 2)) for second in range(600)]
    memory = named(trends(a_look(-5, 60), window, a_look(605, 210)), "memory")
    assert memory.grew
    assert memory.per_hour == pytest.approx(600, rel=0.02)


def test_memory_that_a_new_server_takes_at_first_and_keeps_is_none() -> None:
    window = [a_look(second, memory_mb=min(160, 100 + second)) for second in range(600)]
    assert not named(trends(a_look(-5, 60), window, a_look(605, 160)), "memory").grew


def test_memory_that_jumps_about_but_stays_is_none() -> None:
    draw = random.Random(1)
    window = [a_look(second, memory_mb=200 + draw.uniform(-30, 30)) for second in range(600)]
    assert not named(trends(a_look(-5, 60), window, a_look(605, 210)), "memory").grew
