"""A camera's picture that costs bits: Chromium's own fake one is so even that it needs few."""

from pathlib import Path

import numpy as np

WIDTH, HEIGHT, HZ = 640, 360, 20
_FRAMES = 40
_GRAIN = 16  # of 256: what an encoder spends bits on when it has them, and drops when it has not


def write_busy_picture(path: Path) -> None:
    """Two seconds of drifting hills under grain (YUV4MPEG2), for `--use-file-for-fake-video-capture`."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    chroma = np.full(HEIGHT * WIDTH // 2, 128, np.uint8).tobytes()  # both planes, 4:2:0
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{HZ}:1 Ip A1:1 C420mpeg2\n".encode())
        for index in range(_FRAMES):
            drift = 2 * np.pi * index / _FRAMES  # a whole turn, so that the end joins the beginning
            hills = 120 + 50 * np.sin(x / 40 + drift) * np.cos(y / 30 - drift)
            grain = random.integers(-_GRAIN, _GRAIN, (HEIGHT, WIDTH))
            file.write(b"FRAME\n" + (hills + grain).astype(np.uint8).tobytes() + chroma)
