"""The client against a peer that aiortc answers for: what it sends and receives is real media."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiortc import MediaStreamTrack
from av import VideoFrame

from loadtest.client import Client, Publication, Source
from loadtest.errors import Refused, Replaced
from loadtest.events import Cut, Event, Resumed, RoomState, TrackId, TrackPublished
from loadtest.film import DOCTOR, PATIENT, Format, film
from loadtest.film_track import play
from loadtest.wire import Encoding
from tests.endless_film import endless_film
from tests.loadtest.fake_server import FakeServer, a_joined_state, a_participant, a_server, a_track, refused

SMALL = Format(width=160, height=120, frames_per_s=10, duration_s=2, bit_rate=60_000)


@pytest.fixture(scope="module")
def patient_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"), PATIENT, SMALL)


@pytest.fixture(scope="module")
def doctor_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"), DOCTOR, SMALL)


def the_video(path: Path) -> MediaStreamTrack:
    """Decoded by aiortc's player, encoded again by its sender."""
    return endless_film(path)[0]


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with a_server() as fake:
        yield fake


@pytest.mark.parametrize("encoding", list(Encoding))
async def test_it_publishes_a_film_and_receives_another(
    server: FakeServer, patient_film: Path, doctor_film: Path, encoding: Encoding
) -> None:
    server.sources["their-video"] = the_video(doctor_film)
    there = [a_participant(tracks=[a_track("their-video")])]
    server.answers["join"] = lambda _: a_joined_state(participants=there)
    async with Client(server.url, "ticket", encoding=encoding) as client:
        video, audio = play(patient_film)
        ids = await client.publish(Publication(video, Source.CAMERA), Publication(audio, Source.MICROPHONE))
        theirs = await client.until_received(TrackId("their-video"))
        await client.until_connected()
        frame = await asyncio.wait_for(theirs.recv(), 10)
        assert isinstance(frame, VideoFrame)
        assert (frame.width, frame.height) == (160, 120)
        assert len(set(ids)) == 2
        assert client.failures == []
    offers = [message for message in server.requests if message["type"] == "offer"]
    wishes = [wish for offer in offers for wish in offer["tracks"].values()]
    assert {"subscribe": "their-video"} in wishes
    assert {"publish": {"source": "camera", "muted": False, "encryption": "none"}} in wishes


async def test_nothing_is_offered_while_the_connection_is_being_made(
    server: FakeServer, patient_film: Path
) -> None:
    negotiate, states = server._negotiate, []

    async def look(message: dict[str, object]) -> dict[str, object]:
        states.append(client.media_state)
        return await negotiate(message)

    server._negotiate = look  # type: ignore[method-assign]  # as ever, but watched
    async with Client(server.url, "ticket") as client:
        video, audio = play(patient_film)
        await client.publish(Publication(video, Source.CAMERA))
        await client.publish(Publication(audio, Source.MICROPHONE))
    assert states == ["new", "connected"]


async def test_a_track_published_later_is_subscribed_to_by_itself(
    server: FakeServer, doctor_film: Path
) -> None:
    server.sources["late"] = the_video(doctor_film)
    async with Client(server.url, "ticket") as client:
        await server.event("participant-joined", participant=a_participant())
        await server.event("track-published", track=a_track("late"))
        await client.until_received(TrackId("late"))
        await server.event("track-unpublished", id="late")
        await client.until(lambda room: not room.others_tracks())
        assert client.received == {}


async def test_one_refused_wish_does_not_sink_the_others(server: FakeServer, doctor_film: Path) -> None:
    server.sources["good"] = the_video(doctor_film)
    negotiate = server._negotiate

    async def picky(message: dict[str, object]) -> dict[str, object]:
        if {"subscribe": "gone"} in message["tracks"].values():  # type: ignore[attr-defined]
            return {"type": "error", "code": "unknown-track", "message": "no"}
        return await negotiate(message)

    server._negotiate = picky  # type: ignore[method-assign]  # one refusal, else as ever
    tracks = [a_track("gone"), a_track("good")]
    server.answers["join"] = lambda _: a_joined_state(participants=[a_participant(tracks=tracks)])
    async with Client(server.url, "ticket") as client:
        await client.until_received(TrackId("good"))
        await client.until_connected()
        with pytest.raises(Refused) as refusal:
            await client.subscribe(TrackId("gone"))
        assert refusal.value.code == "unknown-track"


