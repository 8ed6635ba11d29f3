"""A server can be told to stop by the folder that it serves from."""

import os
from pathlib import Path

import pytest

from loadtest.server_process import running_server
from media_server.errors import CannotStart, Failed
from media_server.running import as_running, tell_to_drain
from tests.recording.rig import Place


async def test_drain_ends_the_server_of_the_data_folder(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    async with running_server(place.settings) as server:
        told = place.teleconsult("drain")
        assert (told.returncode, told.stdout) == (0, "")
        assert str(server.pid) in told.stderr
        assert await server.process.wait() == 0
    again = place.teleconsult("drain")
    assert again.returncode == 1
    assert "no server runs with the data folder" in again.stderr


def test_a_folder_is_served_from_by_one_process(tmp_path: Path) -> None:
    with as_running(tmp_path), pytest.raises(CannotStart, match="another server runs"), as_running(tmp_path):
        pass
    with as_running(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "1", "4194999", "not a number"])
def test_what_a_dead_server_left_is_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.pid").write_text(content)
    with pytest.raises(Failed, match="no server runs"):
        tell_to_drain(tmp_path)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(str(os.getpid()))
    (tmp_path / "server.pid").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failed):
        tell_to_drain(tmp_path)
    with pytest.raises(CannotStart), as_running(tmp_path):
        pass
