"""Tracks and transports by the ids we mint, and what a participant may wish for an m-section."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from sfu.codecs import CodecName

TrackId = NewType("TrackId", str)
TransportId = NewType("TransportId", str)


class Kind(StrEnum):
    """The media kinds that are forwarded (RFC 8866 §8.2.1)."""

    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class PublishWish:
    """The participant will send a track on this m-section."""


@dataclass(frozen=True, slots=True)
class SubscribeWish:
    """The participant wants to receive this track on this m-section."""

    track: TrackId


Wish = PublishWish | SubscribeWish


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """A track that an answer brought into being."""

    id: TrackId
    mid: str
    kind: Kind
    codec: CodecName
