"""What signalling needs of the media plane: negotiation, preferences, an end. Knows no packets.

`media_server` hands in what fits; signalling never imports `sfu`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NewType, Protocol

from signalling.errors import SignallingError

RoomId = NewType("RoomId", str)
ParticipantId = NewType("ParticipantId", str)
TrackId = NewType("TrackId", str)
Mid = NewType("Mid", str)


class Source(Enum):
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"


class TrackEncryption(Enum):
    NONE = "none"
    SFRAME = "sframe"


@dataclass(frozen=True, slots=True)
class Publish:
    """The client will send a track on this m-section."""

    source: Source
    muted: bool
    encryption: TrackEncryption


@dataclass(frozen=True, slots=True)
class Subscribe:
    """The client wants to receive this track on this m-section."""

    track: TrackId


Wish = Publish | Subscribe


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """A track that this negotiation brought into being."""

    id: TrackId
    kind: str  # "audio" or "video"
    codec: str  # "opus", "vp8", "h264", "vp9", "av1"
    wish: Publish


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The outcome of one offer/answer exchange (RFC 3264)."""

    sdp: str
    tracks: Mapping[Mid, TrackId]
    published: tuple[PublishedTrack, ...]
    unpublished: tuple[TrackId, ...]


class MediaRefused(SignallingError):
    """The media plane cannot do what the offer asks and changed nothing; the client gets `code` and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Media(Protocol):
    """One node's media plane, by participant, who has at most one transport, made by the first offer.

    The key is opaque to the media plane: the server hands in a new one for each session, so that the late end
    of an old transport never touches the one that replaced it.
    """

    async def negotiate(self, participant: ParticipantId, sdp: str, wishes: Mapping[Mid, Wish]) -> Negotiated:
        """Answer an offer. Mids already known may be left out of `wishes`. Raises MediaRefused."""
        ...

    def prefer(self, participant: ParticipantId, track: TrackId, max_height: int | None) -> None:
        """0 pauses the participant's subscription to the track, None is the best. Unknown: ignored."""
        ...

    def set_muted(self, track: TrackId, muted: bool) -> None:
        """Tells the media plane that silence on this track is meant."""
        ...

    async def close(self, participant: ParticipantId) -> None:
        """End the participant's transport, tracks and subscriptions. Idempotent."""
        ...
