"""What the server tells a participant (protocol §2), as types; the `parse_…` functions are the only edge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NewType

from loadtest.errors import ServerViolation
from loadtest.wire import binary

ParticipantId = NewType("ParticipantId", str)
TrackId = NewType("TrackId", str)
Message = Mapping[str, Any]


class RoomState(Enum):
    WAITING = "waiting"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Track:
    id: TrackId
    participant: ParticipantId
    kind: str  # "audio" or "video"
    source: str  # "camera", "microphone", "screen"
    muted: bool
    encryption: str
    codec: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Participant:
    id: ParticipantId
    role: str
    name: str
    admitted: bool
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """The joined state: the reply to `join` and to `resume`."""

    session: str
    resume_token: str
    resume_window_s: float
    ping_interval_s: float
    me: ParticipantId
    role: str
    grants: tuple[str, ...]
    room: str
    state: RoomState
    policy: str
    participants: tuple[Participant, ...]
    recording: str = "off"
    granted: frozenset[ParticipantId] = frozenset()


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    id: ParticipantId
    reason: str


@dataclass(frozen=True, slots=True)
class ParticipantAdmitted:
    id: ParticipantId


@dataclass(frozen=True, slots=True)
class Knocking:
    participant: Participant


@dataclass(frozen=True, slots=True)
class RoomOpened:
    pass


@dataclass(frozen=True, slots=True)
class TrackPublished:
    track: Track


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    id: TrackId


@dataclass(frozen=True, slots=True)
class TrackMuted:
    id: TrackId
    muted: bool


@dataclass(frozen=True, slots=True)
class TrackSilent:
    """Nothing arrives of it; or, not `silent`, something does again."""

    id: TrackId
    silent: bool = True


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who is heard, loudest level in dBov (negative, 0 is the loudest possible)."""

    levels: tuple[tuple[ParticipantId, float], ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """`media_lost`: the server gave our media path up; only a new connection helps."""

    participant: ParticipantId
    uplink: str
    downlink: str
    media_lost: bool = False


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """`state`: off, starting, on or stopping; `by`: who asked for it, while it is not off."""

    state: str
    reason: str | None
    by: ParticipantId | None = None


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """`state`: requested, granted, refused, withdrawn or expired; `participant` None: mine."""

    kind: str
    state: str
    participant: ParticipantId | None = None


@dataclass(frozen=True, slots=True)
class Relayed:
    sender: ParticipantId
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class RoomEnded:
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The room moves: join at `url` with this `ticket`, and stay here until that connection carries all."""

    url: str
    ticket: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Other:
    """An event without a type here (queue, layers-wanted, newer ones)."""

    type: str
    fields: Message


@dataclass(frozen=True, slots=True)
class Cut:
    """Local: the WebSocket broke; media may go on and a resume is being tried."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Local: the session goes on over a new WebSocket; missed events follow."""


Event = (
    ParticipantJoined
    | ParticipantLeft
    | ParticipantAdmitted
    | Knocking
    | RoomOpened
    | TrackPublished
    | TrackUnpublished
    | TrackMuted
    | TrackSilent
    | Speakers
    | Quality
    | RecordingChanged
    | ConsentChanged
    | Relayed
    | RoomEnded
    | Moved
    | Other
    | Cut
    | Resumed
)


def parse_event(message: Message) -> Event:
    """Raises ServerViolation when a known event lacks a field or has one of the wrong type."""
    try:
        return _parse_event(message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerViolation(f"a malformed event {message.get('type')!r}") from error


def _parse_event(message: Message) -> Event:
    match message["type"]:
        case "participant-joined":
            return ParticipantJoined(parse_participant(message["participant"]))
        case "participant-left":
            return ParticipantLeft(ParticipantId(message["id"]), str(message.get("reason", "")))
        case "participant-admitted":
            return ParticipantAdmitted(ParticipantId(message["id"]))
        case "knocking":
            return Knocking(parse_participant(message["participant"]))
        case "room-opened":
            return RoomOpened()
        case "track-published":
            return TrackPublished(parse_track(message["track"]))
        case "track-unpublished":
            return TrackUnpublished(TrackId(message["id"]))
        case "track-muted":
            return TrackMuted(TrackId(message["id"]), bool(message["muted"]))
        case "track-silent":
            return TrackSilent(TrackId(message["id"]), bool(message.get("silent", True)))
        case "speakers":
            heard = message["speakers"]
            return Speakers(tuple((ParticipantId(s["participant"]), float(s["level_dbov"])) for s in heard))
        case "quality":
            lost = message.get("transport") == "closed"
            return Quality(
                ParticipantId(message["participant"]), message["uplink"], message["downlink"], lost
            )
        case "recording":
            return RecordingChanged(message["state"], message.get("reason"), message.get("by"))
        case "consent":
            return ConsentChanged(message["kind"], message["state"], message.get("participant"))
        case "relay":
            return Relayed(ParticipantId(message["from"]), message["kind"], binary(message["body"]))
        case "room-ended":
            return RoomEnded(str(message.get("reason", "")))
        case "moved":
            return Moved(_text(message["url"]), _text(message["ticket"]))
        case other:
            fields = {key: value for key, value in message.items() if key not in ("type", "seq")}
            return Other(other, fields)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def parse_track(fields: Message) -> Track:
    return Track(
        TrackId(fields["id"]),
        ParticipantId(fields["participant"]),
        fields["kind"],
        fields["source"],
        bool(fields["muted"]),
        fields["encryption"],
        fields["codec"],
        bool(fields.get("silent", False)),
    )


def parse_participant(fields: Message) -> Participant:
    return Participant(
        ParticipantId(fields["id"]),
        fields["role"],
        fields["name"],
        bool(fields["admitted"]),
        tuple(parse_track(track) for track in fields.get("tracks") or ()),
    )


def parse_joined(message: Message) -> Joined:
    """Raises ServerViolation when the joined state is not as protocol §2 says."""
    try:
        me, room = message["participant"], message["room"]
        return Joined(
            message["session"],
            message["resume_token"],
            float(message["resume_window_s"]),
            float(message["ping_interval_s"]),
            ParticipantId(me["id"]),
            me["role"],
            tuple(me["grants"]),
            room["id"],
            RoomState(room["state"]),
            room["policy"],
            tuple(parse_participant(other) for other in message["participants"]),
            room["recording"]["state"],
            frozenset(map(ParticipantId, room["recording"].get("granted", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServerViolation("a malformed joined state") from error
