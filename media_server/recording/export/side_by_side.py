"""All participants in one picture and one sound: decoded, put together, encoded as MP4 (H.264, AAC)."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from media_server.recording.export.mixing import Mixer
from media_server.recording.export.opening import Opened
from media_server.recording.export.opus import RATE
from media_server.recording.export.output import new_film
from media_server.recording.export.playing import Played, Player
from media_server.recording.export.summary import Summary
from media_server.recording.export.survey import DECODERS, Shape, survey

FRAMES_PER_S = 25
CELL_WIDTH, CELL_HEIGHT = 640, 480
_BLACK_Y, _BLACK_C = 16, 128  # ITU-R BT.601, limited range
# How much of the work is the first reading.
_SURVEY_SHARE = 0.1

Plane = NDArray[np.uint8]


def export_side_by_side(recording: Opened, out: Path, progress: Callable[[float], None]) -> Summary:
    """`progress` is told shares from 0 to 1. Raises RecordingError."""
    found = survey(recording, lambda share: progress(share * _SURVEY_SHARE))
    player = Player(recording, found)
    with new_film(out, "mp4") as container:
        studio = _Studio(container, found.shapes)
        for played in player:
            studio.play(played)
            progress(_SURVEY_SHARE + player.share * (1 - _SURVEY_SHARE))
        studio.finish(recording.duration_s)
    progress(1.0)
    return player.summary()


class _Studio:
    """Takes frames in the order of their times, and writes what has been seen and heard until then."""

    def __init__(self, container: OutputContainer, shapes: tuple[Shape, ...]) -> None:
        self._container = container
        videos = [shape for shape in shapes if shape.info.kind == "video"]
        voices = [shape for shape in shapes if shape.info.kind == "audio"]
        # Patients on the left, whoever came first; what is shared on a screen comes last.
        videos.sort(key=lambda shape: (shape.info.source == "screen", shape.info.role == "doctor"))
        self._wall = _Wall(max(len(videos), 1))
        self._screens = {
            shape.info.label: _Screen(shape, self._wall, place) for place, shape in enumerate(videos)
        }
        self._mixer = Mixer([shape.info.label for shape in voices])
        self._video = container.add_stream("libx264", rate=FRAMES_PER_S)
        self._video.width, self._video.height = self._wall.width, self._wall.height
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"preset": "veryfast", "crf": "23"}
        self._audio = container.add_stream("aac", rate=RATE, layout="mono")
        self._shown = 0
        self._heard = 0

    def play(self, played: Played) -> None:
        self._advance(played.at_s)
        screen = self._screens.get(played.label)
        if screen is not None:
            screen.show(played.data)
        else:
            self._mixer.add(played.label, round(played.at_s * RATE), played.data)

    def finish(self, duration_s: float) -> None:
        self._advance(duration_s)
        self._sound(round(duration_s * RATE))
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))

    def _advance(self, until_s: float) -> None:
        """Write the pictures of the time that is over. What is seen at an instant is what came before it."""
        while self._shown / FRAMES_PER_S < until_s:
            frame = self._wall.frame()
            frame.pts = self._shown
            frame.time_base = Fraction(1, FRAMES_PER_S)
            self._shown += 1
            self._container.mux(self._video.encode(frame))
        # A voice may still come for the last moments: a packet is known whole when its time begins.
        self._sound(max(0, round(until_s * RATE)))

    def _sound(self, until: int) -> None:
        for samples in self._mixer.take(until):
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = RATE
            frame.pts = self._heard
            frame.time_base = Fraction(1, RATE)
            self._heard += samples.size
            self._container.mux(self._audio.encode(frame))


class _Wall:
    """The picture, in planes of YUV 4:2:0: cells beside each other, two in a row where there are more than
    two.
    """

    def __init__(self, cells: int) -> None:
        self._columns = min(cells, 2) if cells <= 4 else math.ceil(math.sqrt(cells))
        rows = math.ceil(cells / self._columns)
        self.width, self.height = self._columns * CELL_WIDTH, rows * CELL_HEIGHT
        self._planes = (
            np.full((self.height, self.width), _BLACK_Y, np.uint8),
            np.full((self.height // 2, self.width // 2), _BLACK_C, np.uint8),
            np.full((self.height // 2, self.width // 2), _BLACK_C, np.uint8),
        )

    def show(self, place: int, picture: av.VideoFrame) -> None:
        """Scaled to fit, in the middle of its cell, black around it."""
        scale = min(CELL_WIDTH / picture.width, CELL_HEIGHT / picture.height)
        width = max(2, int(picture.width * scale) // 2 * 2)
        height = max(2, int(picture.height * scale) // 2 * 2)
        fitted = picture.reformat(width, height, "yuv420p")
        row, column = divmod(place, self._columns)
        for plane, source, shrink, black in zip(
            self._planes, fitted.planes, (1, 2, 2), (_BLACK_Y, _BLACK_C, _BLACK_C), strict=True
        ):
            cell_width, cell_height = CELL_WIDTH // shrink, CELL_HEIGHT // shrink
            cell = plane[
                row * cell_height : (row + 1) * cell_height, column * cell_width : (column + 1) * cell_width
            ]
            pixels = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)[
                : height // shrink, : width // shrink
            ]
            top = (cell_height - pixels.shape[0]) // 2 // 2 * 2 // shrink * shrink
            left = (cell_width - pixels.shape[1]) // 2
            cell[:] = black
            cell[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels

    def frame(self) -> av.VideoFrame:
        planes: tuple[Plane, ...] = self._planes
        stacked = np.concatenate([plane.reshape(-1) for plane in planes])
        return av.VideoFrame.from_ndarray(stacked.reshape(self.height * 3 // 2, self.width), "yuv420p")


class _Screen:
    """One participant's camera or screen, decoded and put onto the wall."""

    def __init__(self, shape: Shape, wall: _Wall, place: int) -> None:
        self._decoder = cast(av.VideoCodecContext, av.CodecContext.create(DECODERS[shape.info.codec], "r"))
        self._wall = wall
        self._place = place

    def show(self, data: bytes) -> None:
        for picture in self._decoded(data):
            self._wall.show(self._place, picture)

    def _decoded(self, data: bytes) -> Iterator[av.VideoFrame]:
        try:
            yield from self._decoder.decode(av.Packet(data))
        except av.FFmpegError:
            return  # hostile bits: the picture before stands
