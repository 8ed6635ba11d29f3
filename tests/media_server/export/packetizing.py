"""RTP payloads of encoded frames, as a browser would cut them: aiortc's where it has them, else our own."""

from fractions import Fraction

import av
from aiortc.codecs import h264, vpx
from av.stream import Stream

MTU = 900


def payloads_of(codec: str, frame: bytes, *, key: bool = False) -> list[bytes]:
    match codec:
        case "vp8":
            return vpx.Vp8Encoder().pack(_packet(frame))[0]
        case "h264":
            return h264.H264Encoder().pack(_packet(frame))[0]
        case "vp9":
            return vp9(frame, key=key)
        case "av1":
            return av1(frame, key=key)
        case _:
            return [frame]


def vp9(frame: bytes, *, key: bool, mtu: int = MTU) -> list[bytes]:
    """RFC 9628 §4.2, flexible mode off, one layer, a picture id of 15 bits."""
    pieces = [frame[start : start + mtu] for start in range(0, len(frame), mtu)]
    payloads = []
    for index, piece in enumerate(pieces):
        first = (
            0x80 | (0 if key else 0x40) | (8 if index == 0 else 0) | (4 if index == len(pieces) - 1 else 0)
        )
        payloads.append(bytes([first, 0x92, 0x34]) + piece)
    return payloads


def av1(unit: bytes, *, key: bool, mtu: int = MTU) -> list[bytes]:
    """RTP Payload Format For AV1 §4: one element a packet with its size, the last without (W = 1)."""
    payloads: list[bytes] = []
    for obu in obus(unit):
        pieces = [obu[start : start + mtu] for start in range(0, len(obu), mtu)]
        for index, piece in enumerate(pieces):
            first = (0x80 if index else 0) | (0x40 if index < len(pieces) - 1 else 0) | 0x10
            payloads.append(bytes([first]) + piece)
    if key:
        payloads[0] = bytes([payloads[0][0] | 8]) + payloads[0][1:]
    return payloads


def obus(unit: bytes) -> list[bytes]:
    """Without sizes, and without the temporal delimiter, as they travel."""
    found, start = [], 0
    while start < len(unit):
        header = 2 if unit[start] & 4 else 1
        size, at = leb128(unit, start + header)
        if unit[start] >> 3 & 15 != 2:
            head = bytes([unit[start] & ~2]) + unit[start + 1 : start + header]
            found.append(head + unit[at : at + size])
        start = at + size
    return found


def leb128(data: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[start] & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if not data[start - 1] & 0x80:
            return value, start


def _packet(frame: bytes) -> "av.Packet[Stream]":
    packet = av.Packet(frame)
    packet.pts, packet.time_base = 0, Fraction(1, 90_000)
    return packet
