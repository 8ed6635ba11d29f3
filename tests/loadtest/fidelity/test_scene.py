"""Marks survive the codecs, and any film can be a scene."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from loadtest.fidelity.marks import (
    MOST_PICTURES,
    SLICE,
    Samples,
    beeping,
    read_number,
    write_beeps,
    write_number,
)
from loadtest.fidelity.quality import BEST_PSNR_DB, psnr_db, ssim
from loadtest.fidelity.scene import BadFilm, Scene, check_film, latest_before, luma_of, make_scene
from loadtest.film import PATIENT, SAMPLE_RATE, Format, film
from tests.loadtest.fidelity.conftest import SMALL


def test_every_number_is_read_as_it_was_written_and_a_damaged_one_is_not() -> None:
    picture = np.zeros((64, 256, 3), np.uint8)
    for number in range(0, MOST_PICTURES, 7):
        write_number(picture, number)
        assert read_number(picture[:, :, 0]) == number
        damaged = picture[:, :, 0].copy()
        damaged[:16, 48:64] = 255 - damaged[:16, 48:64]
        assert read_number(damaged) is None
    assert read_number(np.zeros((8, 8), np.uint8)) is None


def test_after_coding_each_picture_still_says_its_number_and_looks_like_its_source(scene: Scene) -> None:
    with av.open(str(scene.path)) as container:
        decoded = [luma_of(frame) for frame in container.decode(video=0)]
    assert [read_number(luma) for luma in decoded] == list(range(20))
    assert all(psnr_db(luma, source) > 25 for luma, source in zip(decoded, scene.sources, strict=True))
    assert all(ssim(luma, source) > 0.8 for luma, source in zip(decoded, scene.sources, strict=True))
    assert psnr_db(decoded[0], scene.sources[10]) < psnr_db(decoded[0], scene.sources[0]) - 3


def test_after_coding_each_whole_second_begins_with_its_own_beep_and_nothing_else_beeps(
    tmp_path: Path,
) -> None:
    scene = make_scene(tmp_path, form=replace(SMALL, frames_per_s=1, duration_s=8))
    with av.open(str(scene.path)) as container:
        heard: Samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        if heard.dtype != np.int16:
            heard = (heard * 32_767).astype(np.int16)
    slices = beeping(heard)
    begins = [
        (second, place * SLICE / SAMPLE_RATE)
        for place, second in enumerate(slices)
        if second is not None and (place == 0 or slices[place - 1] is None)
    ]
    assert [second for second, _ in begins] == list(range(8))
    assert [at_s for _, at_s in begins] == pytest.approx(list(range(8)), abs=0.02)


def test_noise_and_silence_do_not_beep() -> None:
    noise = np.random.default_rng(1).normal(0, 6_000, SAMPLE_RATE).astype(np.int16)
    assert set(beeping(noise)) == {None}
    assert set(beeping(np.zeros(SAMPLE_RATE, np.int16))) == {None}
    beeps = np.zeros(2 * SAMPLE_RATE)
    write_beeps(beeps)
    heard = beeping((beeps * 32_767).astype(np.int16))
    assert (heard.count(0), heard.count(1), heard.count(None)) == (8, 8, 384)


def test_the_same_picture_is_perfect_and_a_worse_one_worse(scene: Scene) -> None:
    source = scene.sources[3]
    assert psnr_db(source, source) == BEST_PSNR_DB
    assert ssim(source, source) == pytest.approx(1)
    noise = np.random.default_rng(1).normal(0, 1, source.shape)
    little, much = (np.clip(source + strength * noise, 0, 255).astype(np.uint8) for strength in (4, 25))
    assert 60 > psnr_db(little, source) > 30 > psnr_db(much, source)
    assert 1 > ssim(little, source) > ssim(much, source) > 0


def test_any_film_can_be_a_scene_shorter_or_longer(tmp_path: Path) -> None:
    given = film(tmp_path, PATIENT, Format(160, 120, frames_per_s=15, duration_s=1, bit_rate=60_000))
    scene = make_scene(tmp_path, given, SMALL)
    assert len(scene.sources) == 20
    assert scene.sources[0].shape == (240, 320)
    with av.open(str(scene.path)) as container:
        numbers = [read_number(luma_of(frame)) for frame in container.decode(video=0)]
    assert numbers == list(range(20))


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_text("words")
    said = {"no.mp4": "it cannot be played", "absent.mp4": "there is no such file", ".": "it is a folder"}
    for name, why in said.items():
        path = tmp_path / name
        with pytest.raises(BadFilm, match=why):
            check_film(path)


def test_a_film_that_breaks_after_its_first_picture_is_told(tmp_path: Path, scene: Scene) -> None:
    broken = tmp_path / "broken.mkv"
    with av.open(str(scene.path)) as whole, av.open(str(broken), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(whole.demux(video=0)):
            if packet.size:
                damaged = av.Packet(bytes(packet) if number == 0 else b"\0\0\0 no picture")
                damaged.pts, damaged.dts, damaged.time_base = packet.pts, packet.dts, packet.time_base
                damaged.stream = stream
                container.mux(damaged)
    check_film(broken)
    with pytest.raises(BadFilm, match="cannot be played"):
        make_scene(tmp_path, broken, SMALL)


def test_a_picture_is_that_of_the_round_that_it_can_be_of(scene: Scene) -> None:
    assert latest_before(5, 0.6, scene) == pytest.approx(0.5)
    assert latest_before(5, 2.4, scene) == pytest.approx(0.5)
    assert latest_before(5, 2.6, scene) == pytest.approx(2.5)
    assert latest_before(5, 0.4, scene) == pytest.approx(0.5), "never before the film began"
