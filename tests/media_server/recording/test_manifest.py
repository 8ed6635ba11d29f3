"""The manifest's lines: one spelling each, bound to the one before, signed. Nothing else passes for one."""

import base64
import json
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from media_server.recording import (
    BadManifest,
    ConsentRecorded,
    Gap,
    GapCause,
    LastPacket,
    Line,
    ManifestWriter,
    Participant,
    ParticipantEvent,
    PersonPresent,
    Segment,
    SegmentTrack,
    SignedLine,
    Start,
    Stop,
    Tail,
    TrackEnd,
    encoded,
    parse_line,
    parse_manifest,
)
from media_server.recording.manifest import MAX_LINE, NO_LINE
from tests.media_server.recording.builders import BEGAN_US, a_consent, a_signer, a_track, keys_of

SIGNER = a_signer()
KEY = keys_of(SIGNER)[SIGNER.kid]


def a_start(**changed: Any) -> Start:
    fields: dict[str, Any] = {
        "recording": "r" * 22,
        "room": "room-1",
        "node": "node-1",
        "policy": "consented-recording",
        "encryption": "transport",
        "recipient": "age1recipient",
        "custodians": ("age1custodian",),
        "asked_by": "p-1",
        "participants": (PersonPresent("p-1", "doctor"),),
        "consents": (a_consent("p-1"),),
        "public_key": encoded(SIGNER.public_key),
    }
    return Start(**(fields | changed))


def a_segment(**changed: Any) -> Segment:
    part = SegmentTrack(
        label=1,
        packets=2,
        bytes=42,
        first_seq=7,
        last_seq=8,
        first_timestamp=0,
        last_timestamp=0xFFFF_FFFF,
        first_us=BEGAN_US,
        last_us=BEGAN_US + 1,
        ssrcs=(0xFFFF_FFFF,),
        keyframes=0,
    )
    fields: dict[str, Any] = {
        "number": 1,
        "name": "000001.age",
        "sha256": "ab" * 32,
        "bytes": 300,
        "records": 3,
        "tracks": (part,),
    }
    return Segment(**(fields | changed))


def a_gap(**changed: Any) -> Gap:
    fields: dict[str, Any] = {
        "cause": GapCause.NETWORK_LOSS,
        "label": 1,
        "from_us": 5,
        "until_us": 6,
        "packets": 2,
    }
    return Gap(**(fields | {"ranges": ((3, 4),)} | changed))


EVERY_LINE: list[Line] = [
    Participant(id="p-2", role="patient", event=ParticipantEvent.JOINED),
    Participant(id="p-2", role="patient", event=ParticipantEvent.LEFT),
    ConsentRecorded(consent=a_consent("p-2")),
    a_track(1),
    TrackEnd(label=1, reason="unpublished"),
    a_segment(),
    a_segment(records=None, tracks=(), recovered=True),
    *(a_gap(cause=cause) for cause in GapCause),
    a_gap(label=None, until_us=None, packets=None, ranges=()),
    Stop(
        reason="stopped",
        last=(LastPacket(label=1, seq=None, timestamp=None),),
        segments=1,
        packets=2,
        bytes=3,
    ),
]


def written(line: Line, tail: Tail | None = None) -> bytes:
    """As a line of its own, without the newline; the second one unless it is a start."""
    after = Tail(1, "cd" * 32)
    writer = ManifestWriter(SIGNER, tail or (Tail() if isinstance(line, Start) else after))
    return writer.add(line, BEGAN_US)[:-1]


def rewritten(line: Line, /, **changed: Any) -> bytes:
    """Changed in writing, in the canonical spelling."""
    fields = json.loads(written(line)) | changed
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("line", [a_start(), *EVERY_LINE], ids=lambda line: type(line).__name__)
def test_every_line_comes_back_as_it_was_signed(line: Line) -> None:
    signed = parse_line(written(line))
    assert signed.line == line
    assert (signed.at_us, signed.key) == (BEGAN_US, SIGNER.kid)
    assert signed.signed_by(KEY)
    assert not signed.signed_by(keys_of(a_signer()).popitem()[1])


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=256)


