"""All voices in one: decoded, added up, and kept from clipping. Memory is bounded by the longest packet.

Times are samples at 48 kHz since the recording began.
"""

from collections.abc import Iterator, Sequence
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from media_server.recording.export.opus import RATE

FRAME = 1024  # samples, as AAC takes them
# A packet may begin before the time up to which is taken, and reach beyond it.
_AHEAD = RATE
_LOUDEST = 32_767
# Beyond this, loudness is bent towards the limit instead of being cut off at it.
_KNEE = 0.7

Samples = NDArray[np.int16]


class Mixer:
    def __init__(self, labels: Sequence[int]) -> None:
        self._voices = {label: _decoder() for label in labels}
        self._resamplers = {label: av.AudioResampler("flt", "mono", RATE) for label in labels}
        self._begin = 0
        self._sum = np.zeros(_AHEAD, np.float32)

    def add(self, label: int, at: int, packet: bytes) -> None:
        """In the order of `at`. Every packet is decoded, silence too, so that decoders keep their thread."""
        samples = self._decoded(label, packet)
        start = at - self._begin
        if start < 0:  # its beginning has been taken: a clock that was set back
            samples, start = samples[-start:], 0
        end = start + samples.size
        if end > self._sum.size:
            self._sum = np.concatenate([self._sum, np.zeros(end - self._sum.size, np.float32)])
        self._sum[start:end] += samples

    def take(self, until: int) -> Iterator[Samples]:
        """All whole frames up to there, to which nothing will be added any more."""
        while self._begin + FRAME <= until:
            if self._sum.size < FRAME:
                self._sum = np.zeros(_AHEAD, np.float32)
            yield _limited(self._sum[:FRAME])
            self._sum = self._sum[FRAME:]
            self._begin += FRAME

    def _decoded(self, label: int, packet: bytes) -> NDArray[np.float32]:
        try:
            frames = [
                mono
                for frame in self._voices[label].decode(av.Packet(packet))
                for mono in self._resamplers[label].resample(frame)
            ]
        except av.FFmpegError:
            return np.zeros(0, np.float32)  # hostile bits
        if not frames:
            return np.zeros(0, np.float32)
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.float32)


def _decoder() -> av.AudioCodecContext:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = RATE
    decoder.layout = "stereo"
    return decoder


def _limited(samples: NDArray[np.float32]) -> Samples:
    loud = np.abs(samples)
    over = np.maximum(loud - _KNEE, 0)
    bent = np.where(over > 0, _KNEE + (1 - _KNEE) * np.tanh(over / (1 - _KNEE)), loud)
    return cast(Samples, (np.sign(samples) * bent * _LOUDEST).astype(np.int16))
