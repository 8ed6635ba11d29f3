"""From RTP timestamps to seconds of the recording: whose clock is believed, and how far."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.recording.export.clock_reading import ClockReading
from media_server.recording.export.publisher_clock import difference
from media_server.recording.export.rtp_clock import RtpClock
from media_server.recording.export.timeline import LONGEST_DELAY_S, Timeline
from media_server.recording.format import SenderReport
from tests.media_server.export.publishing import START_US, Computer


def told(
    timeline: Timeline, computer: Computer, label: int, seconds: range, jitter_s: float = 0.0, **more: int
) -> None:
    """A packet fifty times and a report once a second, on a way that is sometimes slower."""
    rate, ssrc, zero = more.get("rate", 48_000), more.get("ssrc", label), more.get("zero", 0)
    chance = random.Random(f"{label} {seconds}")
    for second in seconds:
        for at_s in (second + number / 50 for number in range(50)):
            arrival_us = START_US + round((at_s + computer.delay_s + jitter_s * chance.random()) * 1e6)
            timeline.packet(label, computer.name, rate, ssrc, ticks(computer, at_s, rate, zero), arrival_us)
        arrival_us = START_US + round((second + computer.delay_s + jitter_s * chance.random()) * 1e6)
        stamp = ticks(computer, second, rate, zero)
        report = SenderReport(label, arrival_us, ssrc, computer.ntp(second), stamp, 0, 0)
        timeline.report(computer.name, rate, report)


def ticks(computer: Computer, at_s: float, rate: int = 48_000, zero: int = 0) -> int:
    return (zero + round(at_s * (1 + computer.drift_ppm / 1e6) * rate)) % (1 << 32)


def read(timeline: Timeline, computer: Computer, label: int, at_s: float, **more: int) -> float:
    stamp = ticks(computer, at_s, more.get("rate", 48_000), more.get("zero", 0))
    arrival_us = START_US + round((at_s + computer.delay_s) * 1e6)
    return timeline.read(label, more.get("ssrc", label), stamp, arrival_us).at_s


@pytest.mark.parametrize("drift_ppm", [-100.0, 100.0])
def test_an_hour_on_a_drifting_clock_stays_in_step_with_node_and_picture(drift_ppm: float) -> None:
    """Without the drift being taken into account it would be 360 ms off in the end."""
    computer, timeline = Computer(ahead_s=1000, drift_ppm=drift_ppm), Timeline(START_US)
    for second in range(0, 3600, 20):
        told(timeline, computer, 1, range(second, second + 1), 0.08, zero=(1 << 32) - 5)
        told(timeline, computer, 2, range(second, second + 1), 0.08, rate=90_000, zero=77)
    timeline.settle()
    for at_s in (0.0, 1800.0, 3580.0):
        sound = read(timeline, computer, 1, at_s, zero=(1 << 32) - 5)
        picture = read(timeline, computer, 2, at_s, rate=90_000, zero=77)
        assert sound == pytest.approx(at_s + computer.delay_s, abs=0.02)
        assert picture == pytest.approx(sound, abs=0.002)


def test_the_second_device_of_a_participant_has_a_clock_of_its_own() -> None:
    """A reload elsewhere: the same participant, a wall clock that is ten minutes off the first one's."""
    timeline = Timeline(START_US)
    laptop, phone = Computer(), Computer(ahead_s=-600, delay_s=0.09)
    told(timeline, laptop, 1, range(0, 10))
    told(timeline, laptop, 2, range(0, 10), rate=90_000)
    told(timeline, phone, 3, range(12, 20))
    told(timeline, phone, 4, range(13, 20), rate=90_000)
    timeline.settle()
    assert read(timeline, laptop, 1, 5) == pytest.approx(5.04, abs=0.001)
    assert read(timeline, phone, 3, 15) == pytest.approx(15.09, abs=0.001)
    assert read(timeline, phone, 4, 15, rate=90_000) == pytest.approx(15.09, abs=0.001)


def test_reports_that_are_hours_off_move_nothing() -> None:
    timeline, computer = Timeline(START_US), Computer()
    told(timeline, computer, 1, range(0, 10))
    for second in range(10):
        hours_ahead = (computer.ntp(second + 7200), ticks(computer, second))
        for ntp, stamp in ((0, 0), ((1 << 64) - 1, 5), hours_ahead):
            late = START_US + second * 1_000_000 + 700_000
            timeline.report(computer.name, 48_000, SenderReport(1, late, 1, ntp, stamp, 0, 0))
    told(timeline, computer, 1, range(10, 20))
    timeline.settle()
    for at_s in (1.0, 5.5, 9.9, 15.0):
        assert read(timeline, computer, 1, at_s) == pytest.approx(at_s + computer.delay_s, abs=0.06)


