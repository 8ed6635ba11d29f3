"""Specifies signalling.wire and signalling.messages: whatever comes in, a message or a refusal comes out."""

import base64
import json
import random
import struct
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling import messages
from signalling.errors import BadMessage, UnknownType
from signalling.events import Relayed, RoomOpened, TrackMuted
from signalling.media import Mid, ParticipantId, Publish, Source, Subscribe, TrackEncryption, TrackId
from signalling.messages import MAX_RELAY_BODY, ClientMessage, parse
from signalling.private import Private
from signalling.replies import Error, Ok
from signalling.wire import MAX_MESSAGE_BYTES, Codec, EncodedEvent, choose_codec, decode, encode

CLIENT = {"name": "web", "version": "1", "platform": "Linux"}
VALID: list[dict[str, Any]] = [
    {"type": "join", "id": 1, "ticket": "abc", "client": CLIENT, "encryption_key": b"\x04\xff"},
    {"type": "resume", "id": 1, "resume_token": "abc", "last_seq": 17},
    {
        "type": "offer",
        "id": 2,
        "sdp": "v=0\r\n",
        "tracks": {
            "0": {"publish": {"source": "camera", "muted": True, "encryption": "sframe"}},
            "1": {"subscribe": "track"},
        },
    },
    {"type": "mute", "id": 3, "track": "track", "muted": True},
    {"type": "prefer", "id": 3, "track": "track", "max_height": None},
    {"type": "prefer", "id": 3, "track": "track", "max_height": 360},
    {"type": "recording", "id": 3, "action": "start"},
    {"type": "consent", "id": 3, "kind": "recording", "state": "granted", "text_version": "2026-11"},
    {"type": "consent", "id": 3, "kind": "recording", "state": "withdrawn"},
    {"type": "relay", "id": 3, "to": "doctor", "kind": "chat", "body": b"\x00\x01"},
    {"type": "relay", "id": 3, "to": None, "kind": "chat", "body": b""},
    {"type": "admit", "id": 3, "participant": "guest"},
    {"type": "remove", "id": 3, "participant": "guest"},
    {"type": "end", "id": 3},
    {"type": "stats", "id": 3, "uplink": {"rtt_ms": 12.5, "loss": 0.01}, "downlink": {"freezes": 2}},
    {"type": "leave", "id": 3},
]


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def frame(codec: Codec, message: Any) -> str | bytes:
    if codec is Codec.JSON:
        return json.dumps(message, default=base64url)
    packed: bytes = msgpack.packb(message)
    return packed


def read(codec: Codec, payload: str | bytes) -> ClientMessage:
    return parse(decode(codec, payload), codec.context)


def refused(codec: Codec, message: Any) -> BadMessage:
    with pytest.raises(BadMessage) as refusal:
        read(codec, frame(codec, message))
    return refusal.value


def test_a_text_version_with_control_characters_is_refused() -> None:
    consent = {"type": "consent", "id": 1, "kind": "recording", "state": "granted"}
    for version in ("a\u0001", "a b", "x" * 65, ""):
        refused(Codec.JSON, consent | {"text_version": version})


# --- What is understood ---


def test_the_examples_cover_every_type() -> None:
    assert {message["type"] for message in VALID} == set(messages.REQUESTS)


@pytest.mark.parametrize("message", VALID, ids=lambda message: message["type"])
def test_both_encodings_say_the_same(message: dict[str, Any]) -> None:
    assert read(Codec.JSON, frame(Codec.JSON, message)) == read(Codec.MSGPACK, frame(Codec.MSGPACK, message))


def test_an_offer_becomes_wishes() -> None:
    offer = read(Codec.MSGPACK, frame(Codec.MSGPACK, VALID[2]))
    assert isinstance(offer, messages.Offer)
    assert offer.wishes() == {
        Mid("0"): Publish(Source.CAMERA, True, TrackEncryption.SFRAME),
        Mid("1"): Subscribe(TrackId("track")),
    }


