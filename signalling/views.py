"""How people, tracks and rooms are shown on the wire (protocol §2, joined state), and their closed sets."""

import operator
from enum import Enum

from pydantic import Field

from signalling.media import ParticipantId, RoomId, Source, TrackEncryption, TrackId
from signalling.private import Private
from signalling.wire_model import Binary, WireModel, absent


class Role(Enum):
    PATIENT = "patient"
    DOCTOR = "doctor"
    GUEST = "guest"


class RoomState(Enum):
    WAITING = "waiting"
    OPEN = "open"
    ENDED = "ended"


class RoomEncryption(Enum):
    TRANSPORT = "transport"
    END_TO_END = "end-to-end"


class RecordingState(Enum):
    OFF = "off"
    STARTING = "starting"
    ON = "on"
    STOPPING = "stopping"


class StopReason(Enum):
    """Why a recording ended, or was given up, as decided here; a recorder that fails has words of its own."""

    STOPPED = "stopped"
    CONSENT_REFUSED = "consent-refused"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    CONSENT_NOT_GIVEN = "consent-not-given"
    JOINED_WITHOUT_CONSENT = "joined-without-consent"
    ASKER_LEFT = "asker-left"
    ROOM_EMPTY = "room-empty"
    ROOM_ENDED = "room-ended"
    NODE_DRAINING = "node-draining"
    FENCED = "fenced"


class ConsentState(Enum):
    """`requested` and silence mean no."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Rating(Enum):
    """How well one direction of a participant's connection does; `lost`: nothing arrives."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    LOST = "lost"


class LeaveReason(Enum):
    LEFT = "left"
    REMOVED = "removed"
    REPLACED = "replaced"
    CONNECTION_LOST = "connection-lost"


class EndReason(Enum):
    ENDED = "ended"
    EMPTY = "empty"


class TransportState(Enum):
    CLOSED = "closed"


class Track(WireModel):
    """A published track as the room shows it. `silent` travels only when it is true."""

    id: TrackId
    participant: ParticipantId
    kind: str
    source: Source
    muted: bool
    encryption: TrackEncryption
    codec: str
    silent: bool = Field(default=False, exclude_if=operator.not_)


class Participant(WireModel):
    """A person in a room as others see them."""

    id: ParticipantId
    role: Role
    name: Private[str]
    admitted: bool
    encryption_key: Binary | None = Field(default=None, exclude_if=absent)
    tracks: tuple[Track, ...] = ()


class Recording(WireModel):
    """`since`: Unix seconds, null while nothing is recorded. `by`: who asked for it, while it is not off.
    `granted`: who of those admitted and present has granted; does not travel when it is nobody, nor to
    somebody who waits. `available`: whether this room can be recorded; travels only when it is true.
    """

    state: RecordingState
    since: float | None
    by: ParticipantId | None = Field(default=None, exclude_if=absent)
    granted: tuple[ParticipantId, ...] = Field(default=(), exclude_if=operator.not_)
    available: bool = Field(default=False, exclude_if=operator.not_)


class RoomView(WireModel):
    """The room itself; people are listed beside it."""

    id: RoomId
    state: RoomState
    encryption: RoomEncryption
    recording: Recording
    policy: str


class Self(WireModel):
    """Who the ticket said the client is, and whether it is admitted by now."""

    id: ParticipantId
    role: Role
    name: Private[str]
    admitted: bool
    grants: tuple[str, ...]
