"""One track's frames out of its packets: in order, whole, and each decodable from those before it. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from media_server.recording.export import av1, opus, vp8, vp9
from media_server.recording.export.errors import Malformed
from media_server.recording.export.h264 import H264
from media_server.recording.export.picture import Depacketize
from media_server.recording.export.reordering import Reordering
from media_server.recording.export.rtp import Packet, parse
from media_server.recording.format import RtpPacket

# Far above any real picture, so that packets which never end one cannot fill the memory.
MOST_PACKETS = 8192
MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """What a container takes as one packet.

    `timestamp`: RTP, as sent; `arrival_us`: of its first packet to come, Unix microseconds; `samples`: how
    long it is heard, at 48 kHz, 0 for pictures; `resumes`: pictures before it are missing.
    """

    ssrc: int
    timestamp: int
    arrival_us: int
    data: bytes
    key: bool
    samples: int = 0


@dataclass(slots=True)
class Faults:
    """What was left out, and why."""

    malformed: int = 0
    """Packets or pictures that are not what their format says."""
    dropped: int = 0
    """Pictures with packets missing, or waiting for a key frame after such a one."""
    freezes: int = 0
    """How often a picture had to stand until the next key frame."""


class Assembly(Protocol):
    """Makes frames of packets that are in order; a number left out is a lost packet."""

    def receive(self, packet: Packet) -> Iterator[Frame]: ...


class TrackFrames:
    """All frames of one track, from the records about it as they stand in the segments."""

    def __init__(self, codec: str, first_seq: int) -> None:
        self.faults = Faults()
        self._reordering = Reordering(first_seq)
        self._assembly = _ASSEMBLIES[codec](self.faults)

    @property
    def late(self) -> int:
        return self._reordering.late

    def receive(self, record: RtpPacket, now_us: int) -> list[Frame]:
        try:
            packet = parse(record)
        except Malformed:
            self.faults.malformed += 1
            return []
        return self._frames(self._reordering.receive(packet, now_us))

    def due(self, now_us: int) -> list[Frame]:
        return self._frames(self._reordering.due(now_us))

    def flush(self) -> list[Frame]:
        return self._frames(self._reordering.flush())

    def _frames(self, packets: Iterable[Packet]) -> list[Frame]:
        return [frame for packet in packets for frame in self._assembly.receive(packet)]


@dataclass(slots=True)
class _Partial:
    """A picture of which packets are still to come. `doubtful`: packets are missing right before it."""

    ssrc: int
    timestamp: int
    arrival_us: int
    doubtful: bool
    payloads: list[bytes] = field(default_factory=list)
    size: int = 0


class Pictures:
    """Video: a picture ends with the marker, or where the timestamp changes (RFC 3550 §5.1)."""

    def __init__(self, faults: Faults, depacketize: Depacketize) -> None:
        self._faults = faults
        self._depacketize = depacketize
        self._partial: _Partial | None = None
        self._last: Packet | None = None
        self._doubtful = True  # whether the next packet is known to be the first of a picture
        self._waiting = True  # for a key frame
        self._begun = False
        self._dropped: tuple[int, int] | None = None

    def receive(self, packet: Packet) -> Iterator[Frame]:
        last, self._last = self._last, packet
        partial = self._partial
        if last is not None and packet.seq != last.seq + 1:
            self._give_up(partial)
            self._doubtful = True
            partial = None
        elif partial is not None and (partial.ssrc, partial.timestamp) != (packet.ssrc, packet.timestamp):
            yield from self._finish(partial)
            self._doubtful = False
            partial = None
        if last is not None and last.ssrc != packet.ssrc:
            self._waiting = True
        if partial is None:
            partial = _Partial(packet.ssrc, packet.timestamp, packet.arrival_us, self._doubtful)
        self._partial = partial
        self._add(partial, packet)
        if packet.marker:
            self._partial, self._doubtful = None, False
            yield from self._finish(partial)

    def _add(self, partial: _Partial, packet: Packet) -> None:
        if partial.size + len(packet.payload) > MOST_BYTES or len(partial.payloads) >= MOST_PACKETS:
            partial.payloads.clear()
            partial.size = MOST_BYTES  # whatever follows is over it again
            return
        partial.payloads.append(packet.payload)
        partial.size += len(packet.payload)
        partial.arrival_us = min(partial.arrival_us, packet.arrival_us)

    def _finish(self, partial: _Partial) -> Iterator[Frame]:
        try:
            picture = self._depacketize(partial.payloads)
        except Malformed:
            self._freeze()
            if partial.doubtful:
                self._drop(partial)  # its beginning was lost: nothing is wrong with the rest
            else:
                self._faults.malformed += 1
            return
        if partial.doubtful and not picture.begins:
            self._give_up(partial)
            return
        if self._waiting and not picture.key:
            self._drop(partial)
            return
        yield Frame(partial.ssrc, partial.timestamp, partial.arrival_us, picture.data, picture.key)
        self._begun, self._waiting = True, False

    def _freeze(self) -> None:
        if self._begun and not self._waiting:
            self._faults.freezes += 1
        self._waiting = True

    def _give_up(self, partial: _Partial | None) -> None:
        if partial is not None:
            self._drop(partial)
        self._freeze()

    def _drop(self, partial: _Partial) -> None:
        """What is left of a picture, before a hole and after it, is one picture."""
        before, self._dropped = self._dropped, (partial.ssrc, partial.timestamp)
        if self._dropped != before:
            self._faults.dropped += 1


class Sounds:
    """Audio: every packet is a frame (RFC 7587 §4.2)."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def receive(self, packet: Packet) -> Iterator[Frame]:
        try:
            samples = opus.duration(packet.payload)
        except Malformed:
            self._faults.malformed += 1
            return
        yield Frame(packet.ssrc, packet.timestamp, packet.arrival_us, packet.payload, True, samples)


_ASSEMBLIES: dict[str, Callable[[Faults], Assembly]] = {
    "opus": Sounds,
    "vp8": lambda faults: Pictures(faults, vp8.depacketize),
    "h264": lambda faults: Pictures(faults, H264().depacketize),
    "vp9": lambda faults: Pictures(faults, vp9.depacketize),
    "av1": lambda faults: Pictures(faults, av1.depacketize),
}
CODECS = frozenset(_ASSEMBLIES)
"""Names as the manifest has them."""
