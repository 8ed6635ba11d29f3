"""A publisher whose every RTP byte a test chooses, over real ICE, DTLS and SRTP, and what its tap holds."""

import asyncio
import secrets
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgpack

from loadtest.dtls_client import SrtpProfile, identity
from loadtest.lean_sdp import VP8, VP8_RTX, Section, new_section, read_answer, write_offer
from loadtest.media_socket import MediaSocket
from sfu import PublishWish, Sfu, Tap, TapBatch, TappedTrack, TrackId, Transport

TIMEOUT_S = 15.0
LABEL = 7


@dataclass
class Publisher:
    """One video track of nothing but what `send` is given."""

    transport: Transport
    track: TrackId
    section: Section
    media: MediaSocket

    def packet(self, number: int, rest: bytes = b"", *, flags: int = 0, ending: bytes = b"") -> bytes:
        """RTP with a VP8 payload; `flags` go into the first byte, `rest` behind the fixed header."""
        fixed = struct.pack("!BBHII", 0x80 | flags, VP8, number, number * 3000, self.section.ssrc)
        return fixed + rest + b"\x10\x01" + bytes([number % 256]) * 50 + ending

    def again(self, packet: bytes, rtx_number: int) -> bytes:
        """The retransmission of a packet without CSRCs and extension (RFC 4588 §4)."""
        fixed = struct.pack("!BBH4sI", packet[0], VP8_RTX, rtx_number, packet[4:8], self.section.rtx_ssrc)
        return fixed + packet[2:4] + packet[12:]


@asynccontextmanager
async def a_publisher(sfu: Sfu) -> AsyncIterator[Publisher]:
    transport = sfu.open_transport()
    section, ufrag, pwd = new_section(0, "video", "sendonly"), secrets.token_hex(4), secrets.token_hex(12)
    offer = write_offer([section], ufrag, pwd, identity().fingerprint, 1)
    answer = transport.answer(offer, {section.mid: PublishWish()})
    media = MediaSocket(
        read_answer(answer.sdp), ufrag, pwd, SrtpProfile.AEAD_AES_128_GCM, None, lambda _: None
    )
    try:
        await media.connect()
        yield Publisher(transport, answer.published[0].id, section, media)
    finally:
        media.close()


@dataclass
class Recorded:
    """All batches of one tap so far."""

    tap: Tap
    batches: list[TapBatch] = field(default_factory=list)

    @property
    def records(self) -> list[list[object]]:
        unpacker = msgpack.Unpacker()
        for batch in self.batches:
            unpacker.feed(batch.data)
        return [*unpacker]

    @property
    def packets(self) -> list[bytes]:
        """The RTP in it, in the order in which it came."""
        return [packet for kind, *_, packet in self.records if kind == 0 and isinstance(packet, bytes)]

    @property
    def tracks(self) -> list[TappedTrack]:
        return [track for batch in self.batches for track in batch.tracks]

    async def until(self, done: Callable[[], bool]) -> None:
        """The data plane does not tell when there is something, so it is asked again and again."""
        async with asyncio.timeout(TIMEOUT_S):
            while not done():
                await asyncio.sleep(0.02)
                self.batches.append(self.tap.drain())

    def stop(self) -> None:
        self.batches.append(self.tap.stop())