def test_secrets_do_not_show() -> None:
    for message in VALID:
        shown = repr(read(Codec.JSON, frame(Codec.JSON, message)))
        assert "abc" not in shown
        assert "v=0" not in shown


def test_the_server_prefers_msgpack() -> None:
    assert choose_codec((Codec.JSON.value, Codec.MSGPACK.value)) is Codec.MSGPACK
    assert choose_codec((Codec.JSON.value,)) is Codec.JSON
    assert choose_codec(("chat", "")) is None


# --- What is refused ---

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("no id", {"type": "leave"}),
    ("id 0", {"type": "leave", "id": 0}),
    ("id true", {"type": "leave", "id": True}),
    ("id a float", {"type": "leave", "id": 1.0}),
    ("id text", {"type": "leave", "id": "1"}),
    ("id huge", {"type": "leave", "id": 2**53}),
    ("type a number", {"type": 7, "id": 1}),
    ("no ticket", {"type": "join", "id": 1, "client": CLIENT}),
    ("empty ticket", {"type": "join", "id": 1, "ticket": "", "client": CLIENT}),
    ("ticket too long", {"type": "join", "id": 1, "ticket": "x" * 8193, "client": CLIENT}),
    ("client a list", {"type": "join", "id": 1, "ticket": "x", "client": []}),
    ("last_seq below 0", {"type": "resume", "id": 1, "resume_token": "x", "last_seq": -1}),
    ("no sdp", {"type": "offer", "id": 1, "tracks": {}}),
    ("tracks a list", {"type": "offer", "id": 1, "sdp": "x", "tracks": []}),
    ("mid with a space", {"type": "offer", "id": 1, "sdp": "x", "tracks": {"a b": {"subscribe": "x"}}}),
    ("neither", {"type": "offer", "id": 1, "sdp": "x", "tracks": {"0": {}}}),
    (
        "both",
        {
            "type": "offer",
            "id": 1,
            "sdp": "x",
            "tracks": {"0": {"subscribe": "x", "publish": {"source": "camera"}}},
        },
    ),
    (
        "no such source",
        {"type": "offer", "id": 1, "sdp": "x", "tracks": {"0": {"publish": {"source": "tv"}}}},
    ),
    (
        "too many mids",
        {"type": "offer", "id": 1, "sdp": "x", "tracks": {str(n): {"subscribe": "x"} for n in range(65)}},
    ),
    ("muted 1", {"type": "mute", "id": 1, "track": "x", "muted": 1}),
    ("height below 0", {"type": "prefer", "id": 1, "track": "x", "max_height": -1}),
    ("no height", {"type": "prefer", "id": 1, "track": "x"}),
    ("kind too long", {"type": "relay", "id": 1, "to": None, "kind": "k" * 33, "body": b""}),
    ("body too long", {"type": "relay", "id": 1, "to": None, "kind": "k", "body": bytes(MAX_RELAY_BODY + 1)}),
    ("body a map", {"type": "relay", "id": 1, "to": None, "kind": "k", "body": {}}),
    ("no to", {"type": "relay", "id": 1, "kind": "k", "body": b""}),
    ("loss over 1", {"type": "stats", "id": 1, "uplink": {"loss": 2}}),
    ("rtt text", {"type": "stats", "id": 1, "uplink": {"rtt_ms": "12"}}),
    ("rtt below 0", {"type": "stats", "id": 1, "uplink": {"rtt_ms": -1}}),
]


@pytest.mark.parametrize("codec", list(Codec), ids=lambda codec: str(codec.name).lower())
@pytest.mark.parametrize("message", [pytest.param(message, id=name) for name, message in WRONG])
def test_what_is_not_as_the_contract_says_is_refused_by_name(codec: Codec, message: dict[str, Any]) -> None:
    refusal = refused(codec, message)
    given = message.get("id")
    assert refusal.request_id == (given if type(given) is int and 1 <= given < 2**53 else None)
    assert len(str(refusal)) < 200


