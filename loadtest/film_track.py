"""A film (loadtest/film.py) as a pair of aiortc tracks, played round and round without decoding or encoding.

aiortc's own player, told to loop, starts its timestamps again at 0, which no receiver can follow; here they
only grow. A sender of ready-made pictures cannot make a key frame when asked: the film has many.
"""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from loadtest.film import OPUS_FRAME, SAMPLE_RATE


class Clock:
    """What keeps the two tracks of one film together: the moment its first packet was asked for."""

    def __init__(self) -> None:
        self.start_s: float | None = None

    async def reach(self, media_s: Fraction) -> None:
        """Sleep until `media_s` seconds of the film have passed."""
        now = asyncio.get_running_loop().time()
        if self.start_s is None:
            self.start_s = now
        await asyncio.sleep(max(0.0, self.start_s + float(media_s) - now))


class FilmTrack(MediaStreamTrack):
    """One stream of a film, encoded packets at their time, for ever."""

    def __init__(self, kind: str, packets: list[bytes], each: Fraction, clock: Clock) -> None:
        """`each`: seconds that one packet lasts; counted, as Matroska rounds its times to milliseconds."""
        self.kind = kind
        super().__init__()
        self._packets = packets
        self._each = each
        self._clock = clock
        self._sequence = self._endless()

    def _endless(self) -> Iterator[tuple[Fraction, bytes]]:
        for index in count():
            yield index * self._each, self._packets[index % len(self._packets)]

    async def recv(self) -> "Packet[Any]":
        """The next packet, when its time has come. Raises MediaStreamError once stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        media_s, data = next(self._sequence)
        await self._clock.reach(media_s)
        packet: Packet[Any] = Packet(data)
        packet.time_base = self._each
        packet.pts = int(media_s / self._each)
        return packet


def play(path: Path, clock: Clock | None = None) -> tuple[FilmTrack, FilmTrack]:
    """The film's (video, audio), in step; `clock` tells when they began.

    Raises ValueError when one is missing, av.FFmpegError.
    """
    with av.open(str(path)) as container:
        if not container.streams.video or not container.streams.audio:
            raise ValueError("a film needs video and audio")
        picture_s = 1 / Fraction(container.streams.video[0].average_rate or 1)
        video: list[bytes] = []
        audio: list[bytes] = []
        for packet in container.demux(container.streams.video[0], container.streams.audio[0]):
            if packet.size:
                (video if packet.stream.type == "video" else audio).append(bytes(packet))
    sound_s = Fraction(OPUS_FRAME, SAMPLE_RATE)
    del audio[int(len(video) * picture_s / sound_s) :]  # the encoder's tail would let them drift apart
    clock = Clock() if clock is None else clock
    return FilmTrack("video", video, picture_s, clock), FilmTrack("audio", audio, sound_s, clock)
