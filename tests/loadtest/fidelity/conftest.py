"""One small scene for all."""

import pytest

from loadtest.fidelity.scene import Scene, make_scene
from loadtest.film import Format

SMALL = Format(width=320, height=240, frames_per_s=10, duration_s=2, bit_rate=300_000)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"), form=SMALL)
