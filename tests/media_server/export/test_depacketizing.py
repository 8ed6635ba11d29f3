"""Frames out of RTP payloads: what was cut comes together again, and whatever comes instead is refused."""

from collections.abc import Callable

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_server.recording.export import av1, opus, vp8, vp9
from media_server.recording.export.errors import Malformed
from media_server.recording.export.h264 import H264
from media_server.recording.export.picture import Depacketize
from media_server.recording.export.rtp import parse
from media_server.recording.format import RtpPacket
from tests.media_server.export import packetizing
from tests.media_server.export.media import video
from tests.media_server.export.packetizing import payloads_of

DEPACKETIZERS: dict[str, Callable[[], Depacketize]] = {
    "vp8": lambda: vp8.depacketize,
    "h264": lambda: H264().depacketize,
    "vp9": lambda: vp9.depacketize,
    "av1": lambda: av1.depacketize,
}
CODECS = list(DEPACKETIZERS)
# Bytes that begin as the codecs' own do go further into a parser than any would.
BEGINNINGS = st.sampled_from(
    [
        *(b"", b"\x10", b"\x90\x80", b"\x90\xf0\x80", b"\x7c\x85", b"\x7c\x05", b"\x7c\x45", b"\x78\x00\x05"),
        *(b"\x65\x80", b"\x67\x42", b"\xaa", b"\x0c", b"\x8f", b"\xbe", b"\xfe\x81", b"\x18", b"\x50\x0a"),
        *(b"\xd0", b"\x00\x05\x0a"),
    ]
)  # fmt: skip
PAYLOADS = st.lists(st.builds(bytes.__add__, BEGINNINGS, st.binary(max_size=40)), max_size=6)


@pytest.mark.parametrize("codec", CODECS)
@given(payloads=PAYLOADS)
@settings(max_examples=500)
def test_whatever_comes_is_a_picture_or_malformed(codec: str, payloads: list[bytes]) -> None:
    try:
        picture = DEPACKETIZERS[codec]()(payloads)
    except Malformed:
        return
    # Sizes that AV1 adds and start codes of H.264 make a picture larger, but never by much.
    assert 0 < len(picture.data) <= 8 * sum(map(len, payloads)) + 64


@pytest.mark.parametrize("codec", CODECS)
def test_really_encoded_pictures_come_out_as_they_went_in(codec: str) -> None:
    depacketize = DEPACKETIZERS[codec]()
    for frame in video(codec, 3, 320, 240):
        picture = depacketize(payloads_of(codec, frame.data, key=frame.key))
        assert picture.key is frame.key
        if codec == "av1":
            assert packetizing.obus(picture.data) == packetizing.obus(frame.data)
        else:
            assert picture.data.replace(b"\0\0\0\1", b"\0\0\1") == frame.data.replace(b"\0\0\0\1", b"\0\0\1")


@given(frame=st.binary(min_size=1, max_size=4000), key=st.booleans(), mtu=st.integers(1, 1200))
def test_vp9_comes_together_however_it_is_cut(frame: bytes, key: bool, mtu: int) -> None:
    assert vp9.depacketize(packetizing.vp9(frame, key=key, mtu=mtu)).data == frame


@given(bodies=st.lists(st.binary(min_size=1, max_size=600), min_size=1, max_size=4), mtu=st.integers(1, 500))
def test_av1_comes_together_however_it_is_cut(bodies: list[bytes], mtu: int) -> None:
    units = [b"\x30" + body for body in bodies]  # OBU_FRAME
    sized = b"".join(b"\x32" + _leb128(len(body)) + body for body in bodies)
    payloads = packetizing.av1(sized, key=False, mtu=mtu)
    assert packetizing.obus(av1.depacketize(payloads).data) == units


BODIES = st.binary(min_size=2, max_size=5000).map(lambda body: body.replace(b"\0", b"\1"))


@given(bodies=st.lists(BODIES, min_size=1, max_size=5))
def test_h264_comes_together_from_fragments_and_aggregates(bodies: list[bytes]) -> None:
    units = [b"\x41\x80" + body for body in bodies]
    frame = b"".join(b"\0\0\0\1" + unit for unit in units)
    assert H264().depacketize(payloads_of("h264", frame)).data == frame


def test_layers_of_vp9_become_a_superframe_that_plays() -> None:
    first, second = video("vp9", 1)[:2]
    payloads = [*packetizing.vp9(first.data, key=True), *packetizing.vp9(second.data, key=False)]
    picture = vp9.depacketize(payloads)
    assert picture.key
    decoder = av.CodecContext.create("vp9", "r")
    assert len([*decoder.decode(av.Packet(picture.data)), *decoder.decode(None)]) == 2


