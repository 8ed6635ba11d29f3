"""How news of a path become a participant's quality, by a media plane that is told what to say."""

from typing import Any, cast

import pytest

import sfu
from media_server.media import MediaPlane
from media_server.metrics import Metrics
from signalling import ParticipantId, Rating, TrackId

PATIENT = ParticipantId("patient")
PATH = sfu.TransportId("path")
GONE = sfu.TransportLost(PATH, sfu.LossReason.CONSENT_EXPIRED)
BACK = sfu.TransportConnected(PATH, {})


class Transport:
    id = PATH

    def answer(self, _sdp: str, _wishes: object) -> sfu.Answer:
        return sfu.Answer("answer", {}, (), ())

    def stats(self) -> dict[str, Any]:
        return {"packets_received": 0, "rtt_ms": 20.0}

    def subscription_stats(self) -> dict[TrackId, Any]:
        return {}

    async def close(self) -> None:
        pass


class Plane:
    def open_transport(self) -> Transport:
        return Transport()


class News:
    """What signalling was told."""

    def __init__(self) -> None:
        self.qualities: list[tuple[Rating, Rating]] = []
        self.lost: list[ParticipantId] = []

    def quality(self, participant: ParticipantId, uplink: Rating, downlink: Rating) -> None:
        assert participant == PATIENT
        self.qualities.append((uplink, downlink))

    def media_lost(self, participant: ParticipantId) -> None:
        self.lost.append(participant)

    def speakers(self, levels: object) -> None: ...

    def track_silent(self, track: TrackId, silent: bool) -> None: ...


@pytest.fixture
async def media() -> tuple[MediaPlane, News]:
    plane, news = MediaPlane(Metrics()), News()
    plane.attach(cast(sfu.Sfu, Plane()), news)
    await plane.negotiate(PATIENT, "offer", {})
    return plane, news


LOST, GOOD = (Rating.LOST, Rating.LOST), (Rating.GOOD, Rating.GOOD)


async def test_expired_consent_is_lost_until_there_is_a_path_whatever_is_negotiated(
    media: tuple[MediaPlane, News],
) -> None:
    plane, news = media
    plane.on_event(GONE)
    await plane.negotiate(PATIENT, "ICE restart", {})
    for _ in range(5):
        plane.tell_quality()
    assert news.qualities == [LOST]
    plane.on_event(BACK)
    for _ in range(5):
        plane.tell_quality()
    assert news.qualities == [LOST, GOOD]
    assert news.lost == []


async def test_a_transport_made_anew_starts_anew(media: tuple[MediaPlane, News]) -> None:
    plane, news = media
    plane.on_event(GONE)
    await plane.close(PATIENT)
    await plane.negotiate(PATIENT, "offer of a new connection", {})
    for _ in range(5):
        plane.tell_quality()
    assert news.qualities == [LOST]  # that it is good again is for whoever closed the old one to tell


async def test_what_cannot_come_back_is_told_as_lost_media(media: tuple[MediaPlane, News]) -> None:
    plane, news = media
    plane.on_event(sfu.TransportLost(PATH, sfu.LossReason.DTLS_CLOSED))
    assert (news.lost, news.qualities) == ([PATIENT], [])
    await plane.close(PATIENT)
    plane.on_event(GONE)
    plane.on_event(BACK)  # late words about what was closed
    assert news.qualities == []
