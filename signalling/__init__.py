"""Signalling: what a peer may say, and when. Knows rooms and roles; no RTP, no HTTP resources, no SQL."""

from signalling.counters import Counters, Observe, Step
from signalling.errors import (
    NoSuchRoom,
    SignallingError,
    StoreUnavailable,
    TicketRefused,
)
from signalling.events import ConsentChanged, Event, Queue, RecordingChanged
from signalling.media import (
    Media,
    MediaRefused,
    Mid,
    Negotiated,
    ParticipantId,
    Publish,
    PublishedTrack,
    RoomId,
    Source,
    Subscribe,
    TrackEncryption,
    TrackId,
    Wish,
)
from signalling.memory_rooms import MemoryRooms
from signalling.private import Private
from signalling.replies import IceServer
from signalling.schema import message_schema
from signalling.server import SignallingServer
from signalling.settings import SignallingSettings
from signalling.store import NodeId, RoomStore
from signalling.tickets import Admission, TicketVerifier
from signalling.views import Rating, Role, RoomEncryption, RoomState
from signalling.wire import Codec

__all__ = [
    "Admission",
    "Codec",
    "ConsentChanged",
    "Counters",
    "Event",
    "IceServer",
    "Media",
    "MediaRefused",
    "MemoryRooms",
    "Mid",
    "Negotiated",
    "NoSuchRoom",
    "NodeId",
    "Observe",
    "ParticipantId",
    "Private",
    "Publish",
    "PublishedTrack",
    "Queue",
    "Rating",
    "RecordingChanged",
    "Role",
    "RoomEncryption",
    "RoomId",
    "RoomState",
    "RoomStore",
    "SignallingError",
    "SignallingServer",
    "SignallingSettings",
    "Source",
    "Step",
    "StoreUnavailable",
    "Subscribe",
    "TicketRefused",
    "TicketVerifier",
    "TrackEncryption",
    "TrackId",
    "Wish",
    "message_schema",
]
