"""What is inside a segment (format 1): msgpack objects one after the other, sealed as a whole.

First a map that says whose segment it is, then the tap's records as it gave them: RTP packets and sender
reports. Kinds of records that a later version may add are skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

from media_server.recording.errors import RecordingError
from media_server.recording.ids import RecordingId
from media_server.recording.lines import FORMAT, VERSION

RTP_PACKET = 0
SENDER_REPORT = 1

_RTP_HEADER = 12
_MAX_FIELDS = 1024
_UINT16 = 1 << 16
_UINT32 = 1 << 32
_UINT64 = 1 << 64


class BadSegment(RecordingError):
    """The opened segment is not what this format says. `offset`: bytes into the plaintext."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"at byte {offset}: {what}")
        self.offset = offset
        self.what = what


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    recording: RecordingId
    segment: int
    node: str


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """A packet as its publisher sent it, in the clear, without padding. `seq`: the track's own unwrapped
    number; `arrival_us`: Unix microseconds.
    """

    label: int
    seq: int
    arrival_us: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class SenderReport:
    """RFC 3550 §6.4.1. `ntp` is 32.32 fixed point, `rtp_timestamp` as sent; `arrival_us`: Unix
    microseconds.
    """

    label: int
    arrival_us: int
    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int


Record = RtpPacket | SenderReport

_BOUNDS = {
    RTP_PACKET: (_UINT16, _UINT64, _UINT64),
    SENDER_REPORT: (_UINT16, _UINT64, _UINT32, _UINT64, _UINT32, _UINT32, _UINT32),
}


def segment_name(number: int) -> str:
    return f"{number:06d}.age"


def segment_header(recording: RecordingId, segment: int, node: str) -> bytes:
    header: bytes = msgpack.packb(
        {"format": FORMAT, "version": VERSION, "recording": recording, "segment": segment, "node": node}
    )
    return header


def read_segment(plaintext: bytes) -> tuple[SegmentHeader, Iterator[Record]]:
    """Raises BadSegment at once for a wrong header, and while iterating for a wrong record."""
    objects = _objects(plaintext)
    _, first = next(objects, (0, None))
    return _header(first), _records(objects)


def _objects(plaintext: bytes) -> Iterator[tuple[int, Any]]:
    """Every object with the offset at which it begins."""
    # An array or map is made as large as it claims to be, before what it claims to hold is looked for.
    unpacker = msgpack.Unpacker(
        max_buffer_size=max(len(plaintext), 1),
        max_array_len=_MAX_FIELDS,
        max_map_len=_MAX_FIELDS,
        use_list=False,
    )
    unpacker.feed(plaintext)
    while (offset := unpacker.tell()) < len(plaintext):
        try:
            unpacked = unpacker.unpack()
        except msgpack.OutOfData:
            raise BadSegment(offset, "cut off") from None
        # ValueError is the base of all that msgpack finds wrong; keys that cannot be hashed are a TypeError.
        except (ValueError, TypeError, RecursionError):
            raise BadSegment(offset, "not msgpack") from None
        yield offset, unpacked


def _header(first: Any) -> SegmentHeader:
    if not isinstance(first, dict) or first.get("format") != FORMAT:
        raise BadSegment(0, "not a segment of a recording")
    if first.get("version") != VERSION:
        raise BadSegment(0, "written by a later version")
    recording, segment, node = first.get("recording"), first.get("segment"), first.get("node")
    if not (isinstance(recording, str) and type(segment) is int and isinstance(node, str)):
        raise BadSegment(0, "the header does not say which segment it is")
    return SegmentHeader(RecordingId(recording), segment, node)


def _records(objects: Iterator[tuple[int, Any]]) -> Iterator[Record]:
    for offset, record in objects:
        if not isinstance(record, tuple) or not record or not _unsigned(record[0], _UINT64):
            raise BadSegment(offset, "not a record")
        kind, *fields = record
        bounds = _BOUNDS.get(kind)
        if bounds is None:
            continue
        numbers = fields[:-1] if kind == RTP_PACKET else fields
        if len(numbers) != len(bounds) or not all(map(_unsigned, numbers, bounds)):
            raise BadSegment(offset, "not an RTP packet" if kind == RTP_PACKET else "not a sender report")
        if kind == SENDER_REPORT:
            yield SenderReport(*fields)
        elif isinstance(fields[-1], bytes) and len(fields[-1]) >= _RTP_HEADER:
            yield RtpPacket(*fields)
        else:
            raise BadSegment(offset, "not an RTP packet")


def _unsigned(value: Any, below: int) -> bool:
    return type(value) is int and 0 <= value < below
