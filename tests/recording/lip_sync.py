"""How far sound is from its picture in a film of flashes and beeps, which began in the same instants."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import av
import numpy as np

# Of 255: between a black and a white picture. Of 1: between silence and a beep.
_BRIGHT = 110
_LOUD = 0.08
# Beginnings further apart than this belong to different flashes.
_NEAREST_S = 0.5
_QUIET_S = 0.3


def flashes_s(film: Path, stream: int) -> list[float]:
    """When the picture of a video stream turned bright, seconds of the film."""
    return _beginnings(
        [
            (frame.time, float(frame.to_ndarray(format="gray")[: frame.height * 3 // 4].mean()) > _BRIGHT)
            for frame in _frames(film, stream)
            if isinstance(frame, av.VideoFrame) and frame.time is not None
        ]
    )


def beeps_s(film: Path, stream: int) -> list[float]:
    """When a sound stream became loud."""
    moments: list[tuple[float, bool]] = []
    for frame in _frames(film, stream):
        if not isinstance(frame, av.AudioFrame) or frame.time is None:
            continue
        samples = frame.to_ndarray().reshape(-1) if not frame.format.is_planar else frame.to_ndarray()[0]
        channels = 1 if frame.format.is_planar else len(frame.layout.channels)
        scale = 32768 if np.issubdtype(samples.dtype, np.integer) else 1.0
        loud = np.abs(samples[::channels]) / scale > _LOUD
        # One moment each millisecond.
        step = frame.sample_rate // 1000
        for index in range(0, loud.size - step + 1, step):
            moments.append((frame.time + index / frame.sample_rate, bool(loud[index : index + step].any())))
    return _beginnings(moments)


def offset_ms(film: Path, video: int, audio: int) -> float:
    """The median of how much later beeps begin than their flashes, in milliseconds. Raises AssertionError."""
    flashes, beeps = flashes_s(film, video), beeps_s(film, audio)
    offsets = []
    for flash in flashes:
        nearest = min(beeps, key=lambda beep: abs(beep - flash), default=None)
        if nearest is not None and abs(nearest - flash) < _NEAREST_S:
            offsets.append(1000 * (nearest - flash))
    assert len(offsets) >= 3, f"{len(flashes)} flashes, {len(beeps)} beeps"
    return median(offsets)


def _frames(film: Path, stream: int) -> Sequence[av.VideoFrame | av.AudioFrame]:
    with av.open(str(film)) as container:
        decoded = container.decode(container.streams[stream])
        return [frame for frame in decoded if isinstance(frame, av.VideoFrame | av.AudioFrame)]


def _beginnings(moments: list[tuple[float, bool]]) -> list[float]:
    """Where `True` begins, after some time of `False`."""
    found: list[float] = []
    quiet_since: float | None = None
    for at, on in moments:
        if on:
            if quiet_since is not None and at - quiet_since >= _QUIET_S:
                found.append(at)
            quiet_since = None
        elif quiet_since is None:
            quiet_since = at
    return found
