"""How a message's fields are held: frozen models, binary fields, unknown fields ignored. Knows no message."""

import base64
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, Strict, WithJsonSchema
from pydantic.functional_validators import BeforeValidator
from pydantic_core.core_schema import ValidationInfo

JSON_BYTES = {"encoding": "json"}
"""Validation context of the JSON sub-protocol: binary fields come as base64url text (RFC 4648 §5)."""


def _bytes_from_wire(value: object, info: ValidationInfo) -> object:
    if info.context is not JSON_BYTES or not isinstance(value, str):
        return value
    # RFC 4648 §3.3: characters outside the alphabet are refused. Padding may be left out, and the plain
    # alphabet of §4 is understood as well: no text means one thing in the one and another in the other.
    text = value.rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def base64url(value: bytes) -> str:
    """Without padding (RFC 4648 §3.2, §5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


Binary = Annotated[
    bytes,
    Strict(),
    BeforeValidator(_bytes_from_wire),
    PlainSerializer(base64url, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64url"}),
]


class WireModel(BaseModel):
    """A map on the wire: frozen, unknown fields ignored, values never quoted in an error."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
    )


def absent(value: object) -> bool:
    """For `exclude_if`: an optional field that is not there does not travel as null."""
    return value is None
