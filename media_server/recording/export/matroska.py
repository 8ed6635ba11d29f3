"""Every track as it was sent, in one Matroska file: nothing is decoded, and nothing encoded anew."""

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    progress(1.0)
    return player.summary()


class _Film:
    """Every picture is said to stand until the end. Of those durations only the longest goes into the file,
    as the film's own; so nothing need be held back until the next picture comes.
    """

    def __init__(self, container: OutputContainer, shapes: tuple[Shape, ...], duration_s: float) -> None:
        self._container = container
        self._duration_s = duration_s
        self._streams = {shape.info.label: _stream(container, shape) for shape in shapes}

    def write(self, played: Played) -> None:
        packet = av.Packet(played.data)
        packet.stream = self._streams[played.label]
        packet.time_base = Fraction(1, _TICKS)
        packet.pts = packet.dts = round(played.at_s * _TICKS)
        duration_s = played.duration_s or self._duration_s - played.at_s
        packet.duration = max(round(duration_s * _TICKS), 1)
        packet.is_keyframe = played.key
        self._container.mux_one(packet)


def _stream(container: OutputContainer, shape: Shape) -> Stream:
    info = shape.info
    if info.codec in ("vp8", "vp9"):
        stream = container.add_mux_stream(info.codec, rate=30, width=shape.width, height=shape.height)
    else:
        with _template(shape) as template:
            stream = container.add_stream_from_template(template, opaque=True)
    stream.time_base = Fraction(1, _TICKS)
    stream.metadata["title"] = f"{info.role} {info.source}"
    stream.metadata.update({"participant": info.participant, "role": info.role, "kind": info.kind})
    return stream


@contextmanager
def _template(shape: Shape) -> Iterator[Stream]:
    """A stream with the codec's own header, which PyAV lets nobody set: read from a piece of that format."""
    match shape.info.codec:
        case "opus":
            data, format = _opus(), "matroska"
        case "h264":
            data, format = shape.key, "h264"
        case "av1":
            data, format = _TEMPORAL_DELIMITER + shape.key, "obu"
        case other:
            raise AssertionError(other)
    with av.open(io.BytesIO(data), "r", format=format) as container:
        yield container.streams[0]


def _opus() -> bytes:
    """The least Matroska (RFC 9559) with a stream of stereo Opus in it, and a moment of silence."""
    _, silence = opus.SILENCES[0]
    sound = _element("B5", struct.pack(">d", opus.RATE)) + _element("9F", b"\2")
    track = (
        *(_element("D7", b"\1"), _element("73C5", b"\1"), _element("83", b"\2"), _element("86", b"A_OPUS")),
        *(_element("63A2", opus.HEADER), _element("E1", sound)),
    )
    segment = (
        _element("1549A966", _element("2AD7B1", (1_000_000).to_bytes(3))),
        _element("1654AE6B", _element("AE", b"".join(track))),
        _element("1F43B675", _element("E7", b"\0") + _element("A3", b"\x81\0\0\x80" + silence)),
    )
    return _element("1A45DFA3", _element("4282", b"matroska")) + _element("18538067", b"".join(segment))


def _element(id: str, body: bytes) -> bytes:
    """RFC 8794 §4, with a size of eight bytes."""
    return bytes.fromhex(id) + b"\1" + len(body).to_bytes(7) + body
