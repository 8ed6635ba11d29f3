"""A recorded call, from the first packet to what the custodian opens."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
import pytest_asyncio

from loadtest.synthetic_media import MAGIC, read_stamp
from media_server.recording import ConsentRecorded, GapCause, Start, Track
from media_server.recording.format import RtpPacket, SenderReport
from tests.recording.rig import Call, Place, a_call, a_recording_server, unix_us, until
from tests.server_process import ServerProcess

RECORDED_S = 3.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place.make(tmp_path_factory.mktemp("recorded"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(place: Place) -> AsyncIterator[ServerProcess]:
    async with a_recording_server(place) as running:
        yield running


def needles(call: Call) -> list[bytes]:
    """What stands in the clear in every packet that the two send."""
    return [MAGIC + ssrc.to_bytes(4) for p in (call.doctor, call.patient) for ssrc in p.media.sources]


def found(needle: bytes, files: Iterable[Path]) -> list[str]:
    return [path.name for path in files if needle in _content(path)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a temporary file that has its name by now
        return b""


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_call_is_recorded_whole_and_only_the_custodian_can_open_it(
    server: ServerProcess, place: Place
) -> None:
    async with a_call(server, place) as call:
        began_us = unix_us()
        await call.record()
        async with asyncio.timeout(RECORDED_S + 10):
            while unix_us() - began_us < RECORDED_S * 1e6:
                await asyncio.sleep(0.2)
                for needle in needles(call):
                    assert found(needle, files_under(place.data)) == []
        recording = await call.stop()
        patterns = needles(call)
        streams = {ssrc for p in (call.doctor, call.patient) for ssrc in p.media.sources}
    for needle in patterns:
        assert found(needle, files_under(place.data)) == []

    verified = place.teleconsult("recordings", "verify", recording)
    assert verified.returncode == 0, verified.stdout + verified.stderr

    lines = [signed.line for signed in place.lines(recording)]
    start = lines[0]
    assert isinstance(start, Start)
    assert {consent.state for consent in start.consents} == {"granted"}
    assert {consent.participant for consent in start.consents} == {p.id for p in start.participants}
    assert sorted(track.kind for track in lines if isinstance(track, Track)) == ["audio"] * 2 + ["video"] * 2

    # What the custodian finds is every packet from the first to the last, and the clocks to play them by.
    numbers: dict[int, list[int]] = defaultdict(list)
    reports: set[int] = set()
    for record in place.records(recording):
        if isinstance(record, RtpPacket):
            stamp = read_stamp(record.packet)
            assert stamp is not None
            numbers[stamp.stream].append(stamp.number)
        elif isinstance(record, SenderReport):
            reports.add(record.ssrc)
    assert set(numbers) == streams == reports
    for sent in numbers.values():
        assert sorted(sent) == list(range(min(sent), max(sent) + 1))
    stop = place.stop(recording)
    assert stop.packets == sum(map(len, numbers.values()))
    assert stop.reason == "stopped"


async def test_a_withdrawal_stops_it_within_a_second_at_a_named_packet(
    server: ServerProcess, place: Place
) -> None:
    async with a_call(server, place, room="withdrawn") as call:
        await call.record()
        recording = place.recordings()[-1]
        await until(lambda: len(place.segments(recording)) >= 2)
        withdrawn_us = unix_us()
        await call.patient.consent("recording", "withdrawn")
        await call.until_recording("off")
        told_us = unix_us()
    await place.until_ended(recording)

    assert told_us - withdrawn_us < 1_000_000
    assert place.stop(recording).reason == "consent-withdrawn"
    signed = place.lines(recording)[-1]
    assert signed.at_us - withdrawn_us < 1_000_000
    records = [record for record in place.records(recording) if isinstance(record, RtpPacket)]
    # The named packets are the last ones there are, and none came after the end.
    last = {named.label: named.seq for named in place.stop(recording).last}
    assert last == {
        label: max(record.seq for record in records if record.label == label)
        for label in {record.label for record in records}
    }
    assert max(record.arrival_us for record in records) <= signed.at_us
    assert [gap.cause for gap in place.gaps(recording)] == [GapCause.WITHDRAWAL]
    assert place.teleconsult("recordings", "verify", recording).returncode == 0


async def test_whoever_comes_in_without_having_granted_stops_it(server: ServerProcess, place: Place) -> None:
    async with a_call(server, place, room="joined") as call:
        await call.record()
        recording = place.recordings()[-1]
        async with a_call(server, place, room="joined"):
            await call.until_recording("off")
    await place.until_ended(recording)

    assert place.stop(recording).reason == "joined-without-consent"
    assert not any(
        isinstance(signed.line, ConsentRecorded) and signed.line.consent.state == "withdrawn"
        for signed in place.lines(recording)
    )


async def test_a_mute_is_a_gap_with_its_cause(server: ServerProcess, place: Place) -> None:
    async with a_call(server, place, room="muted") as call:
        await call.record()
        recording = place.recordings()[-1]
        track = next(track.id for track in call.patient.room.others_tracks() if track.kind == "audio")
        await call.doctor.mute(track, True)
        await until(lambda: len(place.segments(recording)) >= 1)
        await call.doctor.mute(track, False)
        await call.stop()

    muted = [gap for gap in place.gaps(recording) if gap.cause is GapCause.MUTE]
    label = next(
        signed.line.label
        for signed in place.lines(recording)
        if isinstance(signed.line, Track) and signed.line.id == track
    )
    assert [gap.label for gap in muted] == [label]
    assert muted[0].until_us is not None
    assert muted[0].until_us > muted[0].from_us
