"""The one picture that all pictures are shown in: cells beside each other, black where nothing is."""

import math
from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

from media_server.recording.export.opening import TrackInfo

CELL_WIDTH, CELL_HEIGHT = 640, 480
_BLACK = (16, 128, 128)  # ITU-R BT.601, limited range
_SHRINK = (1, 2, 2)  # YUV 4:2:0

Plane = NDArray[np.uint8]


def places(tracks: Sequence[TrackInfo]) -> dict[int, int]:
    """Each track's cell, by label. One that has ended leaves its cell, to its participant's next one before
    all others: whoever reloads the page stays where he was.
    """
    cells: list[list[TrackInfo]] = []
    # Patients on the left, whoever came first; what is shared on a screen comes last.
    for track in sorted(tracks, key=lambda track: (track.begin_s, *_rank(track))):
        free = [cell for cell in cells if cell[-1].end_s <= track.begin_s]
        mine = [cell for cell in free if _owner(cell[-1]) == _owner(track)]
        if free:
            (mine or free)[0].append(track)
        else:
            cells.append([track])
    cells.sort(key=lambda cell: _rank(cell[0]))
    return {track.label: place for place, cell in enumerate(cells) for track in cell}


def _rank(track: TrackInfo) -> tuple[bool, bool]:
    return (track.source == "screen", track.role == "doctor")


def _owner(track: TrackInfo) -> tuple[str, str]:
    return (track.participant, track.source)


class Wall:
    """Two cells in a row where there are up to four, else as many columns as rows."""

    def __init__(self, cells: int) -> None:
        self._columns = min(cells, 2) if cells <= 4 else math.ceil(math.sqrt(cells))
        rows = math.ceil(cells / self._columns)
        self.width, self.height = self._columns * CELL_WIDTH, rows * CELL_HEIGHT
        self._planes = [
            np.full((self.height // shrink, self.width // shrink), black, np.uint8)
            for shrink, black in zip(_SHRINK, _BLACK, strict=True)
        ]

    def show(self, place: int, picture: av.VideoFrame) -> None:
        """Scaled to fit, in the middle of its cell, black around it."""
        scale = min(CELL_WIDTH / picture.width, CELL_HEIGHT / picture.height)
        width = max(2, int(picture.width * scale) // 2 * 2)
        height = max(2, int(picture.height * scale) // 2 * 2)
        fitted = picture.reformat(width, height, "yuv420p")
        self.clear(place)
        left, top = (CELL_WIDTH - width) // 4 * 2, (CELL_HEIGHT - height) // 4 * 2
        for cell, source, shrink in zip(self._cells(place), fitted.planes, _SHRINK, strict=True):
            pixels = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)
            cell[top // shrink : (top + height) // shrink, left // shrink : (left + width) // shrink] = (
                pixels[: height // shrink, : width // shrink]
            )

    def clear(self, place: int) -> None:
        for cell, black in zip(self._cells(place), _BLACK, strict=True):
            cell[:] = black

    def frame(self) -> av.VideoFrame:
        stacked = np.concatenate([plane.reshape(-1) for plane in self._planes])
        return av.VideoFrame.from_ndarray(stacked.reshape(self.height * 3 // 2, self.width), "yuv420p")

    def _cells(self, place: int) -> list[Plane]:
        """The cell's part of each plane."""
        row, column = divmod(place, self._columns)
        found: list[Plane] = []
        for plane, shrink in zip(self._planes, _SHRINK, strict=True):
            width, height = CELL_WIDTH // shrink, CELL_HEIGHT // shrink
            found.append(plane[row * height : (row + 1) * height, column * width : (column + 1) * width])
        return found
