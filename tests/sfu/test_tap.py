"""A tap of a real call: what a stock client sends comes out, until the tap is stopped."""

import asyncio

import msgpack
import pytest

from sfu import LimitReached, Sfu, SfuSettings, TapBatch, TapsOff, TrackId, TrackStarted, UnknownTrack
from tests.sfu.test_call import TIMEOUT_S, News, a_client, publish

RTP_PACKET = 0


def settings(max_taps: int = 2) -> SfuSettings:
    return SfuSettings(bind="127.0.0.1", workers=1, max_taps=max_taps)


async def test_what_a_client_sends_is_tapped_under_its_label_until_the_stop() -> None:
    news = News()
    async with Sfu(settings(), news) as sfu, a_client() as doctor:
        voice, face = await publish(doctor, sfu.open_transport())
        await news.until(TrackStarted, 2)
        tap = sfu.open_tap()
        tap.add(voice, 1)
        tap.add(face, 2)
        tap.request_keyframe(face)
        batches: list[TapBatch] = []
        async with asyncio.timeout(TIMEOUT_S):
            while {track.label for batch in batches for track in batch.tracks} != {1, 2}:
                await asyncio.sleep(0.02)
                batches.append(tap.drain())
        tap.remove(voice)
        batches.append(tap.stop())
        assert tap.stop() == tap.drain() == TapBatch()
        assert sfu.stats()["taps"] == 0

    unpacker = msgpack.Unpacker()
    for batch in batches:
        unpacker.feed(batch.data)
    records = [*unpacker]
    assert len(records) == sum(batch.records for batch in batches)
    packets = [record for record in records if record[0] == RTP_PACKET]
    for label in (1, 2):
        told = sum(track.packets for batch in batches for track in batch.tracks if track.label == label)
        mine = [record for record in packets if record[1] == label]
        assert len(mine) == told > 0
        seqs = [seq for _, _, seq, _, _ in mine]
        assert seqs == sorted(set(seqs))
        assert all(packet[0] >> 6 == 2 for *_, packet in mine)


async def test_where_taps_are_off_there_are_none() -> None:
    async with Sfu(settings(max_taps=0), News()) as sfu:
        with pytest.raises(TapsOff):
            sfu.open_tap()


async def test_there_are_as_many_as_the_settings_say() -> None:
    async with Sfu(settings(max_taps=1), News()) as sfu:
        tap = sfu.open_tap()
        with pytest.raises(LimitReached):
            sfu.open_tap()
        tap.stop()
        sfu.open_tap().stop()


async def test_an_unknown_track_is_refused() -> None:
    async with Sfu(settings(), News()) as sfu:
        tap = sfu.open_tap()
        with pytest.raises(UnknownTrack):
            tap.add(TrackId("nobody's"), 1)
        tap.remove(TrackId("nobody's"))
        assert tap.drain() == TapBatch()
        tap.stop()
