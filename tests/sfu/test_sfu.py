"""The Sfu above the real data plane: offers change it as answered, or not at all."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

import sfu as public
from sfu import (
    BadOffer,
    BadSettings,
    Kind,
    LimitReached,
    PublishWish,
    Sfu,
    SfuEvent,
    SfuSettings,
    SubscribeWish,
    TrackId,
    TransportClosed,
    UnknownTrack,
)
from sfu.sdp_reader import read
from tests.sfu.offers_on_disk import OFFERS, lines_replaced

BOTH = {"0": PublishWish(), "1": PublishWish()}
LOOPBACK = SfuSettings(bind="127.0.0.1", workers=1)


@asynccontextmanager
async def an_sfu(settings: SfuSettings = LOOPBACK) -> AsyncIterator[tuple[Sfu, list[SfuEvent]]]:
    events: list[SfuEvent] = []
    async with Sfu(settings, events.append) as running:
        yield running, events


def listen(*tracks: TrackId) -> dict[str, SubscribeWish]:
    return {str(mid): SubscribeWish(track) for mid, track in enumerate(tracks)}


async def test_a_published_track_can_be_subscribed_to() -> None:
    async with an_sfu() as (sfu, _):
        doctor, patient = sfu.open_transport(), sfu.open_transport()
        published = doctor.answer(OFFERS["chromium-publish"], BOTH)
        voice, face = (track.id for track in published.published)
        assert [(t.mid, t.kind, t.codec) for t in published.published] == [
            ("0", Kind.AUDIO, "opus"),
            ("1", Kind.VIDEO, "vp8"),
        ]
        assert published.tracks == {"0": voice, "1": face}
        subscribed = patient.answer(OFFERS["firefox-subscribe"], listen(voice, face))
        assert subscribed.tracks == {"0": voice, "1": face}
        assert (subscribed.published, subscribed.unpublished) == ((), ())
        stats = sfu.stats()
        assert (stats["transports"], stats["tracks"], stats["subscriptions"]) == (2, 2, 2)
        msid = read(subscribed.sdp).sections[1].msids[0]
        assert (msid.stream, msid.track) == (doctor.id, face)
        assert set(patient.subscription_stats()) == {voice, face}
        assert sfu.idle_s([voice, face]) == {voice: None, face: None}  # nothing was sent yet


async def test_the_answer_names_the_port_that_is_open() -> None:
    async with an_sfu() as (sfu, _):
        answer = sfu.open_transport().answer(OFFERS["chromium-publish"], BOTH)
        candidates = read(answer.sdp).sections[0].candidates
        assert [(c.address, c.port) for c in candidates] == [("127.0.0.1", sfu.port)]


async def test_announced_addresses_of_both_families_stand_in_every_section() -> None:
    settings = SfuSettings(bind="127.0.0.1", workers=1, announced=("192.0.2.7", "2001:db8::7"))
    async with an_sfu(settings) as (sfu, _):
        answer = read(sfu.open_transport().answer(OFFERS["chromium-publish"], BOTH).sdp)
        for section in answer.sections:
            assert [c.address for c in section.candidates] == ["192.0.2.7", "2001:db8::7"]


async def test_a_refused_offer_changes_nothing() -> None:
    async with an_sfu() as (sfu, _):
        transport = sfu.open_transport()
        first = transport.answer(OFFERS["chromium-publish"], BOTH)
        for offer, wishes, error in (
            ("nonsense", {}, BadOffer),
            (OFFERS["chromium-renegotiated"], {"2": SubscribeWish(TrackId("nobody"))}, UnknownTrack),
        ):
            with pytest.raises(error):
                transport.answer(offer, wishes)
        second = transport.answer(OFFERS["chromium-publish"], {})
        assert second.tracks == first.tracks
        assert read(second.sdp).version == 2


async def test_a_track_ends_with_its_publisher_and_subscriptions_at_their_next_offer() -> None:
    async with an_sfu() as (sfu, _):
        doctor, patient = sfu.open_transport(), sfu.open_transport()
        voice, face = (t.id for t in doctor.answer(OFFERS["chromium-publish"], BOTH).published)
        patient.answer(OFFERS["chromium-subscribe"], listen(voice, face))
        await doctor.close()
        assert sfu.stats()["subscriptions"] == 0
        assert patient.subscription_stats() == {}
        answer = patient.answer(OFFERS["chromium-subscribe"], {})
        assert answer.tracks == {}
        assert {section.direction.value for section in read(answer.sdp).sections} == {"inactive"}
        with pytest.raises(UnknownTrack):
            sfu.track_stats(face)


async def test_a_track_ends_when_its_section_stops_sending() -> None:
    async with an_sfu() as (sfu, _):
        doctor, patient = sfu.open_transport(), sfu.open_transport()
        voice, face = (t.id for t in doctor.answer(OFFERS["chromium-publish"], BOTH).published)
        patient.answer(OFFERS["chromium-subscribe"], listen(voice, face))
        ended = doctor.answer(OFFERS["chromium-inactive"], {})
        assert ended.unpublished == (face,)
        assert ended.tracks == {"0": voice}
        assert (sfu.stats()["tracks"], sfu.stats()["subscriptions"]) == (1, 1)


async def test_a_section_turns_from_one_track_to_another() -> None:
    async with an_sfu() as (sfu, _):
        doctor, guest, patient = (sfu.open_transport() for _ in range(3))
        _, face = (t.id for t in doctor.answer(OFFERS["chromium-publish"], BOTH).published)
        _, film = (t.id for t in guest.answer(OFFERS["chromium-h264-first"], BOTH).published)
        patient.answer(OFFERS["chromium-subscribe"], {"1": SubscribeWish(face)})
        answer = patient.answer(OFFERS["chromium-subscribe"], {"1": SubscribeWish(film)})
        assert answer.tracks == {"1": film}
        assert sfu.stats()["subscriptions"] == 1
        assert set(patient.subscription_stats()) == {film}


async def test_pausing_needs_a_subscription() -> None:
    async with an_sfu() as (sfu, _):
        doctor, patient = sfu.open_transport(), sfu.open_transport()
        voice, face = (t.id for t in doctor.answer(OFFERS["chromium-publish"], BOTH).published)
        patient.answer(OFFERS["chromium-subscribe"], listen(voice, face))
        sfu.pause(patient, face)
        sfu.pause(patient, face)
        sfu.resume(patient, face)
        with pytest.raises(UnknownTrack):
            sfu.pause(doctor, face)


async def test_an_ice_restart_gets_new_credentials() -> None:
    async with an_sfu() as (sfu, _):
        transport = sfu.open_transport()
        first = read(transport.answer(OFFERS["chromium-publish"], BOTH).sdp)
        offer = lines_replaced(OFFERS["chromium-ice-restart"], "ufrag01", "ufrag02")
        second = transport.answer(offer, {})
        assert read(second.sdp).sections[0].ice != first.sections[0].ice
        assert len(second.tracks) == 2


async def test_a_closed_transport_takes_no_offers_and_closes_twice() -> None:
    async with an_sfu() as (sfu, _):
        transport = sfu.open_transport()
        transport.answer(OFFERS["chromium-publish"], BOTH)
        await transport.close()
        await transport.close()
        with pytest.raises(TransportClosed):
            transport.answer(OFFERS["chromium-publish"], {})
        stats = sfu.stats()
        assert (stats["transports"], stats["tracks"]) == (0, 0)


async def test_transports_are_limited() -> None:
    async with an_sfu(SfuSettings(bind="127.0.0.1", workers=1, max_transports=2)) as (sfu, _):
        first = sfu.open_transport()
        sfu.open_transport()
        with pytest.raises(LimitReached):
            sfu.open_transport()
        await first.close()
        sfu.open_transport()


async def test_unusable_settings_are_refused_at_the_start() -> None:
    with pytest.raises(BadSettings):
        async with an_sfu(SfuSettings(bind="not an address", workers=1)):
            pass


async def test_a_port_in_use_is_the_systems_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        settings = SfuSettings(bind="127.0.0.1", port=other.getsockname()[1], workers=1)
        with pytest.raises(OSError, match="in use"):
            await Sfu(settings, lambda _: None).__aenter__()


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    async def body() -> None:
        async with an_sfu() as (sfu, _):
            sfu.open_transport().answer(OFFERS["chromium-publish"], BOTH)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await body()


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    async with an_sfu() as (sfu, _):
        for _ in range(5):
            sfu.open_transport().answer(OFFERS["chromium-publish"], BOTH)
    assert asyncio.all_tasks() == before


async def test_old_sessions_keep_their_certificate_and_new_ones_get_the_new() -> None:
    today = datetime.now(UTC)
    async with Sfu(LOOPBACK, lambda _: None, wall_clock=lambda: today) as sfu:
        old = sfu.open_transport()
        first = read(old.answer(OFFERS["chromium-publish"], BOTH).sdp).sections[0].fingerprints
        today += timedelta(days=20)
        new = sfu.open_transport()
        second = read(new.answer(OFFERS["chromium-publish"], BOTH).sdp).sections[0].fingerprints
        again = read(old.answer(OFFERS["chromium-publish"], {}).sdp).sections[0].fingerprints
    assert first == again != second


async def test_a_listener_that_raises_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    def listener(_: SfuEvent) -> None:
        raise RuntimeError("secret")

    async with Sfu(LOOPBACK, listener) as sfu:
        sfu.open_transport().consent_expired()
    assert "sfu.listener_failed" in caplog.text
    assert "secret" not in caplog.text


def test_the_public_face_is_complete() -> None:
    assert all(hasattr(public, name) for name in public.__all__)
    assert len(set(public.__all__)) == len(public.__all__)