def test_a_refusal_names_the_field_and_quotes_nothing() -> None:
    offer = {
        "type": "offer",
        "id": 1,
        "sdp": "secret",
        "tracks": {"My-Name": {"publish": {"source": "Jane"}}},
    }
    assert str(refused(Codec.JSON, offer)).startswith("tracks.*.publish.source: ")
    for private in ("Jane", "My-Name", "secret"):
        assert private not in str(refused(Codec.JSON, offer))


def test_an_unknown_type_is_told_apart_and_keeps_its_id() -> None:
    with pytest.raises(UnknownType) as unknown:
        read(Codec.JSON, '{"type":"new","id":3}')
    assert unknown.value.request_id == 3


HOSTILE_JSON = {
    "nothing": "",
    "not JSON": "hello",
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "cut short": '{"type":"leave","id":1',
    "deep lists": "[" * 100_000,
    "deep maps": '{"a":' * 20_000,
    "deep in an unknown field": '{"type":"leave","id":1,"x":' + "[" * 60_000 + "]" * 60_000 + "}",
    "NaN": '{"type":"stats","id":1,"uplink":{"rtt_ms":NaN}}',
    "infinite": '{"type":"stats","id":1,"uplink":{"rtt_ms":1e999}}',
    "a number of 10,000 digits": '{"type":"leave","id":' + "9" * 10_000 + "}",
    "a float of 400 digits": '{"type":"stats","id":1,"uplink":{"rtt_ms":' + "9" * 400 + "}}",
    "half a surrogate pair": '{"type":"mute","id":1,"track":"\\ud800","muted":true}',
    "half a pair, capitals": '{"type":"mute","id":1,"track":"\\uDFFF","muted":true}',
    "half a pair in a key": '{"type":"leave","id":1,"\\ud800":1}',
    "a key twice": '{"type":"leave","id":1,"id":2}',
    "a key twice inside": '{"type":"leave","id":1,"x":{"a":1,"a":1}}',
    "too long": '{"type":"leave","id":1,"x":"' + "x" * MAX_MESSAGE_BYTES + '"}',
    "base64 of a wrong length": '{"type":"relay","id":1,"to":null,"kind":"k","body":"a"}',
    "base64 with other characters": '{"type":"relay","id":1,"to":null,"kind":"k","body":"a b!"}',
    "base64 beyond ASCII": '{"type":"relay","id":1,"to":null,"kind":"k","body":"é"}',
}


@pytest.mark.parametrize("text", HOSTILE_JSON.values(), ids=HOSTILE_JSON.keys())
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        read(Codec.JSON, text)


def test_a_whole_surrogate_pair_is_text() -> None:
    mute = read(Codec.JSON, '{"type":"mute","id":1,"track":"\\ud83d\\ude00","muted":true}')
    assert isinstance(mute, messages.Mute)
    assert mute.track == "😀"


HOSTILE_MSGPACK = {
    "nothing": b"",
    "never used": b"\xc1",
    "cut short": b"\x82\xa4type",
    "a list": b"\x90",
    "more than one value": b"\x80\x80",
    "deep lists": b"\x91" * 100_000,
    "an array that claims 2^32 entries": b"\xdd\xff\xff\xff\xff",
    "arrays that claim 100,000 entries, in each other": b"\xdd\x00\x01\x86\xa0" * 1000,
    "a map that claims 2^32 entries": b"\xdf\xff\xff\xff\xff",
    "text that claims 2^32 bytes": b"\xdb\xff\xff\xff\xff",
    "a map as key": b"\x81\x80\x01",
    "a list as key": b"\x81\x90\x01",
    "bytes as key": b"\x81\xc4\x01a\x01",
    "a number as key": b"\x81\x01\x01",
    "an extension": b"\x81\xa1x\xd4\x05a",
    "text that is not UTF-8": b"\x81\xa4type\xa2\xff\xfe",
    "a surrogate in UTF-8": b"\x81\xa4type\xa3\xed\xa0\x80",
    "a key twice": b"\x82\xa1a\x01\xa1a\x01",
    "a timestamp for an id": b"\x82\xa4type\xa5leave\xa2id\xd6\xff\x00\x00\x00\x01",
    "NaN": msgpack.packb({"type": "stats", "id": 1, "uplink": {"rtt_ms": float("nan")}}),
    "text for bytes": msgpack.packb({"type": "relay", "id": 1, "to": None, "kind": "k", "body": "aGk"}),
    "too long": msgpack.packb({"type": "leave", "id": 1, "x": bytes(MAX_MESSAGE_BYTES)}),
}


