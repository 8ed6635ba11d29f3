"""A disk that is full, read-only or stalls: the call goes on, the loss is told, the recording too goes on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from loadtest.media_socket import Traffic
from media_server.recording import GapCause
from tests.recording.disk import Disk, Unavailable, a_disk
from tests.recording.rig import Call, Place, a_call, a_recording_server, unix_us, until

TROUBLE_S = 5.0
# More than the buffer holds in that time, so that something must be lost.
HEAVY = Traffic(video_bps=2_500_000, frames_per_s=30)
Trouble = Callable[[Disk], AbstractContextManager[None]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.make(tmp_path)


@pytest.fixture
def disk(place: Place) -> Iterator[Disk]:
    try:
        with a_disk(place.data / "recordings") as disk:
            yield disk
    except Unavailable as reason:
        pytest.skip(f"cannot mount a disk that fails: {reason}")


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        pytest.param(Disk.full, GapCause.STORAGE_FAILED, id="full"),
        pytest.param(Disk.read_only, GapCause.STORAGE_FAILED, id="read-only"),
        pytest.param(Disk.stalled, GapCause.SLOW_DISK, id="stalled"),
    ],
)
async def test_a_disk_in_trouble_costs_the_recording_and_never_the_call(
    place: Place, disk: Disk, trouble: Trouble, cause: GapCause
) -> None:
    async with a_recording_server(place) as server, a_call(server, place, traffic=HEAVY) as call:
        await call.record()
        recording = place.recordings()[-1]
        await until(lambda: len(place.segments(recording)) >= 1)
        with trouble(disk):
            since_us = unix_us()
            await until(lambda: call.patient.room.recording_trouble is not None)
            await until(lambda: unix_us() - since_us >= TROUBLE_S * 1e6)
        sealed = len(place.segments(recording))
        await until(lambda: call.patient.room.recording_trouble is None)
        await until(lambda: len(place.segments(recording)) >= sealed + 2)
        await call.stop()
        assert lost_packets(call) == 0

    verified = place.teleconsult("recordings", "verify", recording)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert place.stop(recording).reason == "stopped"
    gaps = [gap for gap in place.gaps(recording) if gap.cause is cause]
    assert gaps
    assert all(gap.from_us >= since_us - 2_000_000 for gap in gaps)
    assert sum(gap.packets or 0 for gap in gaps) > 0


def lost_packets(call: Call) -> int:
    return sum(
        reception.lost
        for participant in (call.doctor, call.patient)
        for reception in participant.counters.receptions.values()
    )
