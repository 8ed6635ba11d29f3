"""Every track as it was sent, in one Matroska file: nothing is decoded, and nothing encoded anew."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.stream import Stream

from media_server.recording.export import opus
from media_server.recording.export.opening import Opened
from media_server.recording.export.output import new_film
from media_server.recording.export.playing import Played, Player
from media_server.recording.export.summary import Summary
from media_server.recording.export.survey import Shape, survey

_TICKS = 1000  # a second; Matroska counts milliseconds
_TEMPORAL_DELIMITER = b"\x12\x00"  # AV1 §5.6, with which a stream of units begins


def export_matroska(recording: Opened, out: Path, progress: Callable[[float], None]) -> Summary:
    """`progress` is told shares from 0 to 1. Raises RecordingError."""
    found = survey(recording, lambda share: progress(share / 2))
    player = Player(recording, found)
    with new_film(out, "matroska") as container:
        film = _Film(container, found.shapes, recording.duration_s)
        for played in player:
            film.write(played)
            progress(0.5 + player.share / 2)
        film.finish()
    progress(1.0)
    return player.summary()


class _Film:
    """Pictures are held back until the next one of their track, which ends the time that they stand."""

    def __init__(self, container: OutputContainer, shapes: tuple[Shape, ...], duration_s: float) -> None:
        self._container = container
        self._duration_s = duration_s
        self._streams = {shape.info.label: _stream(container, shape) for shape in shapes}
        self._pictures = {shape.info.label for shape in shapes if shape.info.kind == "video"}
        self._held: dict[int, Played] = {}

    def write(self, played: Played) -> None:
        if played.label not in self._pictures:
            self._mux(played, played.duration_s)
            return
        before = self._held.get(played.label)
        if before is not None:
            self._mux(before, played.at_s - before.at_s)
        self._held[played.label] = played

    def finish(self) -> None:
        """The last pictures stand until the end."""
        for played in self._held.values():
            self._mux(played, self._duration_s - played.at_s)

    def _mux(self, played: Played, duration_s: float) -> None:
        packet = av.Packet(played.data)
        packet.stream = self._streams[played.label]
        packet.time_base = Fraction(1, _TICKS)
        packet.pts = packet.dts = round(played.at_s * _TICKS)
        packet.duration = max(round(duration_s * _TICKS), 1)
        packet.is_keyframe = played.key
        self._container.mux_one(packet)


def _stream(container: OutputContainer, shape: Shape) -> Stream:
    info = shape.info
    if info.codec in ("vp8", "vp9"):
        stream = container.add_mux_stream(info.codec, rate=30, width=shape.width, height=shape.height)
    else:
        with _template(shape) as template:
            stream = container.add_stream_from_template(template)
    stream.time_base = Fraction(1, _TICKS)
    stream.metadata["title"] = f"{info.role} {info.source}"
    stream.metadata["participant"] = info.participant
    return stream


@contextmanager
def _template(shape: Shape) -> Iterator[Stream]:
    """A stream with the codec's own header, which PyAV lets nobody set: read from a piece of that format."""
    with ExitStack() as stack:
        match shape.info.codec:
            case "opus":
                file, format = _ogg(), "ogg"
            case "h264":
                file, format = io.BytesIO(shape.key), "h264"
            case "av1":
                file, format = io.BytesIO(_TEMPORAL_DELIMITER + shape.key), "obu"
            case other:
                raise AssertionError(other)
        yield stack.enter_context(av.open(file, "r", format=format)).streams[0]


def _ogg() -> io.BytesIO:
    """A moment of silence, with the header of stereo Opus (RFC 7845)."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=opus.RATE, layout="stereo")
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.sample_rate = opus.RATE
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux([*stream.encode(frame), *stream.encode(None)])
    file.seek(0)
    return file
