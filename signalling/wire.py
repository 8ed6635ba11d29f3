"""The two sub-protocols (protocol §2): frames to maps, replies and events to frames. Knows no rules.

Reading never raises anything but BadMessage, whatever the bytes; writing never fails on what our models hold.
"""

import json
from enum import Enum
from typing import Any, NoReturn

import msgpack

from signalling.errors import BadMessage
from signalling.events import Event
from signalling.replies import Reply
from signalling.wire_model import JSON_BYTES, WireModel

MAX_MESSAGE_BYTES = 128 * 1024
_MOST_ENTRIES = 1024
"""Of one array or map: a header of five bytes would have us allocate 128 Ki entries at each depth."""


class Codec(Enum):
    """The value is the sub-protocol's name; the order is the server's preference."""

    MSGPACK = "teleconsult.v1.msgpack"
    JSON = "teleconsult.v1.json"

    @property
    def context(self) -> object:
        """For `messages.parse`: how binary fields come."""
        return JSON_BYTES if self is Codec.JSON else None


def choose_codec(offered: tuple[str, ...]) -> Codec | None:
    """The first of ours that the client offers (RFC 6455 §4.2.2 leaves the choice to the server)."""
    return next((codec for codec in Codec if codec.value in offered), None)


def decode(codec: Codec, frame: str | bytes) -> dict[str, object]:
    """The map in one frame, text for JSON and binary for msgpack. Raises BadMessage."""
    if isinstance(frame, str) is not (codec is Codec.JSON):
        raise BadMessage("a frame of the other sub-protocol's kind")
    # A text of n characters has at least n bytes, so this bounds both; the socket bounds bytes exactly.
    if len(frame) > MAX_MESSAGE_BYTES:
        raise BadMessage("the message is too long")
    try:
        message = _from_json(frame) if isinstance(frame, str) else _from_msgpack(frame)
    except BadMessage:
        raise
    except (ValueError, RecursionError, TypeError, OverflowError):
        # All that json and msgpack raise for garbage, depth, huge numbers and keys that cannot be keys.
        raise BadMessage("not a readable message") from None
    if not isinstance(message, dict):
        raise BadMessage("a message is a map")
    return message


def _from_json(text: str) -> Any:
    message = json.loads(text, object_pairs_hook=_map, parse_constant=_no_such_number)
    if "\\ud" in text or "\\uD" in text:
        # An escaped surrogate without its other half (RFC 8259 §8.2) is no text: it could not be sent on.
        json.dumps(message, ensure_ascii=False).encode()
    return message


def _from_msgpack(frame: bytes) -> Any:
    return msgpack.unpackb(
        frame,
        object_pairs_hook=_map,
        ext_hook=_no_extension,
        max_array_len=_MOST_ENTRIES,
        max_map_len=_MOST_ENTRIES,
    )


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, object]:
    """Two readers of a map with a key given twice may understand two different things, so we refuse it."""
    message = dict(pairs)
    if len(message) != len(pairs):
        raise BadMessage("a key appears twice")
    for key in message:
        if type(key) is not str:
            raise BadMessage("a key that is not text")
    return message


def _no_such_number(_: str) -> NoReturn:
    raise BadMessage("NaN and Infinity are no JSON numbers (RFC 8259 §6)")


def _no_extension(code: int, data: bytes) -> NoReturn:
    raise BadMessage("msgpack extension types are not used here")


def encode(codec: Codec, reply: Reply) -> bytes:
    """One reply as the payload of a frame."""
    return _encode(codec, reply)


class EncodedEvent:
    """One event for any number of sessions: encoded once for each codec, then only `seq` is put in front."""

    __slots__ = ("_bodies", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._bodies: dict[Codec, bytes] = {}

    def frame(self, codec: Codec, seq: int) -> bytes:
        """The payload of the frame that carries this event as number `seq` of a session."""
        body = self._bodies.get(codec)
        if body is None:
            body = self._bodies[codec] = _encode(codec, self.event)
        if codec is Codec.JSON:
            return b'{"seq":%d,' % seq + body[1:]
        # Our events have fewer than 15 fields: the header is a fixmap, 0x80 | n, and one more still fits.
        number: bytes = msgpack.packb(seq)
        return bytes((body[0] + 1,)) + b"\xa3seq" + number + body[1:]


def _encode(codec: Codec, message: WireModel) -> bytes:
    if codec is Codec.JSON:
        return message.model_dump_json(by_alias=True).encode()
    packed: bytes = msgpack.packb(message.model_dump(by_alias=True), default=_plain)
    return packed


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"no wire form for {type(value).__name__}")
