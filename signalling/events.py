"""What the server says unasked (protocol §2, events)."""

from typing import Literal

from pydantic import Field

from signalling.media import ParticipantId, TrackId
from signalling.private import Private
from signalling.views import (
    ConsentState,
    EndReason,
    LeaveReason,
    Participant,
    Rating,
    RecordingState,
    Track,
    TransportState,
)
from signalling.wire_model import Binary, WireModel, absent


class Event(WireModel):
    """Base of all events; `seq` is set by the session that sends it."""

    type: str


class ParticipantJoined(Event):
    type: Literal["participant-joined"] = "participant-joined"
    participant: Participant


class ParticipantLeft(Event):
    type: Literal["participant-left"] = "participant-left"
    id: ParticipantId
    reason: LeaveReason


class ParticipantAdmitted(Event):
    type: Literal["participant-admitted"] = "participant-admitted"
    id: ParticipantId


class Knocking(Event):
    type: Literal["knocking"] = "knocking"
    participant: Participant


class Queue(Event):
    """A patient's place, 1 the next, and the estimate of the wait in seconds. `may_return`: whether a patient
    whose doctor has vanished may go back into the queue.
    """

    type: Literal["queue"] = "queue"
    position: int
    estimated_wait_s: float | None
    may_return: bool | None = Field(default=None, exclude_if=absent)


class RoomOpened(Event):
    type: Literal["room-opened"] = "room-opened"


class TrackPublished(Event):
    type: Literal["track-published"] = "track-published"
    track: Track


class TrackUnpublished(Event):
    type: Literal["track-unpublished"] = "track-unpublished"
    id: TrackId


class TrackMuted(Event):
    type: Literal["track-muted"] = "track-muted"
    id: TrackId
    muted: bool


class TrackSilent(Event):
    """`silent` travels only when it is false: something arrives again."""

    type: Literal["track-silent"] = "track-silent"
    id: TrackId
    silent: bool = Field(default=True, exclude_if=bool)


class Speaker(WireModel):
    """`level_dbov`: -127 (silence) to 0 (the loudest possible), RFC 6464 §3 with its sign."""

    participant: ParticipantId
    level_dbov: int


class Speakers(Event):
    type: Literal["speakers"] = "speakers"
    speakers: tuple[Speaker, ...]


class Quality(Event):
    """`transport` "closed": the media path is gone; the participant must offer from a new connection."""

    type: Literal["quality"] = "quality"
    participant: ParticipantId
    uplink: Rating
    downlink: Rating
    transport: TransportState | None = Field(default=None, exclude_if=absent)


class LayersWanted(Event):
    type: Literal["layers-wanted"] = "layers-wanted"
    track: TrackId
    rids: tuple[str, ...]


class RecordingChanged(Event):
    """`since`: Unix seconds, once something is recorded. `by`: who asked for it, while it is not off."""

    type: Literal["recording"] = "recording"
    state: RecordingState
    reason: str | None
    since: float | None = Field(default=None, exclude_if=absent)
    by: ParticipantId | None = Field(default=None, exclude_if=absent)


class ConsentChanged(Event):
    """`participant`: whose consent it is; without one, that of whoever is told. `invitation`: whose presence
    it is about.
    """

    type: Literal["consent"] = "consent"
    kind: str
    state: ConsentState
    participant: ParticipantId | None = Field(default=None, exclude_if=absent)
    invitation: str | None = Field(default=None, exclude_if=absent)


class Relayed(Event):
    type: Literal["relay"] = "relay"
    sender: ParticipantId = Field(validation_alias="from", serialization_alias="from")
    kind: str
    body: Private[Binary]


class RoomMoved(Event):
    type: Literal["moved"] = "moved"
    url: str
    ticket: Private[str]


class RoomHasEnded(Event):
    type: Literal["room-ended"] = "room-ended"
    reason: EndReason


EVENTS: tuple[type[Event], ...] = (
    ParticipantJoined,
    ParticipantLeft,
    ParticipantAdmitted,
    Knocking,
    Queue,
    RoomOpened,
    TrackPublished,
    TrackUnpublished,
    TrackMuted,
    TrackSilent,
    Speakers,
    Quality,
    LayersWanted,
    RecordingChanged,
    ConsentChanged,
    Relayed,
    RoomMoved,
    RoomHasEnded,
)
