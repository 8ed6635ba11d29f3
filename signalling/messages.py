"""What a client may say (protocol §2, client to server), and the one function that reads it.

Messages are frozen and complete: whatever leaves `parse` has been checked, the rest is refused there.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StringConstraints, ValidationError, model_validator

from signalling.consents import ConsentKind
from signalling.errors import BadMessage, UnknownType
from signalling.media import Mid, ParticipantId, Publish, Source, Subscribe, TrackEncryption, TrackId, Wish
from signalling.private import Private
from signalling.wire_model import Binary, WireModel

MAX_RELAY_BODY = 64 * 1024
MAX_SDP_CHARACTERS = 100_000
MAX_MIDS = 64
LARGEST_ID = 2**53 - 1  # beyond this a JavaScript number no longer tells neighbours apart

RequestId = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]
Amount = Annotated[float, Field(strict=True, ge=0, le=1e15, allow_inf_nan=False)]


def _text(longest: int, shortest: int = 0, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strict=True, min_length=shortest, max_length=longest, pattern=pattern)


Token = Annotated[str, _text(128, 1)]
# RFC 8843 §3.1 and RFC 5888 §4: a mid is an SDP token.
MidText = Annotated[Mid, _text(32, 1, r"^[A-Za-z0-9!#$%&'*+.^_`{|}~-]+$")]
TrackText = Annotated[TrackId, _text(128, 1)]
ParticipantText = Annotated[ParticipantId, _text(128, 1)]


class Request(WireModel):
    """Base of all client messages."""

    type: str
    id: RequestId


class ClientProgram(WireModel):
    """Which program speaks; for counting, never for deciding."""

    name: Annotated[str, _text(128)] = ""
    version: Annotated[str, _text(64)] = ""
    platform: Annotated[str, _text(128)] = ""


class Join(Request):
    type: Literal["join"] = "join"
    ticket: Private[Annotated[str, _text(8192, 1)]]
    client: ClientProgram
    encryption_key: Annotated[Binary, Field(min_length=1, max_length=256)] | None = None


class Resume(Request):
    type: Literal["resume"] = "resume"
    resume_token: Private[Annotated[str, _text(256, 1)]]
    last_seq: Annotated[int, Field(strict=True, ge=0, le=LARGEST_ID)]


class PublishFields(WireModel):
    source: Source
    muted: StrictBool = False
    encryption: TrackEncryption = TrackEncryption.NONE


class OfferedTrack(WireModel):
    """What one m-section is for: exactly one of the two."""

    publish: PublishFields | None = None
    subscribe: TrackText | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "OfferedTrack":
        if (self.publish is None) == (self.subscribe is None):
            raise ValueError("either publish or subscribe")
        return self

    def wish(self) -> Wish:
        if self.publish is not None:
            return Publish(self.publish.source, self.publish.muted, self.publish.encryption)
        assert self.subscribe is not None, "the validator lets one of both through"
        return Subscribe(self.subscribe)


class Offer(Request):
    type: Literal["offer"] = "offer"
    sdp: Private[Annotated[str, _text(MAX_SDP_CHARACTERS, 1)]]
    tracks: Annotated[dict[MidText, OfferedTrack], Field(max_length=MAX_MIDS)] = Field(default_factory=dict)

    def wishes(self) -> dict[Mid, Wish]:
        return {mid: offered.wish() for mid, offered in self.tracks.items()}


class Mute(Request):
    type: Literal["mute"] = "mute"
    track: TrackText
    muted: StrictBool


class Prefer(Request):
    """`max_height` in pixels; 0 pauses, null is the best there is."""

    type: Literal["prefer"] = "prefer"
    track: TrackText
    max_height: Annotated[StrictInt, Field(ge=0, le=65_535)] | None


class RecordingAction(Enum):
    START = "start"
    STOP = "stop"


class Record(Request):
    type: Literal["recording"] = "recording"
    action: RecordingAction


class ConsentWord(Enum):
    """What a person may say about its own consent."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Consent(Request):
    """`text_version`: which text the person was shown."""

    type: Literal["consent"] = "consent"
    kind: ConsentKind
    state: ConsentWord
    text_version: Annotated[str, _text(64, 1, r"^[A-Za-z0-9._:+-]+$")] | None = None


class Relay(Request):
    """`body` is opaque to the server; `to` null means all others."""

    type: Literal["relay"] = "relay"
    to: ParticipantText | None
    kind: Annotated[str, _text(32, 1)]
    body: Private[Annotated[Binary, Field(max_length=MAX_RELAY_BODY)]]


class Admit(Request):
    type: Literal["admit"] = "admit"
    participant: ParticipantText


class Remove(Request):
    type: Literal["remove"] = "remove"
    participant: ParticipantText


class End(Request):
    type: Literal["end"] = "end"


class LinkSummary(WireModel):
    """One direction since the last report. `loss` is a share, 0 to 1. Null or absent: not known."""

    rtt_ms: Amount | None = None
    loss: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] | None = None
    jitter_ms: Amount | None = None
    bitrate_bps: Amount | None = None
    freezes: Amount | None = None


class Stats(Request):
    type: Literal["stats"] = "stats"
    uplink: LinkSummary | None = None
    downlink: LinkSummary | None = None


class Leave(Request):
    type: Literal["leave"] = "leave"


InRoom = Offer | Mute | Prefer | Record | Consent | Relay | Admit | Remove | End | Stats | Leave
ClientMessage = Join | Resume | InRoom

_TYPES: tuple[type[ClientMessage], ...] = (
    Join,
    Resume,
    Offer,
    Mute,
    Prefer,
    Record,
    Consent,
    Relay,
    Admit,
    Remove,
    End,
    Stats,
    Leave,
)
REQUESTS: Mapping[str, type[ClientMessage]] = {model.model_fields["type"].default: model for model in _TYPES}

_OUR_WORD = re.compile(r"[a-z_]{1,24}")


def request_id(fields: Mapping[str, object]) -> int | None:
    """The request's id if it has a valid one, for the error reply."""
    given = fields.get("id")
    return given if type(given) is int and 1 <= given <= LARGEST_ID else None


def parse(fields: Mapping[str, object], context: object = None) -> ClientMessage:
    """The message that a decoded map means. `context` is the codec's (`wire.Codec.context`).

    Raises UnknownType for a type we do not know, BadMessage for all else that is not as the contract says.
    """
    name = fields.get("type")
    if not isinstance(name, str):
        raise BadMessage("type: must be text", request_id(fields))
    model = REQUESTS.get(name)
    if model is None:
        raise UnknownType(request_id=request_id(fields))
    try:
        return model.model_validate(fields, context=context)
    except ValidationError as error:
        raise BadMessage(_what_is_wrong(error), request_id(fields)) from None


def _what_is_wrong(error: ValidationError) -> str:
    """The first thing that is wrong, in words that quote nothing of the client's."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(p if isinstance(p, str) and _OUR_WORD.fullmatch(p) else "*" for p in first["loc"])
    return f"{where or 'message'}: {first['msg'][:120]}"
