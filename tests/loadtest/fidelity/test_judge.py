"""What a bot saw, judged; no network, the clock is turned by hand."""

from collections.abc import Iterable

import numpy as np
import pytest

from loadtest.fidelity.judge import SOUND_HELD_S, Judge, Verdict, quantiles
from loadtest.fidelity.marks import Samples, write_beeps
from loadtest.fidelity.scene import Scene
from loadtest.film import OPUS_FRAME, SAMPLE_RATE

BEGAN_S = 1000.0


def a_judge(scene: Scene) -> Judge:
    judge = Judge(scene)
    judge.film_began_s = BEGAN_S
    judge.begin_window(BEGAN_S)
    return judge


def show(judge: Judge, scene: Scene, numbers: Iterable[int], late_s: float = 0.1) -> None:
    """Pictures of the film that is played round and round, each so late."""
    for number in numbers:
        judge.see(scene.sources[number % len(scene.sources)], BEGAN_S + number * scene.picture_s + late_s)


def beeps(scene: Scene, seconds: int) -> Samples:
    """The sound of the film that is played round and round."""
    sound = np.zeros(int(scene.length_s) * SAMPLE_RATE)
    write_beeps(sound)
    return np.resize(sound * 32_767, seconds * SAMPLE_RATE).astype(np.int16)


def play(judge: Judge, sound: Samples, late_s: float, without: Iterable[int] = ()) -> None:
    for packet in range(len(sound) // OPUS_FRAME):
        if packet not in without:
            samples = sound[packet * OPUS_FRAME : (packet + 1) * OPUS_FRAME]
            at_s = BEGAN_S + packet * OPUS_FRAME / SAMPLE_RATE + SOUND_HELD_S + late_s
            judge.hear(samples, packet * OPUS_FRAME, at_s)


def test_what_comes_whole_and_in_time_is_perfect(scene: Scene) -> None:
    judge = a_judge(scene)
    show(judge, scene, range(50))
    verdict = judge.end_window(BEGAN_S + 5.1)
    assert (verdict.frames, verdict.unread, verdict.freezes) == (50, 0, 0)
    assert verdict.picture_delay_ms == pytest.approx([100] * 50)
    assert set(verdict.psnr_db) == {60.0}
    assert verdict.ssim == pytest.approx([1.0] * 12)


def test_pictures_that_do_not_come_are_a_freeze_also_at_the_end(scene: Scene) -> None:
    judge = a_judge(scene)
    show(judge, scene, range(20))
    show(judge, scene, range(26, 40))
    verdict = judge.end_window(BEGAN_S + 5.0)
    assert verdict.freezes == 2
    assert verdict.freeze_ms == pytest.approx(700 + 1000, abs=1)


def test_a_damaged_picture_is_compared_with_nothing(scene: Scene) -> None:
    judge = a_judge(scene)
    show(judge, scene, range(8))
    judge.see(np.full((240, 320), 128, np.uint8), BEGAN_S + 0.9)
    judge.see(np.zeros((4, 4), np.uint8), BEGAN_S + 1.0)
    verdict = judge.end_window(BEGAN_S + 1)
    assert (verdict.frames, verdict.unread, len(verdict.psnr_db)) == (10, 2, 2)


def test_sound_that_is_not_there_is_a_gap(scene: Scene) -> None:
    judge = a_judge(scene)
    play(judge, beeps(scene, 2), late_s=0.1, without=(30, 60, 61))
    verdict = judge.end_window(BEGAN_S + 2)
    assert verdict.sound_gaps == 2
    assert verdict.sound_gap_ms == pytest.approx(60)


@pytest.mark.parametrize("apart_s", [-0.9, -0.2, 0.0, 0.2, 0.9])
def test_lip_sync_is_how_much_later_one_is_than_the_other(scene: Scene, apart_s: float) -> None:
    judge = a_judge(scene)
    for second in range(3):
        show(judge, scene, range(10 * second, 10 * second + 10), late_s=0.3 + scene.picture_s)
    play(judge, beeps(scene, 3), late_s=0.3 + apart_s)
    verdict = judge.end_window(BEGAN_S + 3)
    assert len(verdict.lip_sync_ms) == 2, "the first beep comes before anybody is listening"
    assert verdict.lip_sync_ms == pytest.approx([1000 * abs(apart_s)] * 2, abs=6)


def test_a_new_window_begins_with_nothing_and_verdicts_add_up(scene: Scene) -> None:
    judge = a_judge(scene)
    show(judge, scene, range(20))
    first = judge.end_window(BEGAN_S + 2.1)
    judge.begin_window(BEGAN_S + 2.1)
    show(judge, scene, range(20, 30))
    second = judge.end_window(BEGAN_S + 3.1)
    assert (second.frames, second.freezes) == (10, 0)
    both = Verdict()
    both.merge(first)
    both.merge(second)
    figures = both.figures(2)
    assert (figures["bots"], figures["frames"], figures["freezes_per_hour"]) == (2, 30, 0)
    assert figures["picture_delay_ms"]["n"] == 30


def test_quantiles_go_from_good_to_bad() -> None:
    values = [float(value) for value in range(1, 101)]
    assert quantiles(values) == {"n": 100, "p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert quantiles(values, best_first=True) == {"n": 100, "p50": 51, "p95": 6, "p99": 2, "max": 1}
    assert quantiles([]) == {"n": 0, "p50": None, "p95": None, "p99": None, "max": None}
