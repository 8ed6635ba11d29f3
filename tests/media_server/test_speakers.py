"""Speakers are told when it is news."""

from media_server.speakers import HELD, Speakers
from signalling import TrackId

ANN, BOB = TrackId("ann"), TrackId("bob")


def test_a_voice_is_news() -> None:
    assert Speakers().heard([(ANN, 30)]) == {ANN: 30}


def test_the_same_voice_at_nearly_the_same_level_is_not() -> None:
    speakers = Speakers()
    speakers.heard([(ANN, 30)])
    assert speakers.heard([(ANN, 33)]) is None


def test_a_louder_voice_and_another_voice_are() -> None:
    speakers = Speakers()
    speakers.heard([(ANN, 30)])
    assert speakers.heard([(ANN, 20)]) == {ANN: 20}
    assert speakers.heard([(ANN, 22), (BOB, 40)]) == {ANN: 20, BOB: 40}


def test_a_sentence_with_its_loud_and_soft_syllables_and_breaths_is_told_once() -> None:
    speakers = Speakers()
    assert speakers.heard([(ANN, 24)]) == {ANN: 24}
    sentence = [40, 28, 60, 25, 33, 127, 45, 22, 38, 38, 27]
    assert [speakers.heard([(ANN, level)]) for level in sentence] == [None] * len(sentence)


def test_silence_after_a_voice_is_told_once_and_after_a_breath_only() -> None:
    speakers = Speakers()
    speakers.heard([(ANN, 30)])
    assert [speakers.heard([]) for _ in range(HELD - 1)] == [None] * (HELD - 1)
    assert speakers.heard([]) == {}
    assert speakers.heard([]) is None


def test_a_voice_that_stays_softer_is_news_in_the_end() -> None:
    speakers = Speakers()
    speakers.heard([(ANN, 20)])
    assert [speakers.heard([(ANN, 40)]) for _ in range(HELD)] == [*[None] * (HELD - 1), {ANN: 40}]


def test_the_noise_of_a_quiet_room_is_no_voice() -> None:
    assert Speakers().heard([(ANN, 70), (BOB, 127)]) is None
