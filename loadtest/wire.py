"""The two sub-protocols of signalling (protocol §2): maps to WebSocket frames and back."""

import base64
import binascii
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgpack

from loadtest.errors import ServerViolation


class Encoding(Enum):
    """The value is the WebSocket sub-protocol's name."""

    MSGPACK = "teleconsult.v1.msgpack"
    JSON = "teleconsult.v1.json"


def encode(encoding: Encoding, message: Mapping[str, object]) -> str | bytes:
    """One frame: text for JSON, binary for msgpack. Bytes anywhere inside become base64url text in JSON."""
    match encoding:
        case Encoding.JSON:
            return json.dumps(message, separators=(",", ":"), default=_as_base64url)
        case Encoding.MSGPACK:
            packed: bytes = msgpack.packb(message)
            return packed


def decode(encoding: Encoding, frame: str | bytes) -> dict[str, Any]:
    """One message. Raises ServerViolation for a frame of the wrong kind, unreadable, or no map."""
    try:
        match encoding, frame:
            case Encoding.JSON, str():
                message = json.loads(frame)
            case Encoding.MSGPACK, bytes():
                message = msgpack.unpackb(frame)
            case _:
                raise ServerViolation("a frame of the other sub-protocol's kind")
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise ServerViolation("an unreadable frame") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ServerViolation("a message without a type")
    return message


def binary(value: object) -> bytes:
    """A binary field as it came: bytes in msgpack, base64url text in JSON, padded or not (RFC 4648 §5)."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ServerViolation("a binary field that is not base64url") from error
    raise ServerViolation("a binary field of another type")


def _as_base64url(value: object) -> str:
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    raise TypeError(f"no JSON form for {type(value).__name__}")
