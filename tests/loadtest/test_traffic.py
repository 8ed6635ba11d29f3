"""Native participants on the real server: they hear each other, by each cipher, and leave nothing behind."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from aiortc.mediastreams import AudioStreamTrack

from loadtest import Client, Publication, Source
from loadtest.dtls_client import SrtpProfile
from loadtest.errors import MediaFailed, SessionClosed
from loadtest.histogram import bucket_of
from loadtest.impairment import Impairment
from loadtest.participant import Joining, ParticipantFigures, Publishing, VideoCodec
from loadtest.traffic import NativeEngine, NativeParticipant
from loadtest.traffic.native import clock_id, link
from tests.server_process import ServerProcess, running_server

PATIENCE_S = 30.0
rooms = (f"traffic-{number}" for number in count())

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    async with running_server({"WORKERS": "1"}, beneath=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def room() -> str:
    return next(rooms)


@pytest.fixture
def engine() -> Iterator[NativeEngine]:
    made = NativeEngine(seed=6)
    yield made
    assert made.stats()["panics"] == 0
    made.close()


async def a_participant(
    server: ServerProcess, engine: NativeEngine, role: str, room: str, **changed: Any
) -> NativeParticipant:
    """Joined and sending."""
    ticket = await server.ticket(role, room)
    participant = NativeParticipant(engine, Joining(ticket.url, ticket.ticket, **changed))
    await participant.join()
    participant.start_sending()
    return participant


async def a_call(
    server: ServerProcess, engine: NativeEngine, room: str, **changed: Any
) -> tuple[NativeParticipant, NativeParticipant]:
    """Doctor and patient, joined and sending."""
    doctor = await a_participant(server, engine, "doctor", room, **changed)
    return doctor, await a_participant(server, engine, "patient", room, **changed)


async def until(
    participant: NativeParticipant, reached: Callable[[ParticipantFigures], bool]
) -> ParticipantFigures:
    """The figures, once they are as wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while not reached(figures := participant.figures()):  # noqa: ASYNC110  the engine tells of no packet
            await asyncio.sleep(0.02)
    return figures


def has_both(figures: ParticipantFigures) -> bool:
    return {track.kind for track in figures.received if track.packets > 20} == {"audio", "video"}


async def test_two_hear_and_see_each_other(server: ServerProcess, engine: NativeEngine, room: str) -> None:
    doctor, patient = await a_call(server, engine, room)
    for participant in (doctor, patient):
        await participant.room_is_followed(2)
        figures = await until(participant, lambda now: has_both(now) and now.received[-1].frames > 30)
        by_kind = {track.kind: track for track in figures.received}
        assert by_kind["video"].key_frames >= 1
        assert by_kind["audio"].frames == 0
        assert all(track.lost == 0 and track.duplicates == 0 for track in figures.received)
        assert all(track.latency.count > 0 for track in figures.received)
        assert {track.kind for track in figures.sent if track.packets > 20} == {"audio", "video"}
    steps = patient.steps
    times = [steps.websocket, steps.answer, steps.ice, steps.dtls, steps.first_packet, steps.first_key_frame]
    reached = [step for step in times if step is not None]
    assert len(reached) == 6
    assert reached == sorted(reached)
    await doctor.close()
    await patient.close()


async def test_each_sends_pictures_in_the_codec_of_its_own(
    server: ServerProcess, engine: NativeEngine, room: str
) -> None:
    doctor = await a_participant(server, engine, "doctor", room, publishing=Publishing(codec=VideoCodec.H264))
    patient = await a_participant(server, engine, "patient", room)
    codecs = {track.codec for track in patient.room.tracks.values() if track.kind == "video"}
    assert codecs >= {"h264"}
    for participant in (doctor, patient):
        figures = await until(participant, lambda now: has_both(now) and now.received[-1].frames > 30)
        video = next(track for track in figures.received if track.kind == "video")
        assert (video.lost, video.key_frames >= 1) == (0, True)
    await doctor.close()
    await patient.close()


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_each_cipher_carries_media(
    server: ServerProcess, engine: NativeEngine, room: str, profile: SrtpProfile
) -> None:
    doctor, patient = await a_call(server, engine, room, srtp_profile=profile.name)
    for participant in (doctor, patient):
        figures = await until(participant, lambda now: has_both(now) and now.received[-1].frames > 5)
        assert [track.lost for track in figures.received] == [0, 0]
    await doctor.close()
    await patient.close()


