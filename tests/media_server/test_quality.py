"""Four words for a connection."""

import pytest

from media_server.quality import Meter, Quality, Sample, judge

GOOD, FAIR, POOR, LOST = Quality


@pytest.mark.parametrize(
    ("sample", "quality"),
    [
        (Sample(), GOOD),
        (Sample(loss=0.01, jitter_ms=10, rtt_ms=50, silent_s=0.1), GOOD),
        (Sample(loss=0.05), FAIR),
        (Sample(loss=0.2), POOR),
        (Sample(loss=1.0), POOR),
        (Sample(jitter_ms=60), FAIR),
        (Sample(jitter_ms=150), POOR),
        (Sample(rtt_ms=400), FAIR),
        (Sample(rtt_ms=900), POOR),
        (Sample(silent_s=3), FAIR),
        (Sample(silent_s=5), POOR),
        (Sample(silent_s=7), LOST),
        (Sample(loss=0.05, rtt_ms=900), POOR),
    ],
    ids=repr,
)
def test_a_connection_is_as_good_as_its_worst_figure(sample: Sample, quality: Quality) -> None:
    assert judge(sample) is quality


def test_good_from_the_start_is_no_news() -> None:
    assert Meter().update(GOOD, GOOD) is None


def test_worse_is_told_at_once() -> None:
    meter = Meter()
    assert meter.update(POOR, GOOD) == (POOR, GOOD)
    assert meter.update(POOR, GOOD) is None
    assert meter.update(POOR, LOST) == (POOR, LOST)


def test_a_lost_path_is_told_and_stays_lost_whatever_old_figures_say_until_it_is_back() -> None:
    meter = Meter()
    assert meter.lose_path() == (LOST, LOST)
    assert [meter.update(GOOD, GOOD) for _ in range(3)] == [None] * 3
    meter.regain_path()
    assert meter.update(GOOD, GOOD) is None
    assert meter.update(GOOD, GOOD) == (GOOD, GOOD)


def test_a_path_lost_after_nothing_came_by_it_is_no_news() -> None:
    meter = Meter()
    meter.update(LOST, LOST)
    assert meter.lose_path() is None


def test_better_is_told_when_it_lasts() -> None:
    meter = Meter()
    meter.update(POOR, POOR)
    assert meter.update(GOOD, POOR) is None
    assert meter.update(POOR, POOR) is None  # it flickered
    assert meter.update(GOOD, POOR) is None
    assert meter.update(GOOD, POOR) == (GOOD, POOR)
