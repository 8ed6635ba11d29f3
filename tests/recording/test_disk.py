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


TROUBLES: dict[Trouble, GapCause] = {
    Disk.full: GapCause.STORAGE_FAILED,
    Disk.read_only: GapCause.STORAGE_FAILED,
    Disk.stalled: GapCause.SLOW_DISK,
}


async def test_a_disk_in_trouble_costs_the_recording_and_never_the_call(place: Place, disk: Disk) -> None:
    async with a_recording_server(place) as server, a_call(server, place, traffic=HEAVY) as call:
        await call.record()
        recording = place.recordings()[-1]
        await until(lambda: len(place.segments(recording)) >= 1)
        since_us = [await in_trouble(place, call, recording, trouble(disk)) for trouble in TROUBLES]
        await call.stop()
        assert lost_packets(call) == 0

    verified = place.teleconsult("recordings", "verify", recording)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert place.stop(recording).reason == "stopped"
    gaps = place.gaps(recording)
    for (trouble, cause), from_us, until_us in zip(
        TROUBLES.items(), since_us, [*since_us[1:], unix_us()], strict=True
    ):
        caused = [gap for gap in gaps if from_us - 2_000_000 <= gap.from_us < until_us and gap.cause is cause]
        assert sum(gap.packets or 0 for gap in caused) > 0, trouble.__name__
    assert {gap.cause for gap in gaps} == set(TROUBLES.values())
    assert min(gap.from_us for gap in gaps) >= since_us[0] - 2_000_000


async def in_trouble(place: Place, call: Call, recording: str, trouble: AbstractContextManager[None]) -> int:
    """From when on it was, Unix µs; returns when it is over and two more segments are sealed."""
    with trouble:
        since_us = unix_us()
        await until(lambda: call.patient.room.recording_trouble is not None)
        await until(lambda: unix_us() - since_us >= TROUBLE_S * 1e6)
    sealed = len(place.segments(recording))
    await until(lambda: call.patient.room.recording_trouble is None)
    await until(lambda: len(place.segments(recording)) >= sealed + 2)
    return since_us


def lost_packets(call: Call) -> int:
    return sum(
        reception.lost
        for participant in (call.doctor, call.patient)
        for reception in participant.counters.receptions.values()
    )
