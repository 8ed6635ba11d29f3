"""A film made of arithmetic: a moving test picture with a clock and a frame counter, and a tune.

Made once with PyAV in the folder it is asked for: VP8 with a key frame each half second and Opus in Matroska,
so that it can be sent as it is (no encoding while a call runs) or be decoded like any file.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
OPUS_FRAME = 960  # samples in one packet, 20 ms
Picture = NDArray[np.uint8]  # (height, width, 3), red, green, blue
Sound = NDArray[np.float64]  # (samples,), -1..1

# The digits' seven segments: top, upper left, upper right, middle, lower left, lower right, bottom.
SEGMENTS = (
    0b1110111,
    0b0010010,
    0b1011101,
    0b1011011,
    0b0111010,
    0b1101011,
    0b1101111,
    0b1010010,
    0b1111111,
    0b1111011,
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a film looks and sounds, so that two participants can be told apart."""

    name: str
    colour: tuple[int, int, int]
    semitones: int  # the tune is moved by so many


PATIENT = Look("patient", (38, 120, 130), 0)
DOCTOR = Look("doctor", (96, 74, 140), 7)


@dataclass(frozen=True, slots=True)
class Format:
    width: int = 480
    height: int = 360
    frames_per_s: int = 20
    duration_s: int = 8
    bit_rate: int = 250_000


STANDARD = Format()


def film(folder: Path, look: Look, form: Format = STANDARD) -> Path:
    """The path of the film, made when it is not there yet. Raises OSError for a folder we cannot write to."""
    path = folder / f"{look.name}-{form.width}x{form.height}-{form.frames_per_s}-{form.duration_s}s.mkv"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(
            f".{os.getpid()}.mkv"
        )  # two processes may make it at once; the last one stays
        try:
            sound = tune(form.duration_s, look.semitones)
            write_film(unfinished, pictures(look, form), sound, form)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def write_film(path: Path, shown: Iterable[Picture], tones: Sound, form: Format) -> None:
    """Raises OSError."""
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libvpx", rate=form.frames_per_s)
        video.width, video.height, video.pix_fmt = form.width, form.height, "yuv420p"
        video.bit_rate = form.bit_rate
        video.gop_size = form.frames_per_s // 2
        video.options = {
            "deadline": "realtime",
            "cpu-used": "8",
            "lag-in-frames": "0",
            "auto-alt-ref": "0",
            # Whoever joins in the middle waits for a key frame, at most this long.
            "keyint_min": str(form.frames_per_s // 2),
            "error-resilient": "1",
        }
        audio = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        audio.bit_rate = 32_000
        sound = (tones * 32767).astype(np.int16)
        per_picture = SAMPLE_RATE // form.frames_per_s
        for index, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, form.frames_per_s)
            container.mux(video.encode(frame))
            samples = sound[index * per_picture : (index + 1) * per_picture].reshape(1, -1)
            heard = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = (
                SAMPLE_RATE,
                index * per_picture,
                Fraction(1, SAMPLE_RATE),
            )
            container.mux(audio.encode(heard))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def pictures(look: Look, form: Format) -> Iterator[Picture]:
    """Every picture: a still background, a ball on its way round, a clock, and the frame's number."""
    height, width = form.height, form.width
    rows, columns = np.mgrid[0:height, 0:width]
    shade = (0.55 + 0.45 * (1 - rows / height))[..., None]
    background = (np.array(look.colour) * shade).astype(np.uint8)
    background[((rows // 40 + columns // 40) % 2) == 0] //= 10
    background[((rows // 40 + columns // 40) % 2) == 0] *= 9
    count = form.frames_per_s * form.duration_s
    radius, orbit = height // 12, height // 4
    for index in range(count):
        picture = background.copy()
        turn = 2 * np.pi * index / count
        x, y = width / 2 + 1.4 * orbit * np.cos(2 * turn), height / 2 + orbit * np.sin(4 * turn)
        picture[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = (240, 236, 224)
        seconds, hundredths = divmod(index * 100 // form.frames_per_s, 100)
        draw_number(picture, f"{seconds:02}", (height // 16, height // 16), height // 9)
        draw_number(picture, f"{hundredths:02}", (height // 16 + height // 5, height // 16), height // 9)
        draw_number(picture, f"{index:04}", (width - 2 * height // 5, height - height // 6), height // 9)
        yield picture


def draw_number(picture: Picture, digits: str, at: tuple[int, int], tall: int) -> None:
    """White seven-segment digits; `at`: left upper corner (column, row), `tall`: height in pixels."""
    thick, wide = max(2, tall // 8), tall // 2
    half = tall // 2
    for place, digit in enumerate(digits):
        left, top = at[0] + place * (wide + 2 * thick), at[1]
        boxes = (
            (top, left, thick, wide),
            (top, left, half, thick),
            (top, left + wide - thick, half, thick),
            (top + half - thick // 2, left, thick, wide),
            (top + half, left, half, thick),
            (top + half, left + wide - thick, half, thick),
            (top + tall - thick, left, thick, wide),
        )
        for bit, (row, column, high, broad) in enumerate(boxes):
            if SEGMENTS[int(digit)] & (0b1000000 >> bit):
                picture[row : row + high, column : column + broad] = 255


def tune(duration_s: int, semitones: int) -> Sound:
    """A quiet pentatonic tune of two notes a second, each plucked and dying away."""
    scale = (0, 4, 7, 9, 12, 9, 7, 4, 2, 7, 9, 14, 12, 9, 7, 2)
    note_s = 0.5
    time_s = np.arange(int(note_s * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = (
        np.minimum(time_s / 0.01, 1.0) * np.exp(-5 * time_s) * np.minimum((note_s - time_s) / 0.02, 1.0)
    )
    notes = []
    for index in range(int(duration_s / note_s)):
        pitch_hz = 220.0 * 2 ** ((scale[index % len(scale)] + semitones) / 12)
        overtones = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n**2 for n in (1, 2, 3, 4))
        notes.append(0.25 * envelope * overtones)
    return np.concatenate(notes)
