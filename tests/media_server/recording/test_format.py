"""What is inside a segment: what the tap gave comes back, and what nobody gave is refused at its place."""

import io
import struct

import msgpack
import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage import x25519

from media_server.recording import (
    BadSegment,
    Record,
    RecordingId,
    RtpPacket,
    SegmentHeader,
    SenderReport,
    read_segment,
    segment_header,
    segment_name,
)
from media_server.recording.sealing import seal
from tests.media_server.recording.builders import BEGAN_US

RECORDING = RecordingId("recording-0000000001")
HEADER = segment_header(RECORDING, 3, "node-1")
PACKET = bytes([0x80, 96]) + bytes(10) + b"payload"

u16, u32, u64 = (st.integers(0, (1 << bits) - 1) for bits in (16, 32, 64))
packets = st.builds(RtpPacket, u16, u64, u64, st.binary(min_size=12, max_size=1500))
reports = st.builds(SenderReport, u16, u64, u32, u64, u32, u32, u32)


def packed(record: Record) -> bytes:
    """As the tap packs it."""
    match record:
        case RtpPacket():
            fields = [0, record.label, record.seq, record.arrival_us, record.packet]
        case SenderReport():
            fields = [1, record.label, record.arrival_us, record.ssrc, record.ntp, record.rtp_timestamp]
            fields += [record.packet_count, record.octet_count]
    data: bytes = msgpack.packb(fields)
    return data


def read(*objects: object, header: bytes = HEADER) -> list[Record]:
    return list(read_segment(header + b"".join(msgpack.packb(fields) for fields in objects))[1])


records_of_a_tap = st.lists(packets | reports)


@settings(deadline=None)
@given(records_of_a_tap)
def test_every_record_comes_back_in_its_order(records: list[Record]) -> None:
    header, found = read_segment(HEADER + b"".join(map(packed, records)))
    assert header == SegmentHeader(RECORDING, 3, "node-1")
    assert list(found) == records


def test_a_segment_that_was_sealed_is_read_by_its_key_alone() -> None:
    identity = x25519.Identity.generate()
    sealed = io.BytesIO()
    records: list[Record] = [
        RtpPacket(1, 70_000, BEGAN_US, PACKET),
        SenderReport(1, BEGAN_US, 5, 1 << 63, 9, 10, 11),
    ]
    seal(str(identity.to_public())).write([HEADER, *map(packed, records)], sealed)
    assert b"payload" not in sealed.getvalue()
    plaintext = pyrage.decrypt(sealed.getvalue(), [identity])
    assert list(read_segment(plaintext)[1]) == records
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed.getvalue(), [x25519.Identity.generate()])


def test_the_names_of_segments_sort_as_their_numbers_do() -> None:
    names = [segment_name(number) for number in (1, 9, 10, 999_999)]
    assert names == sorted(names)
    assert names[0] == "000001.age"


@pytest.mark.parametrize("later", [[2], [2, "anything", {"at": "all"}], [255, [[1], 2.5, None]]])
def test_kinds_of_a_later_version_are_skipped(later: list[object]) -> None:
    assert read(later, [0, 1, 2, 3, PACKET], later) == [RtpPacket(1, 2, 3, PACKET)]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        msgpack.packb([]),
        msgpack.packb({"format": "other"}),
        msgpack.packb({"format": "teleconsult-recording", "version": 2}),
        msgpack.packb({"format": "teleconsult-recording", "version": 1}),
        msgpack.packb(
            {"format": "teleconsult-recording", "version": 1, "recording": 7, "segment": 1, "node": "n"}
        ),
        HEADER[:-1],
    ],
)
def test_what_is_no_segment_of_ours_is_refused_at_once(header: bytes) -> None:
    with pytest.raises(BadSegment, match="at byte 0"):
        read_segment(header)


@pytest.mark.parametrize(
    "record",
    [
        None,
        7,
        [],
        {},
        "text",
        [None],
        [-1],
        [0],
        [True, 1, 2, 3, PACKET],
        [0, 1, 2, 3, PACKET, "more"],
        [0, 1, 2, 3, PACKET[:11]],
        [0, 1, 2, 3, "text that is long enough"],
        [0, 1 << 16, 2, 3, PACKET],
        [0, -1, 2, 3, PACKET],
        [0, 1, 2.0, 3, PACKET],
        [1, 1, 2, 3, 4, 5, 6],
        [1, 1, 2, 1 << 32, 4, 5, 6, 7],
        [1, 1, 2, 3, 4, 5, 6, None],
        [0] * 5000,
    ],
    ids=lambda record: repr(record)[:30],
)
def test_a_record_that_is_none_is_refused_at_its_place(record: object) -> None:
    whole = packed(RtpPacket(1, 2, 3, PACKET))
    _, records = read_segment(HEADER + whole + msgpack.packb(record))
    assert next(records) == RtpPacket(1, 2, 3, PACKET)
    with pytest.raises(BadSegment) as refused:
        next(records)
    assert refused.value.offset == len(HEADER) + len(whole)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\xc1",  # never used in msgpack
        b"\xdd" + struct.pack(">I", 0xFFFF_FFFF),  # an array of four milliards
        b"\xdf" + struct.pack(">I", 0xFFFF_FFFF),
        b"\x91" * 100_000,  # deeper than any stack
        b"\x92\x00",  # cut off
        b"\xc6" + struct.pack(">I", 0xFFFF_FFFF) + b"x",
        b"\xa2\xff\xfe",  # text that is not UTF-8
        b"\x81\x91\x01\x01",  # a map by an array
        b"\xd4\xff\x00",  # a broken date
    ],
    ids=lambda bytes_: bytes_[:6].hex(),
)
def test_what_is_no_msgpack_is_refused_at_its_place(bytes_: bytes) -> None:
    with pytest.raises(BadSegment) as refused:
        list(read_segment(HEADER + bytes_)[1])
    assert refused.value.offset == len(HEADER)


def outcome(plaintext: bytes) -> tuple[list[Record], int | None]:
    """What was read, and the offset of what was refused then, if anything was."""
    found: list[Record] = []
    try:
        found.extend(read_segment(plaintext)[1])
    except BadSegment as refused:
        return found, refused.offset
    return found, None


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_nothing_that_was_decrypted_brings_the_reader_down(noise: bytes) -> None:
    found, refused_at = outcome(HEADER + noise)
    assert all(isinstance(record, RtpPacket | SenderReport) for record in found)
    assert refused_at is None or len(HEADER) <= refused_at < len(HEADER) + len(noise)


@settings(deadline=None)
@given(st.lists(packets | reports, min_size=1, max_size=5), st.data())
def test_a_segment_cut_off_anywhere_gives_what_is_whole(records: list[Record], data: st.DataObject) -> None:
    plaintext = HEADER + b"".join(map(packed, records))
    cut = data.draw(st.integers(len(HEADER), len(plaintext)))
    found, refused_at = outcome(plaintext[:cut])
    assert found == records[: len(found)]
    whole = len(HEADER) + sum(map(len, map(packed, found)))
    assert refused_at == (None if cut == whole else whole)