HOSTILE = {
    "vp8": {
        "nothing": [],
        "empty payload": [b""],
        "extension cut off": [b"\x90"],
        "picture id cut off": [b"\x90\x80"],
        "long picture id cut off": [b"\x90\x80\x81"],
        "TL0PICIDX cut off": [b"\x90\xc0\x01"],
        "key index cut off": [b"\x90\x10"],
        "descriptor alone": [b"\x10"],
        "middle of a picture": [b"\x00abcdefghijkl"],
        "second partition first": [b"\x11abcdefghijkl"],
        "key frame without start code": [b"\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"],
    },
    "h264": {
        "nothing": [],
        "empty payload": [b""],
        "header alone": [b"\x65"],
        "fragment without start": [b"\x7c\x05abc", b"\x7c\x45def"],
        "fragment without end": [b"\x7c\x85abc", b"\x7c\x05def"],
        "fragment started twice": [b"\x7c\x85abc", b"\x7c\x85abc"],
        "fragment of another unit": [b"\x7c\x85abc", b"\x7c\x41abc"],
        "unit inside a fragment": [b"\x7c\x85abc", b"\x65\x80"],
        "aggregate too short": [b"\x78\x00\x09\x65"],
        "aggregate with half a length": [b"\x78\x00\x02\x65\x80\x00"],
        "aggregate of nothing": [b"\x78\x00\x00"],
        "aggregate in an aggregate": [b"\x78\x00\x02\x78\x00"],
        "packetization that nobody negotiated": [b"\x7d\x85abc"],
        "first slice lost": [b"\x65\x40abc"],
        "no slice": [b"\x67\x42\x00\x1f", b"\x68\xce"],
    },
    "vp9": {
        "nothing": [],
        "empty payload": [b""],
        "picture id cut off": [b"\x8c"],
        "layers alone": [b"\xac\x01\x02"],
        "references without end": [b"\xdc\x01\x03\x03\x03\x03abc"],
        "structure cut off": [b"\x8e\x01\xff"],
        "no begin": [b"\x84\x01abc"],
        "no end": [b"\x88\x01abc"],
        "begun twice": [b"\x88\x01abc", b"\x8c\x01abc"],
        "nine layers": [b"\x8c\x01abc"] * 9,
    },
    "av1": {
        "nothing": [],
        "empty payload": [b""],
        "header alone": [b"\x18"],
        "goes on from nothing": [b"\x90\x30abc"],
        "never goes on": [b"\x50\x30abc"],
        "element longer than the packet": [b"\x00\x7f\x30"],
        "size without end": [b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff"],
        "fewer elements than said": [b"\x30\x02\x30\x01"],
        "no frame": [b"\x18\x08abc"],
        "forbidden bit": [b"\x10\xb0abc"],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("codec", "payloads"),
    [
        pytest.param(codec, case, id=f"{codec} {name}")
        for codec, cases in HOSTILE.items()
        for name, case in cases.items()
    ],
)
def test_hostile_payloads_are_malformed(codec: str, payloads: list[bytes]) -> None:
    with pytest.raises(Malformed):
        DEPACKETIZERS[codec]()(payloads)


def test_parameter_sets_that_are_sent_once_stand_before_every_key_frame() -> None:
    track, (first, *_) = H264(), video("h264", 1)
    key = track.depacketize(payloads_of("h264", first.data))
    sets = [unit for unit in key.data.split(b"\0\0\0\1") if unit and unit[0] & 31 in (7, 8)]
    bare = track.depacketize([b"\x65\x88abc"])
    assert bare.key
    assert bare.data == b"".join(b"\0\0\0\1" + unit for unit in [*sets, b"\x65\x88abc"])
    assert not H264().depacketize([b"\x65\x88abc"]).key, "undecodable: nobody ever sent a parameter set"


# --- Opus ---

TOCS = st.integers(0, 255)


@given(toc=TOCS, rest=st.binary(max_size=200))
@settings(max_examples=500)
def test_a_sound_packet_is_malformed_or_lasts_as_long_for_the_decoder(toc: int, rest: bytes) -> None:
    packet = bytes([toc]) + rest
    try:
        samples = opus.duration(packet)
    except Malformed:
        return
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = opus.RATE, "stereo"
    assert sum(frame.samples for frame in decoder.decode(av.Packet(packet))) == samples


@pytest.mark.parametrize(("samples", "packet"), opus.SILENCES)
def test_silence_is_silent(samples: int, packet: bytes) -> None:
    assert opus.duration(packet) == samples
    for name in ("libopus", "opus"):
        decoder = av.CodecContext.create(name, "r")
        decoder.extradata = opus.HEADER
        [frame] = decoder.decode(av.Packet(packet))
        assert isinstance(frame, av.AudioFrame)
        assert frame.samples == samples
        assert not frame.to_ndarray().any()


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x01a", b"\x02", b"\x02\xff", b"\x02\x05abc", b"\x03", b"\x03\x00", b"\x03\x41", b"\x03\x41\xff",
     b"\x03\x02abc", b"\x03\x82\x09a", b"\x1b\x05abcde", bytes([0xF8]) + bytes(1276)],
)  # fmt: skip
def test_malformed_sound_is_refused(packet: bytes) -> None:
    with pytest.raises(Malformed):
        opus.duration(packet)


# --- RTP ---


@given(packet=st.binary(min_size=12, max_size=60))
def test_any_record_is_an_rtp_packet_or_malformed(packet: bytes) -> None:
    try:
        parsed = parse(RtpPacket(1, 5, 7, packet))
    except Malformed:
        return
    assert packet[0] >> 6 == 2
    assert parsed.payload in packet
    assert parsed.timestamp == int.from_bytes(packet[4:8])


def test_the_payload_stands_behind_sources_and_extensions_and_before_padding() -> None:
    head = bytes([0xB1, 0x80 | 96]) + b"\0\1" + b"\0\0\0\2" + b"\0\0\0\3"
    packet = head + b"csrc" + b"\xbe\xde\0\1" + b"exts" + b"payload" + b"\0\0\3"
    parsed = parse(RtpPacket(1, 5, 7, packet))
    assert (parsed.payload, parsed.marker, parsed.timestamp, parsed.ssrc) == (b"payload", True, 2, 3)


def _leb128(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])