async def test_an_unadmitted_patient_offers_only_once_admitted(server: FakeServer, doctor_film: Path) -> None:
    server.sources["t"] = the_video(doctor_film)
    me = {"id": "me", "role": "patient", "name": "N", "grants": []}
    there = [a_participant("me", role="patient", admitted=False), a_participant(tracks=[a_track("t")])]
    server.answers["join"] = lambda _: a_joined_state(participant=me, participants=there)
    async with Client(server.url, "ticket") as client:
        await client.request("stats")
        assert [message["type"] for message in server.requests] == ["join", "stats"]
        await server.event("participant-admitted", id="me")
        await client.until_received(TrackId("t"))


async def test_muting_sends_nothing_and_says_so(server: FakeServer, patient_film: Path) -> None:
    async with Client(server.url, "ticket") as client:
        video, _ = play(patient_film)
        (track,) = await client.publish(Publication(video, Source.CAMERA, muted=True))
        await client.until_connected()
        assert await packets_sent(client) == 0
        await client.mute(track, False)
        async with asyncio.timeout(5):
            while await packets_sent(client) == 0:  # noqa: ASYNC110  statistics announce nothing
                await asyncio.sleep(0.02)
    mutes = [(m["track"], m["muted"]) for m in server.requests if m["type"] == "mute"]
    assert mutes == [(track, False)]


async def packets_sent(client: Client) -> int:
    reports = (await client.media_stats()).values()
    return sum(report.packetsSent for report in reports if report.type == "outbound-rtp")


async def test_each_iterator_sees_every_event_and_ends_with_the_session(server: FakeServer) -> None:
    async with Client(server.url, "ticket", auto_subscribe=False) as client:
        heard: list[Event] = []

        async def listen() -> None:
            async for event in client.events():
                heard.append(event)

        listener = asyncio.create_task(listen())
        await client.request("stats")
        await server.event("track-published", track=a_track("t"))
        await client.until(lambda room: bool(room.tracks))
        await client.cut()
        await client.request("stats")
        server.close_after["stats"] = 4409
        await client.request("stats")
        with pytest.raises(Replaced):
            await client.until(lambda room: room.state is RoomState.ENDED)
        assert isinstance(client.over, Replaced)
    await listener
    assert [type(event) for event in heard] == [TrackPublished, Cut, Resumed]


async def test_it_asks_for_a_recording_and_answers_for_itself(server: FakeServer) -> None:
    server.answers["recording"] = lambda message: {
        "recording": {"start": "starting", "stop": "stopping"}[message["action"]]
    }
    async with Client(server.url, "ticket") as client:
        await client.consent("recording", "granted")
        assert await client.recording("start") == "starting"
        await server.event("recording", state="on", reason=None)
        await client.until(lambda room: room.recording == "on")
        await client.consent("recording", "withdrawn")
        assert await client.recording("stop") == "stopping"
        server.answers["recording"] = refused("not-allowed")
        with pytest.raises(Refused) as refusal:
            await client.recording("start")
        assert refusal.value.code == "not-allowed"
    said = [(m["kind"], m["state"]) for m in server.requests if m["type"] == "consent"]
    assert said == [("recording", "granted"), ("recording", "withdrawn")]


async def test_what_the_server_refuses_is_raised_with_its_code(
    server: FakeServer, patient_film: Path
) -> None:
    server.answers["offer"] = refused("not-admitted")
    async with Client(server.url, "ticket") as client:
        video, _ = play(patient_film)
        with pytest.raises(Refused) as refusal:
            await client.publish(Publication(video, Source.CAMERA))
        assert refusal.value.code == "not-admitted"
        await client.leave()
    assert server.requests[-1]["type"] == "leave"
