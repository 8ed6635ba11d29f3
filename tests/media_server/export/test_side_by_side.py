"""One picture and one sound of all participants."""

import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from media_server.recording import Gap, GapCause
from media_server.recording.export import export_side_by_side
from media_server.recording.export.opening import Opened, TrackInfo
from media_server.recording.export.playing import Player
from media_server.recording.export.survey import survey
from media_server.recording.export.wall import CELL_HEIGHT, CELL_WIDTH, Wall, places
from tests.media_server.export.films import decoded
from tests.media_server.export.media import opus, tone, video, voice
from tests.media_server.export.publishing import START_US, Computer, Sent, ended, recorded
from tests.recording.lip_sync import offset_ms

IN_STEP_MS = 40  # pictures stand on a grid of so many milliseconds
PATIENT, DOCTOR = Computer("p-1"), Computer("p-2", "doctor", ahead_s=500.0)


def film_of(recording: Opened, folder: Path) -> Path:
    out = folder / "out.mp4"
    shares: list[float] = []
    export_side_by_side(recording, out, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return out


def pictures(film: Path) -> list[NDArray[np.uint8]]:
    """Luma, one every 40 ms."""
    with av.open(str(film)) as container:
        return [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in container.decode(video=0)]


def light(picture: NDArray[np.uint8], column: int) -> float:
    """In the middle of a cell of the first row."""
    middle = picture[CELL_HEIGHT // 2 - 20 : CELL_HEIGHT // 2 + 20]
    return float(middle[:, column * CELL_WIDTH + 200 : column * CELL_WIDTH + 440].mean())


def test_two_people_stand_beside_each_other_the_patient_on_the_left(tmp_path: Path) -> None:
    sent = [
        Sent(1, "vp8", DOCTOR, delay_s=0.08).send(video("vp8", 4)).report(0, 4),
        Sent(2, "opus", DOCTOR).send(voice(4)).report(0.2, 4),
        Sent(3, "h264", PATIENT).send(video("h264", 4, level=80)).report(0, 4),
        Sent(4, "opus", PATIENT).send(voice(4)).report(0.2, 4),
    ]
    out = film_of(recorded(tmp_path / "r", *sent, seconds=4), tmp_path)
    film = decoded(out)
    assert [stream.kind for stream in film.streams] == ["video", "audio"]
    assert film.streams[0].sizes == [(2 * CELL_WIDTH, CELL_HEIGHT)] * 100
    assert film.streams[0].at_s == pytest.approx([number / 25 for number in range(100)], abs=0.001)
    assert film.duration_s == pytest.approx(4, abs=0.05)
    assert abs(offset_ms(out, 0, 1)) < IN_STEP_MS
    dark = pictures(out)[10]
    assert light(dark, 0) > light(dark, 1) + 60


def test_what_is_muted_or_has_left_is_dark_and_what_was_lost_stands_still(tmp_path: Path) -> None:
    patient = Sent(1, "vp8", PATIENT).send(video("vp8", 1, level=120)).report(0, 6)
    patient.send(video("vp8", 1, level=120), from_s=3)
    doctor = Sent(2, "vp8", DOCTOR).send(video("vp8", 2, level=120)).report(0, 2)
    mute = Gap(
        cause=GapCause.MUTE,
        label=1,
        from_us=START_US + 1_000_000,
        until_us=START_US + 3_000_000,
        packets=0,
        ranges=(),
    )
    recording = recorded(tmp_path / "r", patient, doctor, seconds=6, events=[(3.0, mute), (4.5, ended(2))])
    shown = pictures(film_of(recording, tmp_path))
    assert [light(shown[round(at * 25)], 0) > 100 for at in (0.8, 1.5, 2.8, 3.8, 5.5)] == [
        *(True, False, False, True, True)
    ]
    assert [light(shown[round(at * 25)], 1) > 100 for at in (0.8, 3.0, 4.3, 4.7)] == [True, True, True, False]


def test_a_recording_of_voices_alone_is_a_dark_film_with_all_of_them(tmp_path: Path) -> None:
    sent = [
        Sent(1, "opus", PATIENT).send(tone(2, 440, 0.4)).report(0, 2),
        Sent(2, "opus", DOCTOR).send(tone(2, 1000, 0.4)).report(0, 2),
    ]
    film = decoded(film_of(recorded(tmp_path / "r", *sent, seconds=2), tmp_path))
    assert len(film.streams[0].at_s) == 50
    spectrum = np.abs(np.fft.rfft(film.streams[1].sound[24_000:72_000])) / 24_000
    assert spectrum[440] == pytest.approx(0.4, abs=0.08)
    assert spectrum[1000] == pytest.approx(0.4, abs=0.08)


def info(label: int, who: str, begin_s: float, end_s: float, **more: str) -> TrackInfo:
    return TrackInfo(
        label=label,
        participant=who,
        role=more.get("role", "patient"),
        kind="video",
        source=more.get("source", "camera"),
        codec="vp8",
        clock_rate=90_000,
        first_seq=0,
        begin_s=begin_s,
        end_s=end_s,
        muted_s=(),
    )


def test_whoever_reloads_the_page_keeps_the_place() -> None:
    tracks = [
        info(1, "ann", 0, 10),
        info(2, "bob", 0, 9, role="doctor"),
        info(3, "ann", 12, 20),
        info(4, "bob", 11, 20),
    ]
    assert places(tracks) == {1: 0, 2: 1, 3: 0, 4: 1}


def test_a_shared_screen_comes_last_and_a_place_that_is_free_is_used_again() -> None:
    tracks = [
        info(1, "bob", 0, 30, role="doctor", source="screen"),
        info(2, "bob", 0, 30, role="doctor"),
        info(3, "ann", 0, 10),
        info(4, "cem", 15, 30),
    ]
    assert places(tracks) == {3: 0, 4: 0, 2: 1, 1: 2}


@pytest.mark.parametrize(
    ("cells", "columns", "rows"),
    [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (9, 3, 3), (10, 4, 3)],
)
def test_more_people_stand_in_a_grid(cells: int, columns: int, rows: int) -> None:
    wall = Wall(cells)
    assert (wall.width, wall.height) == (columns * CELL_WIDTH, rows * CELL_HEIGHT)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (2, 2), (1919, 3), (1281, 721)])
