"""What can be asked of a room. Commands are verbs; `Room.receive` takes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from signalling.consents import Consent
from signalling.media import ParticipantId, PublishedTrack, TrackId
from signalling.private import Private
from signalling.recorder import Attempt
from signalling.tickets import Admission
from signalling.views import LeaveReason, Rating, StopReason


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
class Expel:
    """As `Remove`, but not by somebody in the room: what let the participant in holds no longer."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class Conclude:
    """As `End`, but not by somebody in the room: the consultation is over."""


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


@dataclass(frozen=True, slots=True)
class StartRecording:
    by: ParticipantId


@dataclass(frozen=True, slots=True)
class StopRecording:
    by: ParticipantId


@dataclass(frozen=True, slots=True)
class Grant:
    """The participant lets itself be recorded; the ledger has it. Checked by `RoomRecording.check_grant`."""

    participant: ParticipantId
    consent: Consent


@dataclass(frozen=True, slots=True)
class Refuse:
    """The participant does not, or no longer, let itself be recorded."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class GiveUpAsking:
    """Somebody did not answer in time whether they may be recorded."""


@dataclass(frozen=True, slots=True)
class HaltRecording:
    """This node can record the room no longer."""

    reason: StopReason


@dataclass(frozen=True, slots=True)
class RecorderOpened:
    """`since`: Unix seconds."""

    attempt: Attempt
    since: float


@dataclass(frozen=True, slots=True)
class RecorderFailed:
    attempt: Attempt
    reason: str


@dataclass(frozen=True, slots=True)
class RecorderTroubled:
    """The recorder goes on, but misses something; or, `reason` "resumed", no longer does."""

    attempt: Attempt
    reason: str


@dataclass(frozen=True, slots=True)
class RecorderClosed:
    attempt: Attempt


RecordingCommand = (
    StartRecording
    | StopRecording
    | Grant
    | Refuse
    | GiveUpAsking
    | HaltRecording
    | RecorderOpened
    | RecorderFailed
    | RecorderTroubled
    | RecorderClosed
)
Command = (
    Join
    | Leave
    | Admit
    | Remove
    | End
    | Expel
    | Conclude
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
    | RecordingCommand
)