@settings(deadline=None)
@given(texts, texts, st.integers(0, 2**63 - 1))
def test_any_text_and_time_comes_back(id_: str, role: str, at_us: int) -> None:
    line = Participant(id=id_, role=role, event=ParticipantEvent.JOINED)
    raw = ManifestWriter(SIGNER, Tail(1, NO_LINE)).add(line, at_us)
    signed = parse_line(raw[:-1])
    assert (signed.line, signed.at_us) == (line, at_us)
    assert raw.count(b"\n") == 1


def test_a_manifest_can_be_checked_with_nothing_but_the_standard_tools() -> None:
    """What docs/recording.md tells of chain and signature, done without our code."""
    writer = ManifestWriter(SIGNER)
    lines = [writer.add(line, BEGAN_US) for line in (a_start(), *EVERY_LINE)]
    previous = "0" * 64
    for number, raw in enumerate(lines, 1):
        assert raw.endswith(b"\n")
        fields = json.loads(raw)
        signature = base64.urlsafe_b64decode(fields.pop("signature") + "==")
        KEY.verify(
            signature, json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        )
        assert (fields["line"], fields["previous"], fields["key"]) == (number, previous, SIGNER.kid)
        previous = sha256(raw[:-1]).hexdigest()
    assert writer.head == previous
    assert [signed.line for signed in parse_manifest(b"".join(lines))] == [a_start(), *EVERY_LINE]


def test_a_writer_goes_on_where_another_ended() -> None:
    first = ManifestWriter(SIGNER)
    content = first.add(a_start(), BEGAN_US)
    begun = first.tail
    first.add(a_track(1), BEGAN_US)  # which never reached the disk
    second = ManifestWriter(SIGNER, begun)
    content += second.add(a_track(2), BEGAN_US)
    _, last = parse_manifest(content)
    assert (last.number, last.previous, last.hash) == (2, begun.head, second.head)


@pytest.mark.parametrize(
    "line",
    [
        a_start(),  # there is one already
        a_segment(number=0),
        a_segment(number=1_000_000),
        a_segment(sha256="AB" * 32),
        a_segment(bytes=-1),
        a_gap(label=1 << 16),
        a_gap(packets=2**63),
        a_gap(ranges=((1,),)),
        a_gap(cause="boredom"),
        TrackEnd(label=1, reason="x" * 257),
        TrackEnd(label=1, reason="\x1b[2Ja clean screen"),
        TrackEnd(label=1, reason="\ud800"),
        TrackEnd(label=1, reason=None),  # type: ignore[arg-type]
    ],
    ids=lambda line: type(line).__name__,
)
def test_a_line_that_no_reader_would_take_is_not_written_and_changes_nothing(line: Line) -> None:
    writer = ManifestWriter(SIGNER)
    writer.add(a_start(), BEGAN_US)
    tail = writer.tail
    with pytest.raises(BadManifest, match="manifest line 2"):
        writer.add(line, BEGAN_US)
    assert writer.tail == tail
    writer.add(a_track(1), BEGAN_US)


def test_a_manifest_begins_with_start() -> None:
    with pytest.raises(BadManifest, match="begins with start"):
        ManifestWriter(SIGNER).add(a_track(1), BEGAN_US)


@pytest.mark.parametrize(
    "raw",
    [
        written(a_gap()) + b" ",
        written(a_gap()) + b"\r",
        b" " + written(a_gap()),
        b"\xef\xbb\xbf" + written(a_gap()),
        written(a_gap()).replace(b'"label":1', b'"label": 1'),
        written(a_gap()).replace(b'"label":1', b'"label":1.0'),
        written(a_gap()).replace(b'"label":1', b'"label":1e0'),
        written(a_gap()).replace(b'"label":1', b'"label":"1"'),
        written(a_gap()).replace(b'"label":1', b'"label":true'),
        written(a_gap()).replace(b'"label":1', b'"label":1,"label":1'),
        written(a_gap()).replace(b'"cause":"network', b'"cause":"\\u006eetwork'),
        written(a_gap()).replace(b'"cause":', b'"a":0,"cause":'),
        rewritten(a_gap(), more="than we know"),
        rewritten(a_segment(), recovered=False),
        b"{" + b",".join(reversed(written(TrackEnd(label=1, reason="x"))[1:-1].split(b","))) + b"}",
    ],
    ids=range(15),
)
def test_another_spelling_of_a_line_is_refused(raw: bytes) -> None:
    with pytest.raises(BadManifest):
        parse_line(raw)


