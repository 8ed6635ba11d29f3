"""Opus packets (RFC 6716 §3, RFC 7587 §4): how long they last, and silence. Pure.

A packet that passes `duration` is one that every decoder takes: behind the framing, any bits are sound.
"""

import struct

from media_server.recording.export.errors import Malformed

RATE = 48_000
"""Samples a second: of the RTP clock and of every decoder, whatever was captured."""

HEADER = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, RATE, 0, 0)
"""RFC 7845 §5.1: stereo, and nothing to skip, since a live stream begins in its middle."""

# Samples of a frame by the configuration of the TOC byte (§3.1, table 2).
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
_FRAME = _SILK * 3 + _HYBRID * 2 + _CELT * 4
_LONGEST = 5760  # [R5]: 120 ms
_LARGEST_FRAME = 1275  # [R2]

SILENCES = tuple((_CELT[index], bytes([28 + index << 3 | 4, 0xFF, 0xFE])) for index in (3, 2, 1, 0))
"""(samples, packet), longest first: fullband CELT, stereo. Its first symbol says that the frame is silent
(§4.3), which 0xFF 0xFE spells.
"""


def duration(packet: bytes) -> int:
    """Samples at 48 kHz. Raises Malformed for what violates §3.4."""
    if not packet:
        raise Malformed("an Opus packet is empty")
    frame = _FRAME[packet[0] >> 3]
    match packet[0] & 3:
        case 0:
            count = 1
            _check_frame(len(packet) - 1)
        case 1:
            count = 2
            if (len(packet) - 1) % 2:
                raise Malformed("two equal Opus frames of odd size")  # [R3]
            _check_frame((len(packet) - 1) // 2)
        case 2:
            count = 2
            size, start = _length(packet, 1)
            _check_frame(len(packet) - start - size)
        case _:
            count = _check_many(packet)
    if count * frame > _LONGEST:
        raise Malformed("an Opus packet lasts longer than 120 ms")
    return count * frame


def _check_many(packet: bytes) -> int:
    """Code 3 (§3.2.5): how many frames. Raises Malformed."""
    if len(packet) < 2:
        raise Malformed("an Opus packet is cut off")
    count = packet[1] & 0x3F
    if not count:
        raise Malformed("an Opus packet without frames")
    start, padding = 2, 0
    if packet[1] & 0x40:
        more = 255
        while more == 255:
            if start >= len(packet):
                raise Malformed("an Opus packet is cut off in its padding")
            more = packet[start]
            padding += min(more, 254)
            start += 1
    if packet[1] & 0x80:
        for _ in range(count - 1):
            size, start = _length(packet, start)
            padding += size
        _check_frame(len(packet) - start - padding)
    else:
        size, odd = divmod(len(packet) - start - padding, count)
        if odd:
            raise Malformed("equal Opus frames that do not fill the packet")  # [R6]
        _check_frame(size)
    return count


def _length(packet: bytes, start: int) -> tuple[int, int]:
    """§3.2.1: a frame's size and what follows it. Raises Malformed."""
    if start >= len(packet):
        raise Malformed("an Opus packet is cut off")
    first = packet[start]
    if first < 252:
        return first, start + 1
    if start + 1 >= len(packet):
        raise Malformed("an Opus packet is cut off")
    return first + 4 * packet[start + 1], start + 2


def _check_frame(size: int) -> None:
    if not 0 <= size <= _LARGEST_FRAME:
        raise Malformed("an Opus frame of impossible size")
