"""kill -9 while calls are recorded: what was sealed stays, what was lost is told."""

import asyncio
import random
import signal
from pathlib import Path

from media_server.recording import GapCause
from tests.recording.rig import Place, a_call, a_recording_server, unix_us, until

LOST_AT_MOST_US = 1_500_000


async def killed(place: Place, after_s: float) -> tuple[str, int]:
    """Record a call, kill the server so long after the first segment; the recording and when, Unix µs."""
    async with a_recording_server(place) as server, a_call(server, place) as call:
        await call.record()
        # Beside the call, which has to go on meanwhile: what is not sent cannot be lost.
        recording = (await asyncio.to_thread(place.recordings))[-1]
        await until(lambda: len(place.segments(recording)) >= 1)
        since_us = unix_us()
        await until(lambda: unix_us() - since_us >= after_s * 1e6)
        server.process.send_signal(signal.SIGKILL)
        return recording, unix_us()


async def lost_us(place: Place, recording: str, killed_us: int) -> int:
    """Start again; what the crash cost, after checking that it is told. Microseconds."""
    async with a_recording_server(place):
        pass
    verified = place.teleconsult("recordings", "verify", recording)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert place.stop(recording).reason == "crash"
    crash = [gap for gap in place.gaps(recording) if gap.cause is GapCause.CRASH]
    assert len(crash) == 1
    segments = place.segments(recording)
    known_us = max(track.last_us for segment in segments for track in segment.tracks)
    assert crash[0].from_us == known_us
    assert crash[0].until_us is not None
    assert crash[0].until_us >= killed_us
    # A segment that was sealed and not listed yet holds a second more, which only the custodian can see.
    newest_us = max(record.arrival_us for record in place.records(recording))
    return killed_us - newest_us


async def test_a_killed_server_loses_the_last_second_and_says_so_at_its_next_start(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    recording, killed_us = await killed(place, random.Random(0).uniform(0, 1.2))
    left = place.teleconsult("recordings", "verify", recording)
    assert left.returncode == 1
    assert "OPEN   no stop" in left.stdout + left.stderr
    assert await lost_us(place, recording, killed_us) <= LOST_AT_MOST_US