def test_the_bits_that_base64_leaves_over_cannot_be_used_to_change_a_line() -> None:
    raw = written(a_gap())
    signature = json.loads(raw)["signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = alphabet[alphabet.index(signature[-1]) | 1]
    assert spare != signature[-1]
    with pytest.raises(BadManifest):
        parse_line(raw.replace(signature.encode(), (signature[:-1] + spare).encode()))


@pytest.mark.parametrize(
    "changed",
    [
        {"line": 0},
        {"line": 2**63},
        {"line": -1},
        {"line": None},
        {"previous": "xy"},
        {"previous": "AB" * 32},
        {"type": "from-the-future"},
        {"type": ["gap"]},
        {"type": "stop"},
        {"at_us": -1},
        {"at_us": float("nan")},
        {"at_us": float("inf")},
        {"key": 7},
        {"key": "k" * 257},
        {"signature": "A" * 85},
        {"signature": "A" * 85 + "="},
        {"signature": ""},
        {"label": {}},
        {"ranges": {}},
        {"ranges": [[1, 2, 3]]},
        {"ranges": [[-1, 2]]},
        {"ranges": None},
    ],
    ids=str,
)
def test_a_field_out_of_its_bounds_is_named_and_not_quoted(changed: dict[str, Any]) -> None:
    with pytest.raises(BadManifest) as refused:
        parse_line(rewritten(a_gap(), **changed), position=4)
    assert str(refused.value).startswith("manifest line 4: ")
    assert len(str(refused.value)) < 100
    assert "kkk" not in str(refused.value)


@pytest.mark.parametrize("field", sorted(json.loads(written(a_gap()))))
def test_a_field_that_is_missing_is_refused(field: str) -> None:
    fields = json.loads(written(a_gap()))
    del fields[field]
    with pytest.raises(BadManifest):
        parse_line(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize("version", [0, 2, "1", None, True])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(BadManifest):
        parse_line(rewritten(a_start(), version=version))


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b'{"line":' + b"9" * 100_000 + b"}"])
def test_depth_and_length_bring_no_reader_down(raw: bytes) -> None:
    with pytest.raises(BadManifest):
        parse_line(raw)


def test_a_line_too_long_to_be_ours_is_not_even_looked_at() -> None:
    with pytest.raises(BadManifest, match="too long"):
        parse_line(b" " * (MAX_LINE + 1))


fields = st.sampled_from(["line", "previous", "type", "at_us", "key", "signature", "label", "ranges", "x"])
values = (
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(["gap", "a" * 64])
)
anything = values | st.lists(values) | st.dictionaries(fields, values | st.lists(values))


@settings(deadline=None)
@given(st.binary(max_size=300) | anything.map(json.dumps).map(str.encode))
def test_no_bytes_bring_the_reader_down(raw: bytes) -> None:
    with pytest.raises(BadManifest):
        parse_line(raw)


@settings(deadline=None)
@given(st.data())
def test_no_bit_of_a_line_can_change_and_its_signature_hold(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(EVERY_LINE))
    raw = bytearray(written(line))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert not holds(bytes(raw))


def holds(raw: bytes) -> bool:
    try:
        signed: SignedLine = parse_line(raw)
        KEY.verify(signed.signature, signed.signed)
    except (BadManifest, InvalidSignature):
        return False
    return signed.key == SIGNER.kid


def test_a_manifest_that_ends_within_a_line_is_refused_there() -> None:
    writer = ManifestWriter(SIGNER)
    content = writer.add(a_start(), BEGAN_US) + writer.add(a_track(1), BEGAN_US)
    with pytest.raises(BadManifest, match="manifest line 2: cut off"):
        parse_manifest(content[:-1])
    assert parse_manifest(b"") == []
