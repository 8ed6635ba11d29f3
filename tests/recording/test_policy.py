"""Under the policy `belgium` nothing can be recorded: one test for each way in."""

import os
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from loadtest import Refused
from media_server.recording.errors import RecordingForbidden
from media_server.recording.recorder import Recorder, RecorderSettings
from media_server.recording.service import open_recorder, unix_us
from media_server.recordings_cli import recordings_app
from media_server.settings import Policy, Settings
from sfu import Sfu, SfuSettings, TapsOff
from tests.recording.rig import Place, a_call, a_recording_server

CUSTODIAN = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def forbidding(folder: Path) -> Settings:
    """Everything is there to record with, but the policy."""
    return Settings(data_dir=folder, policy=Policy.BELGIUM, recording_custodians=(CUSTODIAN,))


async def test_neither_start_nor_a_grant_is_taken_by_signalling_and_no_file_appears(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    async with (
        a_recording_server(place, {"POLICY": "belgium"}) as server,
        a_call(server, place) as call,
    ):
        assert call.doctor.room.policy == "belgium"
        for request in (
            lambda: call.doctor.recording("start"),
            lambda: call.patient.consent("recording", "granted"),
            lambda: call.patient.consent("recording", "withdrawn"),
        ):
            with pytest.raises(Refused) as refused:
                await request()
            assert refused.value.code == "not-allowed"
        metrics = await server.metrics()
        log = server.log()
    assert metrics["teleconsult_recordings_open"] == 0
    assert metrics["teleconsult_taps"] == 0
    assert '"recording":false' in log.replace(" ", "")
    assert not (place.data / "recordings").exists()
    assert place.recordings() == []


async def test_settings_with_that_policy_make_no_recorder(tmp_path: Path) -> None:
    settings = forbidding(tmp_path)
    assert settings.recording_refused is not None
    async with Sfu(SfuSettings(), print) as plane, open_recorder(settings, plane) as recorder:
        assert recorder is None
    assert os.listdir(tmp_path) == []


def test_a_recorder_refuses_to_be_made_for_it() -> None:
    settings = RecorderSettings("node", Policy.BELGIUM, (CUSTODIAN,))
    nothing: Any = None
    with pytest.raises(RecordingForbidden, match="belgium"):
        Recorder(nothing, nothing, nothing, nothing, settings, unix_us)


async def test_the_media_plane_has_no_taps_to_open() -> None:
    # What the node hands to the media plane is in test_app.py; without taps there, there are none.
    async with Sfu(SfuSettings(max_taps=0), print) as plane:
        with pytest.raises(TapsOff):
            plane.open_tap()


def test_no_command_makes_a_recording() -> None:
    assert set(get_group(recordings_app).commands) == {"list", "verify", "export", "erase", "key"}