def test_a_packet_that_says_it_is_hours_off_is_not_believed_and_the_others_are() -> None:
    timeline, computer = Timeline(START_US), Computer()
    told(timeline, computer, 1, range(0, 10))
    timeline.settle()
    arrival_us = START_US + 5_000_000
    for hours in (-3, 3):
        stamp = (ticks(computer, 5) + hours * 3600 * 48_000) % (1 << 32)
        assert timeline.read(1, 1, stamp, arrival_us) == (5.0, False)
    assert timeline.read(1, 1, ticks(computer, 6), arrival_us + 1_000_000).believed


UINT32, UINT64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)


@given(
    reports=st.lists(st.tuples(UINT64, UINT32, st.integers(0, 60)), max_size=30),
    stamps=st.lists(st.tuples(UINT32, st.floats(0, 60)), min_size=1, max_size=30),
)
def test_no_time_is_far_from_the_arrival_whatever_a_publisher_says(
    reports: list[tuple[int, int, int]], stamps: list[tuple[int, float]]
) -> None:
    timeline = Timeline(START_US)
    for stamp, at_s in stamps:
        timeline.packet(1, "p-1", 90_000, 5, stamp, START_US + round(at_s * 1e6))
    for ntp, stamp, second in reports:
        timeline.report("p-1", 90_000, SenderReport(1, START_US + second * 1_000_000, 5, ntp, stamp, 0, 0))
    timeline.settle()
    for stamp, at_s in stamps:
        found = timeline.read(1, 5, stamp, START_US + round(at_s * 1e6)).at_s
        assert -0.501 <= at_s - found <= LONGEST_DELAY_S + 0.001


def test_a_sound_card_that_stood_still_does_not_bend_the_time_around_it() -> None:
    """Its clock goes on three seconds later where it stood: reports before and after tell of the step."""
    timeline, computer = Timeline(START_US), Computer()
    told(timeline, computer, 1, range(0, 10))
    told(timeline, computer, 1, range(13, 23), zero=-3 * 48_000)
    timeline.settle()
    assert read(timeline, computer, 1, 9.9) == pytest.approx(9.94, abs=0.001)
    assert read(timeline, computer, 1, 13.1, zero=-3 * 48_000) == pytest.approx(13.14, abs=0.001)


def test_a_late_first_packet_does_not_delay_a_track_without_reports() -> None:
    timeline = Timeline(START_US)
    for number in range(100):
        late_us = 400_000 if number == 0 else 0
        timeline.packet(1, "p-1", 48_000, 1, number * 960, START_US + number * 20_000 + late_us)
    timeline.settle()
    assert timeline.read(1, 1, 960 * 50, START_US + 1_000_000).at_s == pytest.approx(1.0, abs=0.001)


def test_reports_that_are_a_few_milliseconds_off_are_smoothed() -> None:
    chance = random.Random(5)
    reading = ClockReading([(second, second + 50 + chance.uniform(-0.01, 0.01)) for second in range(120)])
    errors = [reading.at(at_s, at_s) - at_s - 50 for at_s in (10.5, 60.25, 100.75)]
    assert max(map(abs, errors)) < 0.003


def test_a_clock_is_read_outside_of_what_is_known_of_it_too() -> None:
    reading = ClockReading([(10.0, 110.0)])
    assert [reading.at(at_s, 0) for at_s in (0.0, 10.0, 20.0)] == [100.0, 110.0, 120.0]


def test_the_difference_of_clocks_is_that_of_the_least_delayed_reports() -> None:
    chance = random.Random(3)
    reports = [(float(at), 5e6 + at * 100 + chance.choice([0, 3e4, 9e4])) for at in range(0, 600, 5)]
    found = difference(reports)
    assert found.at(300) == pytest.approx(5e6 + 300 * 100, abs=500)
    assert difference([(0.0, 9.0), (10.0, 7.0)]).at(5) == 7.0
    assert difference([(0.0, 0.0), (100.0, 1e9)]).at(50) == 0.0, "no clock drifts like that"


@given(start=st.integers(0, 2**32 - 1), steps=st.lists(st.floats(0, 3600), max_size=50))
def test_timestamps_that_wrap_again_and_again_only_grow(start: int, steps: list[float]) -> None:
    clock = RtpClock(90_000, start, 0)
    at_s, before = 0.0, -1.0
    for step in steps:
        at_s += step
        found = clock.seconds((start + round(at_s * 90_000)) % (1 << 32), round(at_s * 1e6) + 50_000)
        assert found == pytest.approx(at_s, abs=0.001)
        assert found >= before
        before = found
