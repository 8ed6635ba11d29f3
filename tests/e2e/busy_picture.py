"""A camera's picture that costs bits: Chromium's own fake one is so even that it needs few."""

from pathlib import Path

import numpy as np

WIDTH, HEIGHT, HZ = 640, 360, 20
_FRAMES = 40


def write_busy_picture(path: Path) -> None:
    """Two seconds of drifting noise in YUV4MPEG2; `--use-file-for-fake-video-capture` plays it for ever."""
    random = np.random.default_rng(1)
    coarse = random.integers(30, 220, (HEIGHT // 4, WIDTH // 4), dtype=np.uint8)
    texture = np.kron(coarse, np.ones((4, 4), np.uint8))
    chroma = np.full(HEIGHT * WIDTH // 2, 128, np.uint8).tobytes()  # both planes, 4:2:0
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{HZ}:1 Ip A1:1 C420mpeg2\n".encode())
        for index in range(_FRAMES):
            grain = random.integers(0, 24, (HEIGHT, WIDTH), dtype=np.uint8)
            file.write(b"FRAME\n" + (np.roll(texture, index * 8, axis=1) + grain).tobytes() + chroma)
