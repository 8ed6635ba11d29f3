"""A track's frames: in order, whole, each decodable from those before it."""

from hypothesis import given
from hypothesis import strategies as st

from media_server.recording.export.frames import MOST_BYTES, Frame, TrackFrames
from media_server.recording.export.reordering import HOLD_US
from media_server.recording.format import RtpPacket
from tests.media_server.export.media import video
from tests.media_server.export.publishing import Computer, Sent

PICTURES = video("vp8", 3, 320, 240)  # of several packets each


def sent() -> list[RtpPacket]:
    records = Sent(1, "vp8", Computer(), seq=0).send(PICTURES).records
    return [record for record in records if isinstance(record, RtpPacket)]


def frames_of(records: list[RtpPacket], codec: str = "vp8") -> tuple[list[Frame], TrackFrames]:
    """As an export reads them: in the order of arrival."""
    track = TrackFrames(codec, 0)
    frames: list[Frame] = []
    for record in sorted(records, key=lambda record: record.arrival_us):
        frames += track.receive(record, record.arrival_us)
    return frames + track.flush(), track


def decodable(frames: list[Frame]) -> bool:
    """Every run of pictures that follow each other in the source begins with a key frame."""
    before = -1
    for frame in frames:
        place = frame.timestamp // 3600
        assert frame.data == PICTURES[place].data
        if place != before + 1 and not frame.key:
            return False
        before = place
    return True


@given(lost=st.sets(st.integers(0, 200), max_size=12))
def test_whatever_is_lost_all_that_is_shown_can_be_decoded(lost: set[int]) -> None:
    frames, track = frames_of([record for record in sent() if record.seq not in lost])
    assert decodable(frames)
    assert len(frames) + track.faults.dropped <= len(PICTURES)
    assert track.faults.malformed == 0
    if not lost & {record.seq for record in sent()}:
        assert len(frames) == len(PICTURES)


@given(st.randoms(use_true_random=False))
def test_packets_up_to_two_seconds_late_and_twice_are_as_good_as_in_time(random: object) -> None:
    assert hasattr(random, "random")
    records = [
        RtpPacket(each.label, each.seq, each.arrival_us + int(random.random() * (HOLD_US - 1)), each.packet)
        for each in sent()
        for _ in range(2 if random.random() < 0.1 else 1)
    ]
    frames, track = frames_of(records)
    assert [frame.data for frame in frames] == [picture.data for picture in PICTURES]
    assert track.faults.dropped == 0


def test_what_comes_after_its_hole_was_given_up_is_counted_and_left_out() -> None:
    records = sent()
    victim = records[20]
    records[20] = RtpPacket(1, victim.seq, victim.arrival_us + HOLD_US + 500_000, victim.packet)
    frames, track = frames_of(records)
    assert track.late == 1
    assert len(frames) < len(PICTURES)
    assert decodable(frames)


def test_a_new_ssrc_begins_with_a_key_frame() -> None:
    first, second = Sent(1, "vp8", Computer(), seq=0), Sent(1, "vp8", Computer(), ssrc=99)
    first.send(PICTURES[:10])
    second.seq = first.numbers
    second.send([PICTURES[10]._replace(at_s=0.5), *PICTURES[25:27]])
    frames, track = frames_of([*first.records, *second.records])  # type: ignore[list-item]
    assert [frame.data for frame in frames] == [
        picture.data for picture in (*PICTURES[:10], *PICTURES[25:27])
    ]
    assert track.faults.dropped == 1


def test_a_picture_that_never_ends_takes_no_more_memory_than_any_can_need() -> None:
    track = TrackFrames("vp8", 0)
    sender = Sent(1, "vp8", Computer(), seq=0)
    payload = b"\x10" + bytes(60_000)
    for _ in range(2 * MOST_BYTES // len(payload)):
        sender.packets([payload, b"\0"], 5, 0.0)
        record, _ = sender.records
        sender.records.clear()
        sender.numbers -= 1
        assert isinstance(record, RtpPacket)
        track.receive(record, record.arrival_us)
    whole = Sent(1, "vp8", Computer(), seq=sender.numbers).send(PICTURES[:3], from_s=1)
    frames = [frame for record in whole.records for frame in track.receive(record, 1 << 62)]  # type: ignore[arg-type]
    assert [frame.data for frame in frames] == [picture.data for picture in PICTURES[:3]]
    assert track.faults.dropped == 1


def test_a_picture_without_its_marker_ends_where_the_next_one_begins() -> None:
    records = [
        RtpPacket(r.label, r.seq, r.arrival_us, r.packet[:1] + bytes([r.packet[1] & 0x7F]) + r.packet[2:])
        for r in sent()
    ]
    frames, _ = frames_of(records)
    assert [frame.data for frame in frames] == [picture.data for picture in PICTURES[:-1]]
