"""Voices without holes, and all of them in one without clipping."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from media_server.recording.export.mixing import BEHIND, Mixer
from media_server.recording.export.opus import RATE
from media_server.recording.export.sound import Sound, Voice
from tests.media_server.export.media import Coded, tone

FRAME = 960


def laid(voice: Voice, *packets: tuple[float, bool]) -> list[Sound]:
    """Packets of 20 ms at their times; whether each follows the one before."""
    return [sound for at_s, follows in packets for sound in voice.add(at_s, FRAME, b"voice", follows=follows)]


def spoken(sounds: list[Sound]) -> list[int]:
    return [sound.at for sound in sounds if sound.data == b"voice"]


def test_packets_in_a_row_are_not_torn_apart_by_the_unrest_of_clocks() -> None:
    voice = Voice()
    sounds = laid(
        voice, *((number * 0.02 + (0.009 if number % 2 else 0), number > 0) for number in range(50))
    )
    assert len(sounds) == 50
    assert voice.silence == voice.misplaced == 0


def test_a_hole_is_filled_to_the_quarter_of_a_packet() -> None:
    voice = Voice()
    sounds = laid(voice, (0.0, False), (0.0955, False))
    assert [sound.samples for sound in sounds] == [960, 960, 960, 960, 480, 240, 960]
    assert spoken(sounds) == [0, round(0.0955 * RATE)]


def test_before_the_recording_nobody_is_heard() -> None:
    assert spoken(laid(Voice(), (-0.04, False), (-0.02, True), (0.0, True))) == [0]


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    voice = Voice()
    first = laid(voice, *((1 + number * 0.02, True) for number in range(10)))
    again = laid(voice, *((1 + number * 0.02, number > 0) for number in range(15)))
    assert voice.misplaced == 8, "two of ten lie within what may be the unrest of a clock"
    assert spoken(first + again) == sorted(spoken(first + again))


@given(st.lists(st.tuples(st.floats(-1, 20), st.booleans()), max_size=60), st.floats(0, 20))
def test_whenever_packets_come_the_voice_only_goes_on_and_has_no_holes(
    packets: list[tuple[float, bool]], until_s: float
) -> None:
    voice = Voice()
    sounds = [*laid(voice, *packets), *voice.fill(round(until_s * RATE))]
    for before, after in itertools.pairwise(sounds):
        assert after.at > before.at
        assert after.at - (before.at + before.samples) <= 0.04 * RATE
    assert sum(sound.samples for sound in sounds) <= 22 * RATE + 60 * 2 * FRAME


# --- Mixing ---


def mixed(*voices: tuple[Coded, ...], drift: float = 0.0) -> NDArray[np.float64]:
    """`drift`: how much later each packet stands than the one before it ended, in samples."""
    mixer = Mixer(range(len(voices)))
    packets = sorted(
        (round(place * (FRAME + drift)), label, packet.data)
        for label, voice in enumerate(voices)
        for place, packet in enumerate(voice)
    )
    taken: list[NDArray[np.int16]] = []
    for at, label, data in packets:
        taken += mixer.take(at - BEHIND)
        mixer.add(label, at, FRAME, data)
    taken += mixer.take(packets[-1][0])
    return np.concatenate(taken) / 32_768


def test_all_voices_are_heard_in_one() -> None:
    sound = mixed(tone(2, 440, 0.3), tone(2, 1000, 0.2))
    spectrum = np.abs(np.fft.rfft(sound[RATE // 2 : RATE * 3 // 2])) / (RATE / 2)
    assert spectrum[440] == pytest.approx(0.3, abs=0.05)
    assert spectrum[1000] == pytest.approx(0.2, abs=0.05)


def test_many_loud_voices_do_not_clip() -> None:
    sound = mixed(*(tone(1, 300.0 + 10 * number, 0.9) for number in range(5)))
    assert np.abs(sound).max() <= 1.0
    loud = np.abs(sound) > 0.99
    # Cut off, a sine stays at the limit for many samples; bent, it only touches it.
    assert np.convolve(loud, np.ones(200), "valid").max() < 200


@pytest.mark.parametrize("drift", [-0.096, 0.096, 0.5])
def test_a_voice_on_a_drifting_clock_has_no_seams(drift: float) -> None:
    """100 ppm and more: packets that overlap by a sample now and then, or leave one out, would crackle."""
    sound = mixed(tone(6, 440, 0.5), drift=drift)[RATE : 5 * RATE]
    steps = np.abs(np.diff(sound))
    assert steps.max() < 1.3 * 2 * np.pi * 440 / RATE * 0.5


def test_a_sound_that_no_decoder_takes_is_silent_as_long_as_it_would_be() -> None:
    mixer = Mixer([1])
    mixer.add(1, 0, FRAME, b"")
    mixer.add(1, FRAME, FRAME, tone(1)[10].data)
    [first] = mixer.take(1024)
    assert not first[:FRAME].any()
