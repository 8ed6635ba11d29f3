"""Two Chromium pages agree to be recorded, and a custodian makes films of what was."""

from pathlib import Path

import pytest

from tests.e2e.stand import chromium
from tests.recording.browser_call import Film, Recorded, record_call
from tests.recording.rig import Place

RECORDED_S = 6.0
LIP_SYNC_MS = 60.0
# A film lasts from the manifest's first line to its last; the pages' buttons are a little inside of that.
LENGTH_S = 0.3


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TEST_BROWSER names one elsewhere)")
    return Place.make(tmp_path_factory.mktemp("browsers"))


async def test_the_films_of_a_call_are_whole_and_in_step(place: Place) -> None:
    recorded = await record_call(place, RECORDED_S)
    verified = place.teleconsult("recordings", "verify", recorded.recording)
    assert verified.returncode == 0, verified.stdout

    tracks = film(place, recorded, "tracks.mkv")
    assert sorted(tracks.kinds.values()) == ["audio", "audio", "video", "video"]
    assert tracks.duration_s == pytest.approx(recorded.seconds, abs=LENGTH_S)
    for stream in tracks.streams("audio"):
        assert tracks.frames[stream] >= recorded.seconds * 45  # of 50 a second
    for stream in tracks.streams("video"):
        assert tracks.frames[stream] >= recorded.seconds * 5
    for offset in tracks.offsets_ms():
        assert abs(offset) < LIP_SYNC_MS

    one = film(place, recorded, "one.mp4", "--layout", "side-by-side")
    assert sorted(one.kinds.values()) == ["audio", "video"]
    assert one.duration_s == pytest.approx(recorded.seconds, abs=LENGTH_S)
    assert one.frames[one.streams("video")[0]] == pytest.approx(25 * one.duration_s, abs=3)


def film(place: Place, recorded: Recorded, name: str, *options: str) -> Film:
    out = place.identity.parent / name
    made = place.teleconsult(
        "recordings",
        "export",
        recorded.recording,
        "--identity",
        str(place.identity),
        "-o",
        str(out),
        *options,
    )
    assert made.returncode == 0, made.stderr
    return Film.decoded(Path(out))
