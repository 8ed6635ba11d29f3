"""The film that bots send, given or built in, with its marks; and its pictures as they were before coding."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from loadtest.fidelity.marks import Luma, write_beeps, write_number
from loadtest.film import PATIENT, SAMPLE_RATE, Format, Picture, Sound, pictures, tune, write_film

FORM = Format(width=480, height=360, frames_per_s=20, duration_s=8, bit_rate=600_000)


class BadFilm(ValueError):
    """A file that cannot be played; the text says why."""


@dataclass(frozen=True, slots=True)
class Scene:
    path: Path
    form: Format
    sources: tuple[Luma, ...]
    """The luma of each picture, by its number."""

    @property
    def picture_s(self) -> float:
        return 1 / self.form.frames_per_s

    @property
    def length_s(self) -> float:
        return len(self.sources) * self.picture_s


def make_scene(folder: Path, film: Path | None = None, form: Format = FORM) -> Scene:
    """Of the first seconds of `film`, scaled, again and again where it is short. Raises BadFilm, OSError."""
    shown = list(pictures(PATIENT, form)) if film is None else _pictures_of(film, form)
    heard = tune(form.duration_s, PATIENT.semitones) if film is None else _sound_of(film, form)
    write_beeps(heard)
    for number, picture in enumerate(shown):
        write_number(picture, number)
    path = folder / "scene.mkv"
    write_film(path, shown, heard, form)
    return Scene(
        path, form, tuple(luma_of(av.VideoFrame.from_ndarray(picture, format="rgb24")) for picture in shown)
    )


def luma_of(frame: av.VideoFrame) -> Luma:
    plane = (frame if frame.format.name == "yuv420p" else frame.reformat(format="yuv420p")).planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
    luma: Luma = rows[:, : plane.width]
    return luma


def check_film(path: Path) -> None:
    """Whether it begins; it may break later. Raises BadFilm."""
    if path.is_dir():
        raise BadFilm("it is a folder")
    if not path.exists():
        raise BadFilm("there is no such file")
    with _played(path) as container:
        if not container.streams.video or next(container.decode(video=0), None) is None:
            raise BadFilm("it has no pictures")


@contextmanager
def _played(path: Path) -> Iterator[InputContainer]:
    try:
        with av.open(str(path)) as container:
            yield container
    except (OSError, av.FFmpegError):  # some of the latter are the former
        raise BadFilm("it cannot be played") from None


def _pictures_of(path: Path, form: Format) -> list[Picture]:
    check_film(path)
    wanted = form.duration_s * form.frames_per_s
    shown: list[Picture] = []
    with _played(path) as container:
        began_s: float | None = None
        for frame in container.decode(video=0):
            at_s = float(frame.time or 0.0)
            began_s = at_s if began_s is None else began_s
            if (at_s - began_s) * form.frames_per_s < len(shown):
                continue  # it has more pictures a second than we show
            scaled = frame.reformat(width=form.width, height=form.height, format="rgb24").to_ndarray()
            picture = scaled.astype(np.uint8)
            while len(shown) <= (at_s - began_s) * form.frames_per_s and len(shown) < wanted:
                shown.append(picture)
            if len(shown) >= wanted:
                break
    return [picture.copy() for picture in itertools.islice(itertools.cycle(shown), wanted)]


def _sound_of(path: Path, form: Format) -> Sound:
    """Silence where the film has none."""
    wanted = form.duration_s * SAMPLE_RATE
    parts = list(_samples(path, wanted))
    heard = np.concatenate(parts) if parts else np.zeros(wanted)
    return np.resize(heard, wanted)


def _samples(path: Path, wanted: int) -> Iterator[Sound]:
    with _played(path) as container:
        if not container.streams.audio:
            return
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        count = 0
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                samples = part.to_ndarray().reshape(-1) / 32_768
                count += len(samples)
                yield samples
            if count >= wanted:
                return


def latest_before(number: int, moment_s: float, scene: Scene) -> float:
    """When the picture of that number was last to be sent, in seconds of the film played round and round, if
    `moment_s` is now.
    """
    at_s = number * scene.picture_s
    return at_s + max(0.0, (moment_s - at_s) // scene.length_s) * scene.length_s