async def test_a_client_on_aiortc_gets_its_packets_and_it_gets_the_clients(
    server: ServerProcess, engine: NativeEngine, room: str
) -> None:
    native = await a_participant(server, engine, "doctor", room, publishing=Publishing(video=False))
    ticket = await server.ticket("patient", room)
    async with Client(ticket.url, ticket.ticket) as client:
        await client.publish(Publication(AudioStreamTrack(), Source.MICROPHONE))
        async with asyncio.timeout(PATIENCE_S):
            while sum((await client.packets()).values()) < 50:  # noqa: ASYNC110  nor does aiortc
                await asyncio.sleep(0.05)
        figures = await until(native, lambda now: sum(track.packets for track in now.received) > 20)
    (track,) = figures.received
    assert (track.kind, track.lost) == ("audio", 0)
    assert track.latency.count == 0, "its packets do not say when they were sent"
    await native.close()


async def test_a_new_window_begins_with_nothing(
    server: ServerProcess, engine: NativeEngine, room: str
) -> None:
    doctor, patient = await a_call(server, engine, room)
    before = await until(patient, has_both)
    doctor.stop_sending()
    patient.reset_window()
    after = patient.figures()
    assert sum(track.packets for track in after.received) < sum(track.packets for track in before.received)
    assert [track.first_packet_ms for track in after.received] == [
        track.first_packet_ms for track in before.received
    ]
    await doctor.close()
    await patient.close()


async def test_it_goes_on_from_another_port(server: ServerProcess, engine: NativeEngine, room: str) -> None:
    doctor, patient = await a_call(server, engine, room)
    await until(patient, has_both)
    patient.move()
    patient.reset_window()
    await until(patient, has_both)
    doctor.reset_window()
    await until(doctor, has_both)
    await doctor.close()
    await patient.close()


async def test_closing_leaves_no_descriptor_and_may_be_done_twice(
    server: ServerProcess, engine: NativeEngine, room: str
) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    doctor, patient = await a_call(server, engine, room)
    await until(patient, has_both)
    for participant in (doctor, patient):
        await participant.close()
        await participant.close()
        assert participant.figures() == ParticipantFigures()
        assert isinstance(participant.over, SessionClosed)
    assert engine.stats()["peers"] == 0
    async with asyncio.timeout(PATIENCE_S):
        while len(os.listdir("/proc/self/fd")) > open_before:  # noqa: ASYNC110  nor the kernel
            await asyncio.sleep(0.01)


async def test_a_farewell_goes_past_a_bad_network_that_keeps_everything(engine: NativeEngine) -> None:
    network = link(Impairment(delay_s=5))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE_S)
        peer = engine.native.open(
            host="127.0.0.1",
            port=server.getsockname()[1],
            local_ufrag="ours",
            local_pwd="a-password-of-22-chars-",
            remote_ufrag="theirs",
            remote_pwd="another-one-of-22-chars",
            up=network,
        )
        engine.native.send_dtls(peer, b"hello")
        engine.native.send_dtls(peer, b"goodbye", past_link=True)
        engine.native.close_peer(peer)
        assert await asyncio.to_thread(server.recv, 2048) == b"goodbye"


async def test_without_a_server_for_its_media_it_says_so(
    server: ServerProcess, engine: NativeEngine, room: str
) -> None:
    ticket = await server.ticket("doctor", room)
    participant = NativeParticipant(engine, Joining(ticket.url, ticket.ticket))
    engine.close()
    with pytest.raises(MediaFailed):
        await participant.join()


async def test_what_it_cannot_publish_it_refuses(engine: NativeEngine) -> None:
    with pytest.raises(ValueError, match="native participants"):
        NativeParticipant(engine, Joining("ws://localhost", "ticket", Publishing(simulcast=True)))


async def test_stamps_name_a_clock_where_the_kernel_tells_its_boot() -> None:
    assert clock_id() == clock_id() != 0


async def test_buckets_are_those_that_the_native_tests_know() -> None:
    known = {0: 0, 63: 63, 64: 64, 65: 64, 127: 95, 128: 96, 1000: 190, 20_000: 327, 2**32 - 1: 895}
    assert {value: bucket_of(value) for value in known} == known
