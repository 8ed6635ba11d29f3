"""One valid-looking datagram of each kind that reaches a media port: what mutations start from.

Well-formed, but without the keys: STUN integrity, DTLS and SRTP contents are made up. Real ones of a running
call are added by whoever has a tap on it.
"""

import struct
import zlib
from random import Random

_STUN_MAGIC = 0x2112A442


def shapes(random: Random) -> list[bytes]:
    """Every kind, RFC 7983's ranges all of them visited."""
    return [
        *stun(random),
        *dtls(random),
        *rtp(random),
        *rtcp(random),
        bytes([64]) + random.randbytes(100),  # TURN channel data (RFC 8656), which nobody speaks here
        b"",
    ]


def stun(random: Random) -> list[bytes]:
    """Binding request, indication, success and error response (RFC 8489), with ICE's attributes."""
    ice = [
        _attribute(0x0006, b"serverufrag1:abcd"),
        _attribute(0x0024, struct.pack("!I", 0x6E7F1EFF)),
        _attribute(0x802A, random.randbytes(8)),
        _attribute(0xC057, random.randbytes(4)),
        _attribute(0x0025, b""),
        _attribute(0x0008, random.randbytes(20)),
    ]
    mapped = [_attribute(0x0020, b"\x00\x01" + random.randbytes(6)), _attribute(0x0008, random.randbytes(20))]
    error = [_attribute(0x0009, b"\x00\x00\x04\x01Unauthorized")]
    kinds = [(0x0001, ice), (0x0001, ice[:1]), (0x0001, []), (0x0011, []), (0x0101, mapped), (0x0111, error)]
    return [_stun_message(kind, attributes, random) for kind, attributes in kinds]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _stun_message(kind: int, attributes: list[bytes], random: Random) -> bytes:
    body = b"".join(attributes)
    # FINGERPRINT covers a header that already counts it (RFC 8489 §14.7).
    header = struct.pack("!HHI", kind, len(body) + 8, _STUN_MAGIC) + random.randbytes(12)
    crc = zlib.crc32(header + body) ^ 0x5354554E
    return header + body + struct.pack("!HHI", 0x8028, 4, crc)


def dtls(random: Random) -> list[bytes]:
    """Records of each content type in DTLS 1.2 (RFC 6347 §4.1), one in two fragments, and a 1.3 header."""
    hello = b"\xfe\xfd" + random.randbytes(32) + b"\x00\x00\x00\x04\xc0\x2b\xc0\x2f\x01\x00\x00\x00"
    first, second = hello[:20], hello[20:]
    return [
        _record(22, _handshake(1, hello, 0, hello)),
        _record(22, _handshake(1, hello, 0, first)) + _record(22, _handshake(1, hello, len(first), second)),
        _record(22, _handshake(16, hello, 0, hello)),
        _record(20, b"\x01"),
        _record(21, b"\x02\x28"),
        _record(23, random.randbytes(60), epoch=1),
        bytes([0x2F]) + random.randbytes(40),  # unified header (RFC 9147 §4)
    ]


def _record(kind: int, body: bytes, epoch: int = 0) -> bytes:
    return struct.pack("!BHHHI", kind, 0xFEFD, epoch, 0, 1)[:11] + struct.pack("!H", len(body)) + body


def _handshake(kind: int, whole: bytes, offset: int, part: bytes) -> bytes:
    lengths = len(whole).to_bytes(3, "big") + b"\x00\x00" + offset.to_bytes(3, "big")
    return bytes([kind]) + lengths + len(part).to_bytes(3, "big") + part


def rtp(random: Random) -> list[bytes]:
    """Plain, padded, with CSRCs, with one-byte and two-byte extensions (RFC 8285), RTX and padding-only."""
    one_byte = b"\x10\xaa" + b"\x31\x12\x34" + b"\x41\x30" + b"\x00"
    two_byte = b"\x01\x01\xaa" + b"\x03\x02\x12\x34" + b"\x04\x00" + bytes(3)
    return [
        _rtp(random, 111, random.randbytes(80)),
        _rtp(random, 96, b"\x90\x80\x01" + random.randbytes(1100)),
        _rtp(random, 96, random.randbytes(20) + b"\x00\x00\x00\x04", padded=True),
        _rtp(random, 96, bytes(254) + b"\xff", padded=True),
        _rtp(random, 96, random.randbytes(50), csrcs=15),
        _rtp(random, 96, random.randbytes(50), extension=(0xBEDE, one_byte)),
        _rtp(random, 96, random.randbytes(50), extension=(0x1000, two_byte)),
        _rtp(random, 97, struct.pack("!H", 77) + random.randbytes(500)),
        _rtp(random, 97, b""),
    ]


def _rtp(
    random: Random,
    payload_type: int,
    payload: bytes,
    *,
    padded: bool = False,
    csrcs: int = 0,
    extension: tuple[int, bytes] | None = None,
) -> bytes:
    first = 0x80 | (0x20 if padded else 0) | (0x10 if extension else 0) | csrcs
    header = struct.pack("!BBHII", first, payload_type, random.getrandbits(16), 1000, random.getrandbits(32))
    header += random.randbytes(4 * csrcs)
    if extension is not None:
        profile, data = extension
        data += bytes(-len(data) % 4)
        header += struct.pack("!HH", profile, len(data) // 4) + data
    return header + payload + random.randbytes(16)  # the tag of AES-GCM (RFC 7714 §5)


def rtcp(random: Random) -> list[bytes]:
    """SR, RR, SDES, BYE, APP, and feedback: NACK, PLI, FIR, REMB, transport-wide (RFC 3550, 4585, 5104)."""
    block = random.randbytes(24)
    bodies = [
        (200, 1, random.randbytes(24) + block),
        (201, 1, random.randbytes(4) + block),
        (202, 1, random.randbytes(4) + b"\x01\x04abcd\x00\x00"),
        (203, 1, random.randbytes(4)),
        (204, 0, random.randbytes(4) + b"name" + random.randbytes(8)),
        (205, 1, random.randbytes(8) + struct.pack("!HHHH", 100, 0xFFFF, 65_535, 0x8001)),
        (205, 15, random.randbytes(8) + struct.pack("!HHI", 7, 14, 0x00000100) + b"\x20\x0e" + bytes(16)),
        (206, 1, random.randbytes(8)),
        (206, 4, random.randbytes(8) + random.randbytes(4) + b"\x01\x00\x00\x00"),
        (206, 15, random.randbytes(8) + b"REMB" + b"\x01\x12\x34\x56" + random.randbytes(4)),
    ]
    single = [_rtcp(*body, random) for body in bodies]
    trailer = random.randbytes(16) + struct.pack(
        "!I", 0x80000000 | random.getrandbits(20)
    )  # tag, E and SRTCP index
    return [packet + trailer for packet in single] + [b"".join(single[:3]) + trailer]


def _rtcp(kind: int, count: int, body: bytes, random: Random) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
