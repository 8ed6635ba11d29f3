"""The first of two readings of a recording: its clocks, and what a container must know before its first
frame.
"""

from collections.abc import Callable
from dataclasses import dataclass

from media_server.recording.export.decoding import VideoDecoder
from media_server.recording.export.errors import Malformed, NothingToExport
from media_server.recording.export.frames import Frame, TrackFrames
from media_server.recording.export.opening import Opened, TrackInfo
from media_server.recording.export.rtp import parse
from media_server.recording.export.timeline import Timeline
from media_server.recording.format import RtpPacket, SenderReport

# So many key frames that no decoder takes are enough to leave a track out.
_TRIES = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """A track that has something to show or be heard. `key`: its first key frame; 0 by 0 for sound."""

    info: TrackInfo
    key: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Survey:
    """`empty`: tracks with nothing to show or be heard."""

    timeline: Timeline
    shapes: tuple[Shape, ...]
    empty: tuple[TrackInfo, ...]


def survey(recording: Opened, progress: Callable[[float], None]) -> Survey:
    """Raises NothingToExport, and what reading raises."""
    searches = {info.label: _Search(info) for info in recording.tracks}
    timeline = Timeline(recording.start_us)
    for number, records in enumerate(recording.records(), start=1):
        for record in records:
            search = searches.get(record.label)
            if search is None:
                continue
            if isinstance(record, SenderReport):
                timeline.report(search.info.participant, search.info.clock_rate, record)
            else:
                _tell(timeline, search.info, record)
                search.receive(record)
        progress(number / len(recording.segments))
    timeline.settle()
    shapes = [search.finish() for search in searches.values()]
    found = tuple(shape for shape in shapes if shape is not None)
    if not found:
        raise NothingToExport("no track of the recording has a frame that can be shown or heard")
    empty = tuple(info for info, shape in zip(recording.tracks, shapes, strict=True) if shape is None)
    return Survey(timeline, found, empty)


def _tell(timeline: Timeline, info: TrackInfo, record: RtpPacket) -> None:
    try:
        packet = parse(record)
    except Malformed:
        return
    timeline.packet(
        info.label, info.participant, info.clock_rate, packet.ssrc, packet.timestamp, record.arrival_us
    )


class _Search:
    """Looks for the first frame of a track that a decoder takes."""

    def __init__(self, info: TrackInfo) -> None:
        self.info = info
        self._frames = TrackFrames(info.codec, info.first_seq)
        self._shape: Shape | None = None
        self._tries = 0

    def receive(self, record: RtpPacket) -> None:
        if self._going_on:
            self._look(self._frames.receive(record, record.arrival_us))

    def finish(self) -> Shape | None:
        if self._going_on:
            self._look(self._frames.flush())
        return self._shape

    @property
    def _going_on(self) -> bool:
        return self._shape is None and self._tries < _TRIES

    def _look(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.key and self._going_on:
                self._tries += 1
                self._shape = self._shaped(frame.data)

    def _shaped(self, key: bytes) -> Shape | None:
        if self.info.kind == "audio":
            return Shape(self.info, key, 0, 0)
        decoder = VideoDecoder(self.info.codec)
        pictures = [*decoder.decode(key), *decoder.flush()]
        return Shape(self.info, key, pictures[0].width, pictures[0].height) if pictures else None
