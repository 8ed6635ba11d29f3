"""Made-up media in real RTP (RFC 3550): right for a forwarder, nothing for a decoder. Pure.

Each packet carries in its encrypted payload which stream it is of, its number and when it was sent, so that
a receiver measures loss and latency whatever the server renumbers. Times are nanoseconds since 1970, the
clock of the kernel's receive timestamps; both ends are on one machine.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Clock = Callable[[], int]  # nanoseconds, as time_ns

MID, AUDIO_LEVEL, TRANSPORT_CC = 1, 2, 3  # header extension ids of our offers (RFC 8285 §4.2)
TRAILER = struct.Struct("!4sIIQ")  # magic, stream, number, sent (ns)
MAGIC = b"tlcs"
HISTORY = 512  # packets kept for retransmission; the oldest goes first
AUDIO_PTIME_MS = 20
AUDIO_SIZE = 100  # payload bytes, with the trailer
VIDEO_SIZE = 1150
KEYFRAME_FACTOR = 5  # a key frame is so many times as large as the others


@dataclass(frozen=True, slots=True)
class Stamp:
    stream: int
    number: int
    sent_ns: int


def read_stamp(payload: bytes) -> Stamp | None:
    """The stamp at the end of a decrypted payload, None when it is not of our making."""
    if len(payload) < TRAILER.size:
        return None
    magic, stream, number, sent_ns = TRAILER.unpack_from(payload, len(payload) - TRAILER.size)
    return Stamp(stream, number, sent_ns) if magic == MAGIC else None


@dataclass(slots=True)
class TransportCounter:
    """The transport-wide sequence number: one for all that a participant sends."""

    next: int = 0

    def take(self) -> int:
        self.next = (self.next + 1) & 0xFFFF
        return self.next


@dataclass(slots=True)
class Stream:
    """Numbers of one sent stream. `timestamp` is that of the last packet, in the codec's ticks."""

    id: int
    ssrc: int
    payload_type: int
    mid: str
    counter: TransportCounter
    rtx_ssrc: int | None = None
    rtx_payload_type: int | None = None
    sequence: int = 0
    timestamp: int = 0
    number: int = 0
    octets: int = 0
    rtx_sequence: int = 0
    _history: OrderedDict[int, bytes] = field(default_factory=OrderedDict)

    def packet(self, payload: bytes, *, marker: bool, level: int | None = None) -> bytes:
        """One plain RTP packet, kept for retransmission when the stream has RTX."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.number += 1
        self.octets += len(payload)
        if self.rtx_ssrc is not None:
            self._history[self.sequence] = payload
            if len(self._history) > HISTORY:
                self._history.popitem(last=False)
        header = self._header(self.payload_type, marker, self.sequence, self.ssrc)
        return header + self._extensions(level) + payload

    def again(self, sequence: int) -> bytes | None:
        """The retransmission of a packet (RFC 4588 §4), None when it is no longer held."""
        payload = self._history.get(sequence)
        if payload is None or self.rtx_ssrc is None or self.rtx_payload_type is None:
            return None
        self.rtx_sequence = (self.rtx_sequence + 1) & 0xFFFF
        header = self._header(self.rtx_payload_type, False, self.rtx_sequence, self.rtx_ssrc)
        return header + self._extensions(None) + sequence.to_bytes(2) + payload

    def _header(self, payload_type: int, marker: bool, sequence: int, ssrc: int) -> bytes:
        return struct.pack("!BBHII", 0x90, marker << 7 | payload_type, sequence, self.timestamp, ssrc)

    def _extensions(self, level: int | None) -> bytes:
        """One-byte header extensions (RFC 8285 §4.2), padded to whole words."""
        mid = self.mid.encode()
        elements = bytes([MID << 4 | len(mid) - 1]) + mid
        if level is not None:
            elements += bytes([AUDIO_LEVEL << 4, 0x80 | level])
        elements += bytes([TRANSPORT_CC << 4 | 1]) + self.counter.take().to_bytes(2)
        elements += bytes(-len(elements) % 4)
        return struct.pack("!HH", 0xBEDE, len(elements) // 4) + elements


class Audio:
    """Opus-shaped: 50 packets a second, all alike."""

    def __init__(self, stream: Stream, size: int = AUDIO_SIZE) -> None:
        self.stream = stream
        self._filling = bytes([0xF8]) + bytes(range(1, size - TRAILER.size))  # TOC byte: CELT, 20 ms, mono

    def packets(self, clock: Clock) -> Iterator[bytes]:
        """What is due each 20 ms."""
        stream = self.stream
        stream.timestamp = (stream.timestamp + 48 * AUDIO_PTIME_MS) & 0xFFFFFFFF
        payload = self._filling + TRAILER.pack(MAGIC, stream.id, stream.number, clock())
        # -20 dBov and now and then louder, as a voice would be.
        yield stream.packet(payload, marker=False, level=20 - stream.number % 10)


class Video:
    """VP8-shaped (RFC 7741): frames in bursts of equal packets, key frames first and when asked for."""

    def __init__(
        self, stream: Stream, *, bitrate_bps: int = 1_200_000, frames_per_s: int = 30, size: int = VIDEO_SIZE
    ) -> None:
        self.stream = stream
        self.frames_per_s = frames_per_s
        self.keyframe_wanted = True
        self._picture = 0
        self._packets_per_frame = bitrate_bps / 8 / size / frames_per_s
        self._owed = 0.0
        self._size = size

    def packets(self, clock: Clock) -> Iterator[bytes]:
        """The next frame, each packet stamped as it is made: send it before taking the next."""
        stream = self.stream
        stream.timestamp = (stream.timestamp + 90_000 // self.frames_per_s) & 0xFFFFFFFF
        self._picture = (self._picture + 1) & 0x7FFF
        key, self.keyframe_wanted = self.keyframe_wanted, False
        self._owed += self._packets_per_frame
        count = max(1, int(self._owed))
        self._owed -= count
        if key:
            count *= KEYFRAME_FACTOR
        for index in range(count):
            yield stream.packet(self._payload(index == 0, key, clock()), marker=index == count - 1)

    def _payload(self, first: bool, key: bool, now_ns: int) -> bytes:
        # Payload descriptor (RFC 7741 §4.2): X, S on the first packet; I with a picture id of 15 bits.
        head = struct.pack("!BBH", 0x90 if first else 0x80, 0x80, 0x8000 | self._picture)
        if first:
            # Frame tag (RFC 6386 §9.1): bit 0 clear is a key frame, then the start code, 640 by 480.
            head += b"\x10\x02\x00\x9d\x01\x2a\x80\x02\xe0\x01" if key else b"\x11\x02\x00"
        filling = bytes(self._size - len(head) - TRAILER.size)
        return head + filling + TRAILER.pack(MAGIC, self.stream.id, self.stream.number, now_ns)
