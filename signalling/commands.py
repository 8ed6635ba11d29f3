"""What can be asked of a room. Commands are verbs; `Room.receive` takes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from signalling.media import ParticipantId, PublishedTrack, TrackId
from signalling.private import Private
from signalling.tickets import Admission
from signalling.views import LeaveReason, Rating


@dataclass(frozen=True, slots=True)
class Join:
    admission: Admission
    encryption_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    participant: ParticipantId
    reason: LeaveReason


@dataclass(frozen=True, slots=True)
class Admit:
    by: ParticipantId
    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class Remove:
    by: ParticipantId
    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class End:
    by: ParticipantId


@dataclass(frozen=True, slots=True)
class Publish:
    """The media plane has these tracks now. Checked beforehand by `Room.check_offer`."""

    owner: ParticipantId
    tracks: tuple[PublishedTrack, ...]


@dataclass(frozen=True, slots=True)
class Unpublish:
    """The media plane has these tracks no longer. Ids that are not the owner's are ignored."""

    owner: ParticipantId
    tracks: tuple[TrackId, ...]


@dataclass(frozen=True, slots=True)
class LoseMedia:
    """The participant's media transport is gone, its WebSocket is not."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class RegainMedia:
    """An offer of the participant was answered: if its transport was given up, it has a new one now."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class Mute:
    by: ParticipantId
    track: TrackId
    muted: bool


@dataclass(frozen=True, slots=True)
class Relay:
    """`to` None: all others."""

    sender: ParticipantId
    to: ParticipantId | None
    kind: str
    body: Private[bytes]


@dataclass(frozen=True, slots=True)
class ReportSilence:
    """Nothing arrives of a track that is published and unmuted; or, not `silent`, something does again."""

    track: TrackId
    silent: bool


@dataclass(frozen=True, slots=True)
class ReportLevels:
    """Who is heard; levels in dBov, -127 to 0."""

    levels: Mapping[TrackId, int]


class Judge(Enum):
    """Who says how well a connection does; the room shows the worse of the two."""

    CLIENT = "client"
    MEDIA_PLANE = "media-plane"


@dataclass(frozen=True, slots=True)
class ReportQuality:
    participant: ParticipantId
    judge: Judge
    uplink: Rating
    downlink: Rating


@dataclass(frozen=True, slots=True)
class WantLayers:
    """Only these simulcast layers are watched by anybody."""

    track: TrackId
    rids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """The room was empty for long."""


Command = (
    Join
    | Leave
    | Admit
    | Remove
    | End
    | Publish
    | Unpublish
    | LoseMedia
    | RegainMedia
    | Mute
    | Relay
    | ReportSilence
    | ReportLevels
    | ReportQuality
    | WantLayers
    | Close
)
