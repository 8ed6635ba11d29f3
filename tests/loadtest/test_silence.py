import pytest

from loadtest.events import ParticipantId
from loadtest.silence import Silence, Silences

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")


def heard(silences: Silences, who: ParticipantId, *times: float, kind: str = "audio") -> None:
    for now in times:
        silences.meter(who, kind, now).packet(now)


def test_the_longest_time_between_two_packets_counts_and_when_it_ended() -> None:
    silences = Silences()
    heard(silences, ANN, 1.0, 1.5, 3.5, 3.75)
    assert silences.longest(now=4.0)["audio"] == Silence(ANN, "audio", 2.0, 3.5, 3.75)


def test_a_silence_that_goes_on_counts_up_to_now() -> None:
    silences = Silences()
    heard(silences, ANN, 1.0, 1.5)
    assert silences.longest(now=9.5)["audio"] == Silence(ANN, "audio", 8.0, None, 1.5)


def test_the_worst_participant_of_each_kind_is_told() -> None:
    silences = Silences()
    heard(silences, ANN, 1.0, 2.0, 3.0)
    heard(silences, BOB, 1.0, 3.0)
    heard(silences, BOB, 2.5, 3.0, kind="video")
    longest = silences.longest(now=3.0)
    assert (longest["audio"].participant, longest["audio"].longest_s) == (BOB, 2.0)
    assert (longest["video"].participant, longest["video"].longest_s) == (BOB, 0.5)
    assert len(silences.all(now=3.0)) == 3


def test_measuring_anew_forgets_what_was_and_counts_what_goes_on_from_then() -> None:
    silences = Silences()
    heard(silences, ANN, 1.0, 5.0)
    silences.measure(now=6.0)
    assert silences.longest(now=6.5)["audio"] == Silence(ANN, "audio", 0.5, None, None)
    heard(silences, ANN, 6.75, 7.0)
    assert silences.longest(now=7.0)["audio"] == Silence(ANN, "audio", 0.75, 6.75, 7.0)


def test_who_left_is_not_silent_until_heard_again() -> None:
    silences = Silences()
    heard(silences, ANN, 1.0, 1.5)
    silences.left(ANN, now=2.0)
    assert silences.longest(now=60.0)["audio"] == Silence(ANN, "audio", 0.5, 1.5, 1.5)
    silences.measure(now=60.0)
    assert silences.longest(now=90.0)["audio"].longest_s == 0.0
    heard(silences, ANN, 100.0, 100.25)
    assert silences.longest(now=100.25)["audio"].longest_s == pytest.approx(0.25)


def test_of_whom_nothing_was_ever_heard_nothing_is_said() -> None:
    assert Silences().longest(now=1.0) == {}
