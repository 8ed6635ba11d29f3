from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from loadtest.film import DOCTOR, PATIENT, Format, film, pictures, tune
from loadtest.film_track import Clock, FilmTrack, play

SMALL = Format(width=160, height=120, frames_per_s=10, duration_s=2, bit_rate=60_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("film")


def test_a_film_is_made_once_and_holds_every_picture_and_a_key_frame_each_half_second(folder: Path) -> None:
    path = film(folder, PATIENT, SMALL)
    made_at = path.stat().st_mtime_ns
    assert film(folder, PATIENT, SMALL) == path
    assert path.stat().st_mtime_ns == made_at
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    assert len(packets) == 20
    assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 5, 10, 15]


def test_pictures_move_and_the_two_looks_differ() -> None:
    first, second, *_ = pictures(PATIENT, SMALL)
    other = next(pictures(DOCTOR, SMALL))
    assert (first != second).any()
    assert (first != other).mean() > 0.5


def test_the_tune_can_be_heard_and_does_not_clip() -> None:
    sound = tune(2, 0)
    assert sound.shape == (96_000,)
    assert 0.05 < np.abs(sound).max() < 1.0


async def test_both_tracks_play_in_step(folder: Path) -> None:
    video, audio = play(film(folder, PATIENT, SMALL))
    picture, sound = await video.recv(), await audio.recv()
    assert (picture.pts, picture.time_base) == (0, Fraction(1, 10))
    assert (sound.pts, sound.time_base) == (0, Fraction(1, 50))


async def test_timestamps_go_on_growing_when_the_film_starts_again() -> None:
    started_long_ago = Clock()
    started_long_ago.start_s = -1e9
    track = FilmTrack("video", [b"a", b"b"], Fraction(1, 10), started_long_ago)
    packets = [await track.recv() for _ in range(5)]
    assert [packet.pts for packet in packets] == [0, 1, 2, 3, 4]
    assert [bytes(packet) for packet in packets] == [b"a", b"b", b"a", b"b", b"a"]


async def test_a_stopped_track_gives_nothing_more() -> None:
    track = FilmTrack("video", [b"a"], Fraction(1, 10), Clock())
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
