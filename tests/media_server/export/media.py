"""Really encoded media: pictures that flash and voices that beep in the same instants, once a second."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import NamedTuple, cast

import av
import numpy as np
from numpy.typing import NDArray

FPS = 25
OPUS_SAMPLES = 960
RATE = 48_000
FLASH_S = 0.2
FIRST_FLASH_S = 0.52  # where a picture begins, and a packet of sound

os.environ.setdefault("SVT_LOG", "0")  # only errors

_ENCODERS = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency"}),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1"}),
}


class Coded(NamedTuple):
    """`at_s`: when it was captured, from the beginning of the stream."""

    at_s: float
    data: bytes
    key: bool


def bright(at_s: float) -> bool:
    return at_s >= FIRST_FLASH_S and (at_s - FIRST_FLASH_S) % 1 < FLASH_S


@cache
def video(
    codec: str, seconds: float, width: int = 160, height: int = 120, level: int = 0, gop: int = FPS
) -> tuple[Coded, ...]:
    """Flashes once a second, from FIRST_FLASH_S on. `level`: how bright it is otherwise."""
    with _as_scheduled():
        return _video(codec, seconds, width, height, level, gop)


def _video(codec: str, seconds: float, width: int, height: int, level: int, gop: int) -> tuple[Coded, ...]:
    name, options = _ENCODERS[codec]
    encoder = cast(av.VideoCodecContext, av.CodecContext.create(name, "w"))
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    encoder.gop_size, encoder.options = gop, options
    if codec != "av1":
        encoder.bit_rate = 200_000
    noise = np.random.default_rng(1).integers(0, 12, (height, width), np.uint8)
    coded: list[av.Packet[av.VideoStream]] = []
    for number in range(round(seconds * FPS)):
        light = 215 if bright(number / FPS) else 20 + level
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = np.roll(noise, number, axis=1) + light
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        coded += encoder.encode(frame)
    coded += encoder.encode(None)
    return tuple(Coded((packet.pts or 0) / FPS, bytes(packet), packet.is_keyframe) for packet in coded)


@contextmanager
def _as_scheduled() -> Iterator[None]:
    """SVT-AV1, as root, makes the thread that calls it a real-time one (SCHED_FIFO 99). All that the tests
    start later would inherit that, and one browser that spins would have the machine to itself.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


@cache
def voice(seconds: float, frequency: float = 1000.0, loudness: float = 0.5) -> tuple[Coded, ...]:
    """Beeps when the picture flashes; a hum too soft to be one in between."""
    times = np.arange(round(seconds * RATE)) / RATE
    on = (times >= FIRST_FLASH_S) & ((times - FIRST_FLASH_S) % 1 < FLASH_S)
    samples = np.sin(2 * np.pi * frequency * times) * np.where(on, loudness, loudness / 100)
    return opus(samples.astype(np.float32))


@cache
def tone(seconds: float, frequency: float = 440.0, loudness: float = 0.5) -> tuple[Coded, ...]:
    times = np.arange(round(seconds * RATE)) / RATE
    return opus((np.sin(2 * np.pi * frequency * times) * loudness).astype(np.float32))


def opus(samples: NDArray[np.float32]) -> tuple[Coded, ...]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "flt"
    encoder.time_base, encoder.bit_rate = Fraction(1, RATE), 64_000
    packets: list[av.Packet[av.AudioStream]] = []
    for start in range(0, samples.size - OPUS_SAMPLES + 1, OPUS_SAMPLES):
        block = samples[start : start + OPUS_SAMPLES].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        packets += encoder.encode(frame)
    step_s = OPUS_SAMPLES / RATE
    return tuple(Coded(index * step_s, bytes(packet), True) for index, packet in enumerate(packets))