def test_pictures_of_any_shape_fit_with_black_around_them(width: int, height: int) -> None:
    wall = Wall(2)
    planes = np.full((max(height // 2 * 2, 2) * 3 // 2, max(width // 2 * 2, 2)), 200, np.uint8)
    wall.show(1, av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(width, height))
    luma = wall.frame().to_ndarray()[:CELL_HEIGHT]
    assert (luma[:, :CELL_WIDTH] == 16).all(), "the neighbour is untouched"
    cell = luma[:, CELL_WIDTH:]
    lit = np.argwhere(cell > 100)
    (top, left), (bottom, right) = lit.min(axis=0), lit.max(axis=0)
    assert abs(top - (CELL_HEIGHT - 1 - bottom)) <= 2
    assert abs(left - (CELL_WIDTH - 1 - right)) <= 2
    assert right - left + 1 >= CELL_WIDTH - 2 or bottom - top + 1 >= CELL_HEIGHT - 2


def test_a_long_recording_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    silence = opus(np.zeros(960 * 10, np.float32)) * 300  # a minute

    def peak(minutes: int) -> int:
        folder = tmp_path / f"{minutes} minutes {len(list(tmp_path.iterdir()))}"
        sent = [Sent(label, "opus", PATIENT) for label in (1, 2)]
        packets = [frame._replace(at_s=place / 50) for place, frame in enumerate(silence * minutes)]
        sent[0].send(packets).report(0, 60 * minutes)
        sent[1].send(packets[:50])  # falls silent: what is to be filled in must not be gathered
        recording = recorded(folder, *sent, seconds=60 * minutes)
        del sent, packets
        tracemalloc.start()
        player = Player(recording, survey(recording, lambda share: None))
        heard = sum(played.duration_s for played in player)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert heard == pytest.approx(2 * 60 * minutes, abs=0.2)
        return most

    peak(1)
    assert peak(4) < peak(1) + 500_000
