"""What a film shows and sounds like, decoded from start to end; any error of the decoder is one here."""

from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray


@dataclass
class Seen:
    """One stream. `at_s` and `sizes` of each frame; `light`: the mean luma of each; `sound`: mono samples."""

    kind: str
    metadata: dict[str, str]
    at_s: list[float] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    light: list[float] = field(default_factory=list)
    sound: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def longest_hole_s(self) -> float:
        """Between the beginnings of two frames."""
        return float(max(np.diff(self.at_s)))


@dataclass
class Film:
    duration_s: float
    streams: list[Seen]

    def of(self, kind: str) -> list[Seen]:
        return [stream for stream in self.streams if stream.kind == kind]


def decoded(path: Path) -> Film:
    with av.open(str(path)) as container:
        streams = [Seen(stream.type, dict(stream.metadata)) for stream in container.streams]
        _decode(container, streams)
        assert container.duration is not None
        return Film(container.duration / 1e6, streams)


def _decode(container: InputContainer, streams: list[Seen]) -> None:
    sounds: dict[int, list[NDArray[np.float32]]] = {}
    last_dts_s = 0.0
    for packet in container.demux():
        if packet.dts is not None:
            # Streams stand beside each other in the file, so that it plays without seeking.
            dts_s = float(packet.dts * packet.time_base)
            assert dts_s > last_dts_s - 12, f"{dts_s} stands after {last_dts_s}"
            last_dts_s = max(last_dts_s, dts_s)
        for frame in packet.decode():
            seen = streams[packet.stream_index]
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            assert frame.time is not None
            seen.at_s.append(frame.time)
            if isinstance(frame, av.VideoFrame):
                seen.sizes.append((frame.width, frame.height))
                seen.light.append(float(frame.to_ndarray(format="gray").mean()))
            else:
                sounds.setdefault(packet.stream_index, []).append(_mono(frame))
    for index, parts in sounds.items():
        streams[index].sound = np.concatenate(parts)


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    samples = frame.to_ndarray().astype(np.float32)
    assert frame.format.is_planar
    return np.asarray(samples.mean(axis=0), np.float32)
