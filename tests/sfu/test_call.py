"""A call of two stock aiortc clients through the Sfu, on loopback."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from av import AudioFrame, VideoFrame

from sfu import (
    Answer,
    LossReason,
    PublishWish,
    Sfu,
    SfuEvent,
    SfuSettings,
    SubscribeWish,
    TrackId,
    TrackStarted,
    Transport,
    TransportConnected,
    TransportLost,
    Wish,
)

TIMEOUT_S = 15.0


class News:
    """The events so far, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[SfuEvent] = []
        self._changed = asyncio.Event()

    def __call__(self, event: SfuEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, kind: type[SfuEvent], number: int = 1) -> list[SfuEvent]:
        """The first `number` events of a kind."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(found := [event for event in self.events if isinstance(event, kind)]) < number:
                self._changed.clear()
                await self._changed.wait()
        return found[:number]


@asynccontextmanager
async def a_client() -> AsyncIterator[RTCPeerConnection]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        yield connection
    finally:
        await connection.close()


async def negotiate(
    client: RTCPeerConnection,
    transport: Transport,
    wishes: list[Wish],
    edit: Callable[[str], str] = str,
) -> Answer:
    """`wishes` in the order of the sections; `edit` is what happens to the offer on its way."""
    await client.setLocalDescription(await client.createOffer())
    offer = edit(client.localDescription.sdp)
    mids = [line.removeprefix("a=mid:") for line in offer.split("\r\n") if line.startswith("a=mid:")]
    answer = transport.answer(offer, dict(zip(mids, wishes, strict=True)))
    await client.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    return answer


def with_wrong_fingerprints(offer: str) -> str:
    """aiortc offers three hashes; a byte of each is changed."""
    return re.sub(r"(a=fingerprint:sha-\d+ )..", r"\g<1>00", offer)


async def publish(client: RTCPeerConnection, transport: Transport) -> tuple[TrackId, TrackId]:
    client.addTransceiver(AudioStreamTrack(), "sendonly")
    client.addTransceiver(VideoStreamTrack(), "sendonly")
    answer = await negotiate(client, transport, [PublishWish(), PublishWish()])
    voice, face = (track.id for track in answer.published)
    return voice, face


async def watch(client: RTCPeerConnection, transport: Transport, *tracks: tuple[str, TrackId]) -> None:
    for kind, _ in tracks:
        client.addTransceiver(kind, "recvonly")
    await negotiate(client, transport, [SubscribeWish(track) for _, track in tracks])


async def grows(counter: Callable[[], int], beyond: int) -> None:
    """The data plane counts without telling, so its counters are asked again and again."""
    async with asyncio.timeout(TIMEOUT_S):
        while counter() <= beyond:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_sound_and_picture_come_through() -> None:
    news = News()
    async with (
        Sfu(SfuSettings(bind="127.0.0.1", workers=1), news) as sfu,
        a_client() as doctor,
        a_client() as patient,
    ):
        sending = sfu.open_transport()
        voice, face = await publish(doctor, sending)
        started = await news.until(TrackStarted, 2)
        assert {event.track_id for event in started if isinstance(event, TrackStarted)} == {voice, face}
        receiving = sfu.open_transport()
        await watch(patient, receiving, ("audio", voice), ("video", face))
        async with asyncio.timeout(TIMEOUT_S):
            sound, picture = (receiver.track for receiver in patient.getReceivers())
            for _ in range(5):
                heard, seen = await sound.recv(), await picture.recv()
                assert isinstance(heard, AudioFrame)
                assert heard.sample_rate == 48_000
                assert isinstance(seen, VideoFrame)
                assert seen.width == 640
        connected = await news.until(TransportConnected, 2)
        for event, transport in zip(connected, (sending, receiving), strict=True):
            assert isinstance(event, TransportConnected)
            assert event.transport_id == transport.id
            assert 0 <= event.steps["ice_ms"] < 10_000
            assert 0 < event.steps["dtls_ms"] < 10_000
        assert sfu.track_stats(face)["packets"] > 0
        idle_s = sfu.idle_s([voice, TrackId("of nobody"), face])
        assert list(idle_s) == [voice, face]
        assert all(idle is not None and 0 <= idle < TIMEOUT_S for idle in idle_s.values())
        assert receiving.subscription_stats()[face]["packets"] > 0
        assert sfu.handshakes_in_flight == 0


async def test_a_paused_track_is_not_forwarded() -> None:
    news = News()
    async with (
        Sfu(SfuSettings(bind="127.0.0.1", workers=1), news) as sfu,
        a_client() as doctor,
        a_client() as patient,
    ):
        voice, _ = await publish(doctor, sfu.open_transport())
        receiving = sfu.open_transport()
        await watch(patient, receiving, ("audio", voice))
        (sound,) = (receiver.track for receiver in patient.getReceivers())
        async with asyncio.timeout(TIMEOUT_S):
            await sound.recv()
        sfu.pause(receiving, voice)
        before = receiving.subscription_stats()[voice]["packets"]
        heard = sfu.track_stats(voice)["packets"]
        await grows(lambda: sfu.track_stats(voice)["packets"], beyond=heard + 5)
        assert receiving.subscription_stats()[voice]["packets"] <= before + 1
        sfu.resume(receiving, voice)
        await grows(lambda: receiving.subscription_stats()[voice]["packets"], beyond=before + 1)


async def test_a_client_with_another_certificate_than_its_offers_is_lost() -> None:
    news = News()
    async with Sfu(SfuSettings(bind="127.0.0.1", workers=1), news) as sfu, a_client() as stranger:
        transport = sfu.open_transport()
        stranger.addTransceiver(AudioStreamTrack(), "sendonly")
        await negotiate(stranger, transport, [PublishWish()], edit=with_wrong_fingerprints)
        (lost,) = await news.until(TransportLost)
        assert lost == TransportLost(transport.id, LossReason.DTLS_WRONG_CERTIFICATE)
        assert not any(isinstance(event, TransportConnected) for event in news.events)


async def test_a_client_that_says_goodbye_is_told_of() -> None:
    news = News()
    async with Sfu(SfuSettings(bind="127.0.0.1", workers=1), news) as sfu:
        transport = sfu.open_transport()
        async with a_client() as client:
            await publish(client, transport)
            await news.until(TrackStarted)  # so the client's end is up too
        (lost,) = await news.until(TransportLost)
        assert lost == TransportLost(transport.id, LossReason.DTLS_CLOSED)


async def test_a_client_beyond_the_limit_of_handshakes_gets_in_when_there_is_room() -> None:
    news = News()
    settings = SfuSettings(bind="127.0.0.1", workers=1, max_handshakes=1)
    async with (
        Sfu(settings, news) as sfu,
        a_client() as first,
        a_client() as second,
        a_client() as third,
    ):
        clients = (first, second, third)
        await asyncio.gather(*(publish(client, sfu.open_transport()) for client in clients))
        await news.until(TransportConnected, 3)


async def test_a_connection_is_closed_while_it_is_being_made() -> None:
    news = News()
    async with Sfu(SfuSettings(bind="127.0.0.1", workers=1), news) as sfu, a_client() as client:
        transport = sfu.open_transport()
        await publish(client, transport)
        async with asyncio.timeout(3):
            await transport.close()
        assert sfu.stats()["transports"] == 0
    assert not any(isinstance(event, TransportLost) for event in news.events)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_both_codecs_come_through(codec: str) -> None:
    news = News()
    async with (
        Sfu(SfuSettings(bind="127.0.0.1", workers=1), news) as sfu,
        a_client() as doctor,
        a_client() as patient,
    ):
        sender = doctor.addTransceiver(VideoStreamTrack(), "sendonly")
        capabilities = RTCRtpSender.getCapabilities("video").codecs
        sender.setCodecPreferences([c for c in capabilities if codec in c.mimeType or "rtx" in c.mimeType])
        answer = await negotiate(doctor, sfu.open_transport(), [PublishWish()])
        (track,) = answer.published
        assert track.codec == codec.lower()
        await watch(patient, sfu.open_transport(), ("video", track.id))
        (picture,) = (receiver.track for receiver in patient.getReceivers())
        async with asyncio.timeout(TIMEOUT_S):
            seen = await picture.recv()
        assert isinstance(seen, VideoFrame)
        assert seen.width == 640
