"""Signalling: what a peer may say, and when. Knows rooms and roles; no RTP, no HTTP resources, no SQL."""

from signalling import notes
from signalling.consents import Consent, ConsentId, ConsentKind, Consents, ConsentsUnavailable
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
from signalling.memory_waiting import MemoryWaiting
from signalling.news import LocalNews, News, RedisNews
from signalling.notes import Note
from signalling.private import Private
from signalling.recorder import Attempt, Recorder, RecordingStart
from signalling.redis_connection import PREFIX as REDIS_PREFIX
from signalling.redis_connection import BadStore, RedisConnection, Script, open_redis
from signalling.redis_rooms import RedisRooms
from signalling.redis_waiting import RedisWaiting
from signalling.replies import IceServer
from signalling.schema import message_schema
from signalling.server import SignallingServer
from signalling.settings import SignallingSettings
from signalling.store import NodeId, RoomStore
from signalling.third_parties import ThirdParties
from signalling.tickets import Admission, Tickets
from signalling.views import ConsentState, Rating, Role, RoomEncryption, RoomState, Track
from signalling.waiting import HIGHEST_PRIORITY, ClaimerId, Waiting, WaitingId, WaitingQueue
from signalling.wire import Codec

__all__ = [
    "HIGHEST_PRIORITY",
    "REDIS_PREFIX",
    "Admission",
    "Attempt",
    "BadStore",
    "ClaimerId",
    "Codec",
    "Consent",
    "ConsentChanged",
    "ConsentId",
    "ConsentKind",
    "ConsentState",
    "Consents",
    "ConsentsUnavailable",
    "Counters",
    "Event",
    "IceServer",
    "LocalNews",
    "Media",
    "MediaRefused",
    "MemoryRooms",
    "MemoryWaiting",
    "Mid",
    "Negotiated",
    "News",
    "NoSuchRoom",
    "NodeId",
    "Note",
    "Observe",
    "ParticipantId",
    "Private",
    "Publish",
    "PublishedTrack",
    "Queue",
    "Rating",
    "Recorder",
    "RecordingChanged",
    "RecordingStart",
    "RedisConnection",
    "RedisNews",
    "RedisRooms",
    "RedisWaiting",
    "Role",
    "RoomEncryption",
    "RoomId",
    "RoomState",
    "RoomStore",
    "Script",
    "SignallingError",
    "SignallingServer",
    "SignallingSettings",
    "Source",
    "Step",
    "StoreUnavailable",
    "Subscribe",
    "ThirdParties",
    "TicketRefused",
    "Tickets",
    "Track",
    "TrackEncryption",
    "TrackId",
    "Waiting",
    "WaitingId",
    "WaitingQueue",
    "Wish",
    "message_schema",
    "notes",
    "open_redis",
]
