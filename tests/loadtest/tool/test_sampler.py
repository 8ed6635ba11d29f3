"""The time line's seconds: none is so short that what it tells of CPU means nothing."""

from dataclasses import dataclass

import pytest

from loadtest.participant import Joining, Participant
from loadtest.results import Options, ScenarioName, Silent, TicketSource
from loadtest.tool import sampler
from loadtest.tool.fleet import Fleet
from loadtest.tool.sampler import Sampler


@dataclass
class Clock:
    """Turned by hand; half of the time is CPU of ours, but `spent_s` more."""

    now_s: float = 100.0
    spent_s: float = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def process_time(self) -> float:
        return 0.5 * self.now_s + self.spent_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sampler, "time", clock)
    return clock


def a_sampler(clock: Clock) -> Sampler:
    options = Options(
        scenario=ScenarioName.CONSULTATIONS, servers=("http://127.0.0.1:9",), tickets=TicketSource.WALK_IN
    )
    return Sampler(Fleet([], nobody, options, Silent()), [], Silent(), clock.now_s)


def nobody(joining: Joining) -> Participant:
    raise AssertionError("nobody comes")


async def test_seconds_begin_with_the_window_and_what_is_left_is_joined_to_the_last(clock: Clock) -> None:
    line = a_sampler(clock)
    clock.now_s = 101.0
    await line.tick()
    clock.now_s = 101.2
    await line.begin_window()
    clock.now_s = 102.1
    await line.tick()  # it is not due before 102.2
    clock.now_s = 102.2
    await line.tick()
    clock.now_s = 103.3
    await line.tick()
    clock.now_s, clock.spent_s = 103.31, 0.02
    await line.end_window()
    clock.now_s = 104.31
    await line.tick()
    assert [(second.at_s, second.measured) for second in line.seconds] == [
        (1.2, False),
        (2.2, True),
        (3.31, True),
        (4.31, False),
    ]
    assert max(second.client_cpu for second in line.seconds) < 0.6


async def test_a_window_that_is_shorter_than_that_is_a_second_of_its_own(clock: Clock) -> None:
    line = a_sampler(clock)
    clock.now_s = 101.0
    await line.begin_window()
    clock.now_s = 101.1
    await line.end_window()
    assert [(second.at_s, second.measured) for second in line.seconds] == [(1.0, False), (1.1, True)]
