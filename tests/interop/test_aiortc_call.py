"""Interoperation without our JavaScript: aiortc's own peer connection in a call through the real server."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from aiortc import MediaStreamTrack
from av import AudioFrame, VideoFrame

from loadtest.client import Client, Publication, Source
from loadtest.errors import NotAllowed, Refused, RoomOver
from loadtest.events import Relayed, Resumed, RoomState, Track, TrackId
from loadtest.film import DOCTOR, PATIENT, Format, Look, film
from loadtest.film_track import play
from loadtest.wire import Encoding
from tests.endless_film import endless_film
from tests.server_process import ServerProcess, running_server

SMALL = Format(width=320, height=240, frames_per_s=15, duration_s=4, bit_rate=150_000)
PATIENCE_S = 60.0
rooms = (f"interop-{number}" for number in count())

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    async with running_server({"WORKERS": "1"}, beneath=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def room() -> str:
    return next(rooms)


async def a_client(server: ServerProcess, room: str, role: str, encoding: Encoding = Encoding.JSON) -> Client:
    ticket = await server.ticket(role, room)
    return Client(ticket.url, ticket.ticket, encoding=encoding)


async def publish_file(client: Client, path: Path, *, codec: str | None = None) -> list[TrackId]:
    """Decoded from the file and encoded by aiortc, as an application would send it."""
    video, audio = endless_film(path)
    return await client.publish(
        Publication(video, Source.CAMERA, codec=codec), Publication(audio, Source.MICROPHONE)
    )


async def tracks_of_the_other(client: Client) -> tuple[MediaStreamTrack, MediaStreamTrack]:
    """(video, audio) as received."""
    await client.until(lambda room: len(room.others_tracks()) == 2)
    by_kind: dict[str, Track] = {track.kind: track for track in client.room.others_tracks()}
    return (
        await client.until_received(by_kind["video"].id),
        await client.until_received(by_kind["audio"].id),
    )


async def frames(track: MediaStreamTrack, wanted: int) -> list[VideoFrame]:
    got: list[VideoFrame] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < wanted:
            frame = await track.recv()
            assert isinstance(frame, VideoFrame)
            got.append(frame)
    return got


async def loudness(track: MediaStreamTrack, wanted: int) -> float:
    """The loudest of `wanted` sound frames, 0..1."""
    loudest = 0.0
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(wanted):
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            loudest = max(loudest, float(np.abs(frame.to_ndarray()).max()) / 32768)
    return loudest


def shows(frame: VideoFrame, look: Look) -> bool:
    """Whether the picture's middle row has about the film's colour (the shade varies, the hue does not)."""
    pixels = frame.to_ndarray(format="rgb24")[frame.height // 2].astype(float)
    mean = np.median(pixels, axis=0)
    wanted = np.array(look.colour, dtype=float)
    return float(np.dot(mean, wanted) / (np.linalg.norm(mean) * np.linalg.norm(wanted))) > 0.99


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@pytest.mark.parametrize("encoding", list(Encoding))
async def test_each_publishes_a_file_and_receives_the_others(
    server: ServerProcess, room: str, films: Path, encoding: Encoding, codec: str
) -> None:
    patient = await a_client(server, room, "patient", encoding)
    doctor = await a_client(server, room, "doctor", encoding)
    async with doctor, patient:
        await publish_file(patient, film(films, PATIENT, SMALL), codec=codec)
        await publish_file(doctor, film(films, DOCTOR, SMALL), codec=codec)
        for client, look in ((doctor, PATIENT), (patient, DOCTOR)):
            video, audio = await tracks_of_the_other(client)
            pictures = await frames(video, 15)
            assert (pictures[-1].width, pictures[-1].height) == (320, 240)
            assert shows(pictures[-1], look)
            assert await loudness(audio, 50) > 0.05
            assert client.failures == []
            codecs = {track.kind: track.codec for track in client.room.others_tracks()}
            assert codecs == {"video": codec, "audio": "opus"}


async def test_json_and_msgpack_share_a_room(server: ServerProcess, room: str, films: Path) -> None:
    one = await a_client(server, room, "doctor", Encoding.JSON)
    other = await a_client(server, room, "patient", Encoding.MSGPACK)
    async with one, other:
        heard: list[Relayed] = []

        async def listen() -> None:
            async for event in other.events():
                if isinstance(event, Relayed):
                    heard.append(event)
                    return

        listener = asyncio.create_task(listen())
        await one.until(lambda view: bool(view.participants))
        await one.relay(other.room.me, "chat", b"\x00\xffhello")
        await asyncio.wait_for(listener, 5)
        assert (heard[0].sender, heard[0].kind, heard[0].body) == (one.room.me, "chat", b"\x00\xffhello")


async def test_a_third_participant_joins_sees_both_and_leaves(
    server: ServerProcess, room: str, films: Path
) -> None:
    doctor = await a_client(server, room, "doctor")
    patient = await a_client(server, room, "patient")
    async with doctor, patient:
        for client, look in ((doctor, DOCTOR), (patient, PATIENT)):
            video, audio = play(film(films, look, SMALL))
            await client.publish(Publication(video, Source.CAMERA), Publication(audio, Source.MICROPHONE))
        guest = await a_client(server, room, "guest")
        async with guest:
            await guest.until(lambda view: len(view.others_tracks()) == 4)
            for track in [track for track in guest.room.others_tracks() if track.kind == "video"]:
                look = DOCTOR if track.participant == doctor.room.me else PATIENT
                pictures = await frames(await guest.until_received(track.id), 5)
                assert shows(pictures[-1], look)
            id_ = guest.room.me
            await guest.leave()
        await doctor.until(lambda view: id_ not in view.participants)
        seen, _ = await tracks_of_the_other(doctor)
        await frames(seen, 10)


async def test_muting_and_pausing_stop_the_flow_and_their_end_restores_it(
    server: ServerProcess, room: str, films: Path
) -> None:
    doctor = await a_client(server, room, "doctor")
    patient = await a_client(server, room, "patient")
    async with doctor, patient:
        video, audio = play(film(films, PATIENT, SMALL))
        camera, _ = await patient.publish(
            Publication(video, Source.CAMERA), Publication(audio, Source.MICROPHONE)
        )
        seen, _ = await tracks_of_the_other(doctor)
        await frames(seen, 5)
        await patient.mute(camera, True)
        await doctor.until(lambda view: view.tracks[camera].muted)
        assert await silence(seen)
        await patient.mute(camera, False)
        await doctor.until(lambda view: not view.tracks[camera].muted)
        await frames(seen, 5)
        await doctor.prefer(camera, 0)
        assert await silence(seen)
        await doctor.prefer(camera, None)
        await frames(seen, 5)


async def silence(track: MediaStreamTrack, for_s: float = 0.5) -> bool:
    """Whether, what was under way aside, no frame comes for that long; gives up after 5 s."""
    try:
        async with asyncio.timeout(5):
            while True:
                try:
                    async with asyncio.timeout(for_s):
                        await track.recv()
                except TimeoutError:
                    return True
    except TimeoutError:
        return False


async def test_a_reload_brings_new_tracks_in_place_of_the_old(
    server: ServerProcess, room: str, films: Path
) -> None:
    doctor = await a_client(server, room, "doctor")
    async with doctor:
        first = await a_client(server, room, "patient")
        async with first:
            old = await publish_file(first, film(films, PATIENT, SMALL))
            await frames((await tracks_of_the_other(doctor))[0], 3)
            await first.leave()
        second = await a_client(server, room, "patient")
        async with second:
            new = await publish_file(second, film(films, PATIENT, SMALL))
            await doctor.until(lambda view: {t.id for t in view.others_tracks()} == set(new))
            await frames((await tracks_of_the_other(doctor))[0], 5)
            assert not set(old) & set(new)


async def test_media_goes_on_while_the_websocket_is_cut_and_the_session_resumes(
    server: ServerProcess, room: str, films: Path
) -> None:
    doctor = await a_client(server, room, "doctor")
    patient = await a_client(server, room, "patient")
    async with doctor, patient:
        video, audio = play(film(films, PATIENT, SMALL))
        await patient.publish(Publication(video, Source.CAMERA), Publication(audio, Source.MICROPHONE))
        seen, _ = await tracks_of_the_other(doctor)
        await frames(seen, 3)
        events = patient.events()
        resumed = asyncio.create_task(until_resumed(events))
        await asyncio.sleep(0)  # the task has to be listening before the cut
        await patient.cut()
        await frames(seen, 10)
        await asyncio.wait_for(resumed, 5)
        await patient.report_stats({"rtt_ms": 1.0}, {})
        assert patient.over is None


async def until_resumed(events: object) -> None:
    async for event in events:  # type: ignore[attr-defined]
        if isinstance(event, Resumed):
            return


async def test_the_doctor_ends_the_consultation_for_all(server: ServerProcess, room: str) -> None:
    doctor = await a_client(server, room, "doctor")
    patient = await a_client(server, room, "patient")
    async with doctor, patient:
        await doctor.until(lambda view: bool(view.participants))
        await doctor.end()
        with pytest.raises(RoomOver):
            await patient.until(lambda view: view.state is RoomState.WAITING)


async def test_a_patient_may_not_end_it(server: ServerProcess, room: str) -> None:
    patient = await a_client(server, room, "patient")
    async with patient:
        with pytest.raises((Refused, NotAllowed)):
            await patient.end()