@pytest.mark.parametrize("payload", HOSTILE_MSGPACK.values(), ids=HOSTILE_MSGPACK.keys())
def test_hostile_msgpack_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        read(Codec.MSGPACK, payload)


def test_frames_of_the_other_kind_are_refused() -> None:
    with pytest.raises(BadMessage):
        decode(Codec.JSON, b'{"type":"leave","id":1}')
    with pytest.raises(BadMessage):
        decode(Codec.MSGPACK, "\x80")


# --- Mutations ---


def mutate(rng: random.Random, original: bytes) -> bytes:
    mutated = bytearray(original)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(mutated) + 1)
        match rng.randrange(5):
            case 0 if at < len(mutated):
                mutated[at] ^= 1 << rng.randrange(8)
            case 1:
                del mutated[at : at + rng.randint(1, 8)]
            case 2:
                mutated[at:at] = rng.randbytes(rng.randint(1, 4))
            case 3:
                mutated[at:at] = mutated[: rng.randint(0, len(mutated))]
            case _:
                mutated[at : at + 4] = struct.pack(">I", rng.choice((0, 1, 2**31, 2**32 - 1)))
    return bytes(mutated)


@pytest.mark.parametrize("codec", list(Codec), ids=lambda codec: str(codec.name).lower())
def test_ten_thousand_mutated_messages_are_read_or_refused(codec: Codec) -> None:
    rng = random.Random(20)  # the same ones each time
    originals = [frame(codec, message) for message in VALID]
    for _ in range(10_000):
        original = rng.choice(originals)
        if isinstance(original, str):
            payload: str | bytes = mutate(rng, original.encode()).decode("utf-8", "replace")
        else:
            payload = mutate(rng, original)
        with suppress(BadMessage, UnknownType):
            assert 1 <= read(codec, payload).id < 2**53


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(VALID), st.data())
def test_any_value_in_any_field_is_read_or_refused(valid: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(valid)))
    message = valid | {field: data.draw(json_values)}
    for codec in Codec:
        try:
            payload = frame(codec, message)
        except (OverflowError, ValueError):
            continue  # msgpack has no such integer, JSON no such text
        with suppress(BadMessage, UnknownType):
            read(codec, payload)


# --- What is written ---


@given(st.integers(1, 2**40), st.binary(max_size=300))
def test_an_event_reads_the_same_in_both_encodings(seq: int, body: bytes) -> None:
    event = EncodedEvent(Relayed(sender=ParticipantId("p"), kind="chat", body=Private(body)))
    packed = msgpack.unpackb(event.frame(Codec.MSGPACK, seq))
    assert packed == {"seq": seq, "type": "relay", "from": "p", "kind": "chat", "body": body}
    written = json.loads(event.frame(Codec.JSON, seq))
    assert written == packed | {"body": base64url(body)}


def test_an_event_without_fields_is_one_too() -> None:
    assert json.loads(EncodedEvent(RoomOpened()).frame(Codec.JSON, 1)) == {"seq": 1, "type": "room-opened"}


def test_an_event_is_encoded_once_for_all_who_hear_it() -> None:
    event = EncodedEvent(TrackMuted(id=TrackId("t"), muted=True))
    first, second = event.frame(Codec.JSON, 1), event.frame(Codec.JSON, 2)
    assert first.replace(b'"seq":1', b'"seq":2') == second


def test_optional_fields_that_are_not_there_do_not_travel() -> None:
    assert json.loads(encode(Codec.JSON, Ok(id=7))) == {"type": "ok", "id": 7}
    error = Error(code="bad-message", message="no")
    assert json.loads(encode(Codec.JSON, error)) == {
        "type": "error",
        "code": "bad-message",
        "message": "no",
    }
