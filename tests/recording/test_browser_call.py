"""Two Chromium pages agree to be recorded, and a custodian makes films of what was."""

from pathlib import Path

import pytest

from media_server.recording import Track
from media_server.recording.format import RtpPacket
from tests.e2e.stand import chromium
from tests.recording.browser_call import Film, Recorded, record_call
from tests.recording.rig import Place

RECORDED_S = 5.0
LIP_SYNC_MS = 60.0
LENGTH_S = 0.1


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
    # A film lasts from the manifest's first line to its last.
    first, *_, last = place.lines(recorded.recording)
    assert tracks.duration_s == pytest.approx((last.at_us - first.at_us) / 1e6, abs=LENGTH_S)
    assert recorded.seconds - LENGTH_S < tracks.duration_s < recorded.at_most_s + LENGTH_S
    heard = sum(tracks.frames[stream] for stream in tracks.streams("audio"))
    sent = packets(place, recorded, "audio")
    assert heard >= 0.98 * sent
    assert sent >= 2 * recorded.seconds * 25  # half of what a quiet machine sends
    for stream in tracks.streams("video"):
        assert tracks.frames[stream] >= recorded.seconds * 5
    for offset in tracks.offsets_ms():
        assert abs(offset) < LIP_SYNC_MS

    one = film(place, recorded, "one.mp4", "--layout", "side-by-side")
    assert sorted(one.kinds.values()) == ["audio", "video"]
    assert one.duration_s == pytest.approx(tracks.duration_s, abs=LENGTH_S)
    assert one.frames[one.streams("video")[0]] == pytest.approx(25 * one.duration_s, abs=3)


def packets(place: Place, recorded: Recorded, kind: str) -> int:
    """Of all tracks of a kind."""
    lines = (signed.line for signed in place.lines(recorded.recording))
    labels = {line.label for line in lines if isinstance(line, Track) and line.kind == kind}
    records = place.records(recorded.recording)
    return sum(isinstance(record, RtpPacket) and record.label in labels for record in records)


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
