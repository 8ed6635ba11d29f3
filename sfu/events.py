"""What the media plane reports by itself; past tense, ids only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sfu.track import TrackId, TransportId


class LossReason(StrEnum):
    CONSENT_EXPIRED = (
        "consent-expired"  # no word from the client (RFC 7675); an ICE restart can bring it back
    )
    DTLS_FAILED = "dtls-failed"
    DTLS_WRONG_CERTIFICATE = "dtls-wrong-certificate"
    DTLS_TIMEOUT = "dtls-timeout"
    DTLS_CLOSED = "dtls-closed"  # the client said goodbye
    MEDIA_FAILED = "media-failed"


@dataclass(frozen=True, slots=True)
class TransportConnected:
    """Media can flow.

    `steps` in milliseconds: `ice_ms` from the answer to the first path, `dtls_ms` from there to the keys.
    Told again, without steps, when a transport comes back after its consent had expired.
    """

    transport_id: TransportId
    steps: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TransportLost:
    """Nothing flows any more. The transport stays until its owner closes it."""

    transport_id: TransportId
    reason: LossReason


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """The first packet of a published track has come."""

    track_id: TrackId


SfuEvent = TransportConnected | TransportLost | TrackStarted
