"""All participants in one picture and one sound: decoded, put together, encoded as MP4 (H.264, AAC)."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer

from media_server.recording.export.decoding import VideoDecoder
from media_server.recording.export.mixing import BEHIND, Mixer
from media_server.recording.export.opening import Opened, TrackInfo
from media_server.recording.export.opus import RATE
from media_server.recording.export.output import new_film
from media_server.recording.export.playing import Played, Player
from media_server.recording.export.summary import Summary
from media_server.recording.export.survey import Shape, survey
from media_server.recording.export.wall import Wall, places

FRAMES_PER_S = 25
# How much of the work is the first reading.
_SURVEY_SHARE = 0.1


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
        videos = [shape.info for shape in shapes if shape.info.kind == "video"]
        cells = places(videos)
        self._wall = Wall(max(cells.values(), default=0) + 1)
        self._screens = {info.label: _Screen(info, self._wall, cells[info.label]) for info in videos}
        self._mixer = Mixer([shape.info.label for shape in shapes if shape.info.kind == "audio"])
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
            screen.show(played.data, played.at_s)
        else:
            at, samples = round(played.at_s * RATE), round(played.duration_s * RATE)
            self._mixer.add(played.label, at, samples, played.data)

    def finish(self, duration_s: float) -> None:
        self._advance(duration_s)
        self._sound(round(duration_s * RATE))
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))

    def _advance(self, until_s: float) -> None:
        """Write the pictures of the time that is over. What is seen at an instant is what came before it."""
        while self._shown / FRAMES_PER_S < until_s:
            for screen in self._screens.values():
                screen.update(self._shown / FRAMES_PER_S)
            frame = self._wall.frame()
            frame.pts = self._shown
            frame.time_base = Fraction(1, FRAMES_PER_S)
            self._shown += 1
            self._container.mux(self._video.encode(frame))
        self._sound(round(until_s * RATE) - BEHIND)

    def _sound(self, until: int) -> None:
        for samples in self._mixer.take(until):
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = RATE
            frame.pts = self._heard
            frame.time_base = Fraction(1, RATE)
            self._heard += samples.size
            self._container.mux(self._audio.encode(frame))


class _Screen:
    """One camera or screen, decoded and put onto the wall while it is there and not muted."""

    def __init__(self, info: TrackInfo, wall: Wall, place: int) -> None:
        self._info = info
        self._decoder = VideoDecoder(info.codec)
        self._wall = wall
        self._place = place
        self._lit = False

    def show(self, data: bytes, at_s: float) -> None:
        for picture in self._decoder.decode(data):
            if self._info.shows(at_s):
                self._wall.show(self._place, picture)
                self._lit = True

    def update(self, at_s: float) -> None:
        """What its owner has turned off, or taken away, is not left standing."""
        if self._lit and not self._info.shows(at_s):
            self._wall.clear(self._place)
            self._lit = False
