import struct

from hypothesis import given
from hypothesis import strategies as st

from loadtest import rtcp
from loadtest.reception import Reception, percentile
from loadtest.synthetic_media import Audio, Stamp, Stream, TransportCounter, Video, read_stamp
from tests.loadtest.rtp import is_keyframe, payload


def zero() -> int:
    return 0


def a_stream(**changed: object) -> Stream:
    numbers = {"id": 7, "ssrc": 1, "payload_type": 96, "mid": "1", "counter": TransportCounter()} | changed
    return Stream(**numbers)  # type: ignore[arg-type]


def test_a_frame_is_a_burst_of_equal_packets_with_one_timestamp_and_a_marker_at_its_end() -> None:
    video = Video(a_stream(), bitrate_bps=1_200_000, frames_per_s=30)
    list(video.packets(zero))
    burst = list(video.packets(zero))
    assert len(burst) == 4
    assert {len(payload(packet)) for packet in burst} == {1150}
    assert len({packet[4:8] for packet in burst}) == 1
    assert [packet[1] >> 7 for packet in burst] == [0, 0, 0, 1]


def test_the_rate_is_kept_on_average() -> None:
    video = Video(a_stream(), bitrate_bps=1_200_000, frames_per_s=30)
    list(video.packets(zero))
    sent = sum(len(packet) for _ in range(300) for packet in video.packets(zero))
    assert 1_150_000 < sent * 8 / 10 < 1_300_000


def test_key_frames_come_first_and_when_asked_for() -> None:
    video = Video(a_stream())
    keys = []
    for index in range(4):
        video.keyframe_wanted = video.keyframe_wanted or index == 2
        keys.append(is_keyframe(next(video.packets(zero))))
    assert keys == [True, False, True, False]


def test_audio_is_fifty_small_packets_a_second_with_a_level() -> None:
    audio = Audio(a_stream())
    first, second = *audio.packets(zero), *audio.packets(zero)
    assert len(payload(first)) == 100
    ticks = int.from_bytes(second[4:8]) - int.from_bytes(first[4:8])
    assert ticks == 960


def test_the_stamp_inside_tells_stream_number_and_time() -> None:
    (packet,) = Audio(a_stream()).packets(lambda: 123)
    assert read_stamp(packet) == Stamp(7, 0, 123)
    assert read_stamp(b"someone else's") is None


def test_a_retransmission_names_the_original_and_has_numbers_of_its_own() -> None:
    stream = a_stream(rtx_ssrc=2, rtx_payload_type=97, sequence=99)
    packet = next(Video(stream).packets(zero))
    again = stream.again(100)
    assert again is not None
    assert (again[1] & 0x7F, int.from_bytes(again[8:12])) == (97, 2)
    assert payload(again) == (100).to_bytes(2) + payload(packet)
    assert stream.again(50) is None


def test_the_transport_wide_number_counts_over_all_streams() -> None:
    counter = TransportCounter()
    audio, video = Audio(a_stream(counter=counter)), Video(a_stream(counter=counter, ssrc=2))
    packets = [*audio.packets(zero), *video.packets(zero), *audio.packets(zero)]
    numbers = [_transport_wide(packet) for packet in packets]
    assert numbers == list(range(1, len(packets) + 1))


def _transport_wide(packet: bytes) -> int:
    """The element with id 3 among the one-byte header extensions."""
    words = int.from_bytes(packet[14:16])
    rest = packet[16 : 16 + 4 * words]
    while rest:
        id_, length = rest[0] >> 4, (rest[0] & 15) + 1
        if id_ == 3:
            return int.from_bytes(rest[1:3])
        rest = rest[1 + length :] if id_ else rest[1:]
    raise AssertionError("no transport-wide sequence number")


def test_loss_is_what_is_missing_between_the_first_and_the_last() -> None:
    reception = Reception()
    for number in (5, 6, 9, 8, 8):
        reception.receive(Stamp(1, number, 0), 100, 2_000_000)
    assert (reception.packets, reception.lost, reception.duplicates) == (4, 1, 1)
    assert reception.latencies_us == [2000.0] * 4


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([], 0.5) is None


def test_a_nack_names_the_first_and_the_following_by_bits() -> None:
    packet = struct.pack("!BBHIIHH", 0x81, 205, 3, 1, 42, 65_534, 0b11)
    assert list(rtcp.parse(packet)) == [rtcp.Nack(42, (65_534, 65_535, 0))]


def test_reports_we_write_are_whole_words_and_can_be_read_in_a_compound() -> None:
    sr = rtcp.sender_report(5, 1_700_000_000.5, 90_000, 10, 1000)
    rr = rtcp.receiver_report(6, [(5, 70_000, 0)])
    assert len(sr) % 4 == len(rr) % 4 == 0
    reports = list(rtcp.parse(sr + rr + rtcp.keyframe_request(6, 5)))
    assert isinstance(reports[0], rtcp.SenderReport)
    assert reports[1:] == [rtcp.KeyframeRequest(5)]


@given(st.binary(max_size=80))
def test_no_rtcp_is_too_strange_to_be_skipped(data: bytes) -> None:
    list(rtcp.parse(data))
