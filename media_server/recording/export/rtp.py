"""The RTP header of a recorded packet (RFC 3550 §5.1). Pure."""

import struct
from dataclasses import dataclass

from media_server.recording.export.errors import Malformed
from media_server.recording.format import RtpPacket

_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class Packet:
    """`seq`: the track's own unwrapped number; `arrival_us`: Unix microseconds; `timestamp`: as sent."""

    seq: int
    arrival_us: int
    ssrc: int
    timestamp: int
    marker: bool
    payload: bytes


def parse(record: RtpPacket) -> Packet:
    """Raises Malformed."""
    data = record.packet
    if len(data) < _FIXED.size or data[0] >> 6 != 2:
        raise Malformed("not an RTP packet")
    first, second, _, timestamp, ssrc = _FIXED.unpack_from(data)
    start = _FIXED.size + 4 * (first & 0x0F)
    if first & 0x10:  # a header extension (§5.3.1)
        if len(data) < start + _EXTENSION.size:
            raise Malformed("an RTP header extension is cut off")
        start += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, start)[1]
    # The tap takes padding off; a packet with the bit set is somebody else's, and just as easily read.
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if end < start or (first & 0x20 and not data[-1]):
        raise Malformed("an RTP packet ends inside its header")
    return Packet(record.seq, record.arrival_us, ssrc, timestamp, bool(second & 0x80), data[start:end])
