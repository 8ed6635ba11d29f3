"""A tap of real media: what is sent comes out of it, packet by packet, until it is stopped."""

import asyncio
import time

import msgpack
import pytest

from loadtest import rtcp
from sfu import (
    BadSettings,
    LimitReached,
    Sfu,
    SfuSettings,
    TapBatch,
    TapsOff,
    TrackId,
    TrackStarted,
    UnknownTrack,
)
from tests.sfu.tapped import LABEL, Recorded, a_publisher
from tests.sfu.test_call import TIMEOUT_S, News, a_client, publish

RTP_PACKET = 0
PADDED, EXTENDED = 0x20, 0x10


def settings(max_taps: int = 2, tap_bytes: int = 1 << 20) -> SfuSettings:
    return SfuSettings(bind="127.0.0.1", workers=1, max_taps=max_taps, tap_bytes=tap_bytes)


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


async def test_what_was_sent_is_there_byte_for_byte_whatever_its_header() -> None:
    async with Sfu(settings(), News()) as sfu, a_publisher(sfu) as doctor:
        recorded = Recorded(sfu.open_tap())
        recorded.tap.add(doctor.track, LABEL)
        csrcs = bytes(range(8))
        one_byte = bytes.fromhex("bede0002 10301102 20000000")  # mid "0", with padding between and behind
        two_byte = bytes.fromhex("10000002 0101300f 03aabbcc")
        foreign = bytes.fromhex("dead0001 ffffffff")  # of a profile that nobody knows
        sent = [
            doctor.packet(1),
            doctor.packet(2, csrcs, flags=2),
            doctor.packet(3, one_byte, flags=EXTENDED),
            doctor.packet(4, csrcs + two_byte, flags=EXTENDED | 2),
            doctor.packet(5, foreign, flags=EXTENDED),
            doctor.packet(6, bytes(60) + one_byte, flags=EXTENDED | 15),
        ]
        for packet in sent:
            doctor.media.send(packet)
        doctor.media.send(doctor.packet(7, flags=PADDED, ending=bytes(6) + b"\x07"))
        before_us = time.time_ns() // 1000
        await recorded.until(lambda: len(recorded.packets) >= 7)
        assert recorded.packets == [*sent, doctor.packet(7)]
        for (_, label, seq, arrival_us, _), number in zip(recorded.records, range(1, 8), strict=True):
            assert (label, seq) == (LABEL, number)
            assert isinstance(arrival_us, int)
            assert abs(arrival_us - before_us) < TIMEOUT_S * 1_000_000
        assert sum(track.bytes for track in recorded.tracks) == sum(map(len, recorded.packets))


async def test_what_is_lost_is_told_of_and_what_is_sent_again_is_there_as_it_was() -> None:
    async with Sfu(settings(), News()) as sfu, a_publisher(sfu) as doctor:
        recorded = Recorded(sfu.open_tap())
        recorded.tap.add(doctor.track, LABEL)
        for number in (1, 2, 4, 5, 9):
            doctor.media.send(doctor.packet(number))
        await recorded.until(lambda: len(recorded.packets) == 5)
        lost_before = [stretch for track in recorded.tracks for stretch in track.lost]
        late = doctor.packet(3)
        doctor.media.send(doctor.again(late, 1))
        await recorded.until(lambda: len(recorded.packets) == 6)
        assert recorded.packets[-1] == late
        await recorded.until(lambda: any(track.lost for track in recorded.tracks))
        assert lost_before == []
        (track,) = (track for track in recorded.tracks if track.lost)
        assert track.lost == [(6, 8)]
        assert 0 < track.lost_from_us <= track.lost_until_us
        told = sum(track.packets for track in recorded.tracks) + 3
        assert told == 9
        assert {ssrc for track in recorded.tracks for ssrc in track.ssrcs} == {doctor.section.ssrc}


async def test_the_publishers_clock_is_in_it() -> None:
    async with Sfu(settings(), News()) as sfu, a_publisher(sfu) as doctor:
        recorded = Recorded(sfu.open_tap())
        recorded.tap.add(doctor.track, LABEL)
        doctor.media.send(doctor.packet(1))
        ssrc, ntp = doctor.section.ssrc, (rtcp.NTP_EPOCH_S + 5) << 32
        doctor.media.send_rtcp(rtcp.sender_report(ssrc, 5.0, 3000, 1, 52))
        await recorded.until(lambda: len(recorded.records) == 2)
        recorded.stop()
        again = Recorded(sfu.open_tap())
        again.tap.add(doctor.track, LABEL)
        again.stop()
        for record in (recorded.records[1], again.records[0]):
            kind, label, arrival_us, *report = record
            assert (kind, label, report) == (1, LABEL, [ssrc, ntp, 3000, 1, 52])
            assert arrival_us == recorded.records[1][2]


async def test_a_full_buffer_drops_what_is_recorded_and_counts_it() -> None:
    async with Sfu(settings(tap_bytes=16 << 10), News()) as sfu, a_publisher(sfu) as doctor:
        recorded = Recorded(sfu.open_tap())
        recorded.tap.add(doctor.track, LABEL)
        async with asyncio.timeout(TIMEOUT_S):
            for number in range(1, 401):
                doctor.media.send(doctor.packet(number))
                await asyncio.sleep(0)
            while sfu.track_stats(doctor.track)["packets"] < 400:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        recorded.stop()
        (batch,) = recorded.batches
        (track,) = batch.tracks
        assert len(batch.data) <= 16 << 10
        assert track.packets + batch.dropped == 400
        assert track.dropped == [(track.packets + 1, 400)]
        stats = sfu.stats()
        assert (stats["tap_packets"], stats["tap_dropped"]) == (track.packets, batch.dropped)
        assert stats["tap_bytes"] == track.bytes


async def test_a_participant_who_leaves_takes_the_open_ends_along() -> None:
    async with Sfu(settings(), News()) as sfu, a_publisher(sfu) as doctor:
        recorded = Recorded(sfu.open_tap())
        recorded.tap.add(doctor.track, LABEL)
        for number in (1, 3):
            doctor.media.send(doctor.packet(number))
        await recorded.until(lambda: len(recorded.packets) == 2)
        assert not any(track.lost for track in recorded.tracks)
        await doctor.transport.close()
        recorded.batches.append(recorded.tap.drain())
        assert [track.lost for track in recorded.tracks if track.lost] == [[(2, 2)]]
        recorded.tap.remove(doctor.track)


@pytest.mark.parametrize("tap_bytes", [0, -1, (16 << 10) - 1, (1 << 30) + 1])
async def test_a_buffer_of_no_use_is_refused_at_the_start(tap_bytes: int) -> None:
    with pytest.raises(BadSettings, match="tap_bytes"):
        async with Sfu(settings(tap_bytes=tap_bytes), News()):
            pass
