"""The first of two readings of a recording: its clocks, and what a container must know before its first
frame.
"""

from collections.abc import Callable
from dataclasses import dataclass

import av

from media_server.recording.export.errors import Malformed, NothingToExport
from media_server.recording.export.frames import Frame, TrackFrames
from media_server.recording.export.opening import Opened, TrackInfo
from media_server.recording.export.rtp import parse
from media_server.recording.export.timeline import Timeline
from media_server.recording.format import RtpPacket, SenderReport

DECODERS = {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "av1": "libdav1d", "opus": "opus"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A track that has something to show or be heard. `key`: its first key frame; 0 by 0 for sound."""

    info: TrackInfo
    key: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Survey:
    timeline: Timeline
    shapes: tuple[Shape, ...]


def survey(recording: Opened, progress: Callable[[float], None]) -> Survey:
    """Raises NothingToExport, and what reading raises."""
    tracks = {info.label: info for info in recording.tracks}
    timeline = Timeline(recording.start_us)
    waiting = {info.label: TrackFrames(info.codec, info.first_seq) for info in recording.tracks}
    first: dict[int, Frame] = {}
    reports: list[SenderReport] = []
    for number, records in enumerate(recording.records(), start=1):
        for record in records:
            info = tracks.get(record.label)
            if info is None:
                continue
            if isinstance(record, SenderReport):
                reports.append(record)
                continue
            _tell(timeline, info, record)
            if record.label not in first:
                _look(waiting[record.label].receive(record, record.arrival_us), record.label, first)
        progress(number / len(recording.segments))
    for label, frames in waiting.items():
        if label not in first:
            _look(frames.flush(), label, first)
    for report in reports:  # one may have come before the first packet of its SSRC
        timeline.report(report)
    timeline.settle()
    shapes = tuple(shape for label, info in tracks.items() if (shape := _shape(info, first.get(label))))
    if not shapes:
        raise NothingToExport("no track of the recording has a frame that can be shown or heard")
    return Survey(timeline, shapes)


def _tell(timeline: Timeline, info: TrackInfo, record: RtpPacket) -> None:
    try:
        packet = parse(record)
    except Malformed:
        return
    timeline.packet(
        info.label, info.participant, info.clock_rate, packet.ssrc, packet.timestamp, record.arrival_us
    )


def _look(frames: list[Frame], label: int, first: dict[int, Frame]) -> None:
    for frame in frames:
        if frame.key:
            first.setdefault(label, frame)


def _shape(info: TrackInfo, first: Frame | None) -> Shape | None:
    """None where there is nothing that a decoder could begin with."""
    if first is None:
        return None
    if info.kind == "audio":
        return Shape(info, first.data, 0, 0)
    decoder = av.CodecContext.create(DECODERS[info.codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    try:
        pictures = [*decoder.decode(av.Packet(first.data)), *decoder.decode(None)]
    except av.FFmpegError:
        return None
    return Shape(info, first.data, pictures[0].width, pictures[0].height) if pictures else None
