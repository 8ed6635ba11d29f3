"""Selective forwarding: negotiates with each participant, and lets the native data plane move the packets.

Knows no rooms, people, HTTP or WebSocket: everything is keyed by ids minted here.
"""

from sfu.codecs import CodecName
from sfu.errors import (
    BadOffer,
    BadSettings,
    DataPlaneFailed,
    LimitReached,
    SdpError,
    SfuError,
    TapsOff,
    TransportClosed,
    UnknownTrack,
    UnsupportedCodec,
)
from sfu.events import LossReason, SfuEvent, TrackStarted, TransportConnected, TransportLost
from sfu.settings import SfuSettings
from sfu.sfu import Sfu
from sfu.stats import PlaneStats, SubscriptionStats, TrackStats, TransportStats
from sfu.tap import Tap, TapBatch, TappedTrack
from sfu.track import Kind, PublishedTrack, PublishWish, SubscribeWish, TrackId, TransportId, Wish
from sfu.transport import Answer, Transport

# In the order a newcomer should read them.
__all__ = [  # noqa: RUF022
    "Sfu",
    "SfuSettings",
    "Transport",
    "TransportId",
    "Answer",
    "Wish",
    "PublishWish",
    "SubscribeWish",
    "PublishedTrack",
    "TrackId",
    "Kind",
    "CodecName",
    "SfuEvent",
    "TransportConnected",
    "TransportLost",
    "LossReason",
    "TrackStarted",
    "Tap",
    "TapBatch",
    "TappedTrack",
    "PlaneStats",
    "TransportStats",
    "TrackStats",
    "SubscriptionStats",
    "SfuError",
    "BadOffer",
    "SdpError",
    "UnknownTrack",
    "UnsupportedCodec",
    "LimitReached",
    "TapsOff",
    "TransportClosed",
    "DataPlaneFailed",
    "BadSettings",
]
