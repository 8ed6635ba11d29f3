"""All voices in one: decoded, put one after the other without seams, added up, and kept from clipping.

Memory is bounded by the longest packet. Times are samples at 48 kHz since the recording began.
"""

from collections.abc import Iterator, Sequence
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from media_server.recording.export.opus import RATE

FRAME = 1024
"""Samples, as AAC takes them."""

BEHIND = RATE // 10
"""A voice may be so far behind its time, while it catches up."""

_MOST_LOUD = 32_767
# Beyond this, loudness is bent towards the limit instead of being cut off at it.
_KNEE = 0.7
# A voice so far from its time is brought there by playing it faster or slower, by one in so many samples,
# which no ear can tell. What is further off is put in its place at once.
_TOLERATED, _CAUGHT_UP = RATE // 1000, RATE // 20
_STRETCH = 240

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]


class Mixer:
    def __init__(self, labels: Sequence[int]) -> None:
        self._voices = {label: _Voice() for label in labels}
        self._begin = 0
        self._sum = np.zeros(0, np.float32)

    def add(self, label: int, at: int, samples: int, packet: bytes) -> None:
        """In the order of `at`. Every packet is decoded, silence too, so that decoders keep their thread."""
        place, sound = self._voices[label].place(at, samples, packet)
        start = place - self._begin
        if start < 0:  # its beginning has been taken
            sound, start = sound[-start:], 0
        end = start + sound.size
        if end > self._sum.size:
            self._sum = np.concatenate([self._sum, np.zeros(end - self._sum.size, np.float32)])
        self._sum[start:end] += sound

    def take(self, until: int) -> Iterator[Samples]:
        """All whole frames up to there, to which nothing will be added any more."""
        while self._begin + FRAME <= until:
            frame, self._sum = self._sum[:FRAME], self._sum[FRAME:]
            self._begin += FRAME
            yield _limited(np.pad(frame, (0, FRAME - frame.size)))


class _Voice:
    """One track's sound, seamless: where a clock drifts, it is played a little faster or slower."""

    def __init__(self) -> None:
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = RATE
        self._decoder.layout = "stereo"
        self._resampler = av.AudioResampler("fltp", "stereo", RATE)
        self._heard = 0

    def place(self, at: int, samples: int, packet: bytes) -> tuple[int, Floats]:
        """What is heard, and from when on."""
        sound = self._decoded(samples, packet)
        off = at - self._heard
        if abs(off) >= _CAUGHT_UP:
            self._heard = at
        elif abs(off) >= _TOLERATED and sound.size:
            most = max(sound.size // _STRETCH, 1)
            wanted = sound.size + min(max(off, -most), most)
            places = np.linspace(0, sound.size - 1, wanted, dtype=np.float32)
            sound = np.interp(places, np.arange(sound.size), sound).astype(np.float32)
        place = self._heard
        self._heard += sound.size
        return place, sound

    def _decoded(self, samples: int, packet: bytes) -> Floats:
        try:
            frames = [
                stereo.to_ndarray().mean(axis=0)
                for frame in self._decoder.decode(av.Packet(packet))
                for stereo in self._resampler.resample(frame)
            ]
        except av.FFmpegError:  # hostile bits
            return np.zeros(samples, np.float32)
        if not frames:
            return np.zeros(samples, np.float32)
        return np.concatenate(frames).astype(np.float32)


def _limited(samples: Floats) -> Samples:
    loud = np.abs(samples)
    over = np.maximum(loud - _KNEE, 0)
    bent = np.where(over > 0, _KNEE + (1 - _KNEE) * np.tanh(over / (1 - _KNEE)), loud)
    return cast(Samples, (np.sign(samples) * bent * _MOST_LOUD).astype(np.int16))
