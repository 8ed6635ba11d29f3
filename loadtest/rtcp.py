"""The little RTCP a synthetic participant needs (RFC 3550 §6, RFC 4585 §6). Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970


@dataclass(frozen=True, slots=True)
class Nack:
    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    pass


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp_middle: int  # the middle 32 bits, as LSR takes them


Rtcp = Nack | KeyframeRequest | TransportFeedback | SenderReport


def is_rtcp(packet: bytes) -> bool:
    """RFC 5761 §4: packet types 192..223 where RTP has marker and payload type."""
    return len(packet) > 1 and 192 <= packet[1] <= 223


def sender_report(ssrc: int, unix_s: float, timestamp: int, packets: int, octets: int) -> bytes:
    """SR with an SDES CNAME behind it, as a compound needs one."""
    ntp = int((unix_s + NTP_EPOCH_S) * (1 << 32))
    report = struct.pack(
        "!BBHIQIII", 0x80, 200, 6, ssrc, ntp, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return report + _cname(ssrc)


def receiver_report(ssrc: int, blocks: list[tuple[int, int, int]]) -> bytes:
    """RR of up to 31 streams: (ssrc, highest extended sequence, LSR), telling of no loss and no delay."""
    body = b"".join(struct.pack("!IIIIII", of, 0, highest, 0, lsr, 0) for of, highest, lsr in blocks[:31])
    count = len(body) // 24
    return struct.pack("!BBHI", 0x80 | count, 201, 1 + 6 * count, ssrc) + body + _cname(ssrc)


def nack(ssrc: int, of: int, sequence: int) -> bytes:
    """A generic NACK of one packet (RFC 4585 §6.2.1)."""
    return struct.pack("!BBHIIHH", 0x81, 205, 3, ssrc, of, sequence, 0)


def keyframe_request(ssrc: int, of: int) -> bytes:
    """A PLI (RFC 4585 §6.3.1)."""
    return struct.pack("!BBHII", 0x81, 206, 2, ssrc, of)


def parse(compound: bytes) -> Iterator[Rtcp]:
    """What concerns us in a compound; the rest, and whatever is cut short, is skipped."""
    while len(compound) >= 8:
        format_, type_, words = compound[0] & 31, compound[1], int.from_bytes(compound[2:4])
        packet, compound = compound[: 4 * words + 4], compound[4 * words + 4 :]
        if len(packet) < 12:
            continue
        match type_, format_:
            case 205, 1:
                yield Nack(int.from_bytes(packet[8:12]), tuple(_nacked(packet[12:])))
            case 205, 15:
                yield TransportFeedback()
            case 206, 1:
                yield KeyframeRequest(int.from_bytes(packet[8:12]))
            case 206, 4 if len(packet) >= 16:
                yield KeyframeRequest(int.from_bytes(packet[12:16]))
            case 200, _ if len(packet) >= 28:
                yield SenderReport(int.from_bytes(packet[4:8]), int.from_bytes(packet[10:14]))
            case _:
                pass


def _nacked(pairs: bytes) -> Iterator[int]:
    for first, following in struct.iter_unpack("!HH", pairs[: len(pairs) // 4 * 4]):
        yield first
        for bit in range(16):
            if following >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def _cname(ssrc: int) -> bytes:
    item = b"\x01\x08loadtest\x00\x00"  # CNAME, its length, the text, the end of items, padding
    return struct.pack("!BBHI", 0x81, 202, 1 + len(item) // 4, ssrc) + item
