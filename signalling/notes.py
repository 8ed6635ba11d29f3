"""What a recorder is told while it records, beside the packets: who, what, and that they agreed."""

from dataclasses import dataclass

from signalling.consents import Consent
from signalling.media import ParticipantId, TrackId
from signalling.views import Role, Track


@dataclass(frozen=True, slots=True)
class TrackAdded:
    track: Track


@dataclass(frozen=True, slots=True)
class TrackRemoved:
    id: TrackId


@dataclass(frozen=True, slots=True)
class TrackMuted:
    id: TrackId
    muted: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody who has granted is in the room now; `Consented` follows."""

    id: ParticipantId
    role: Role


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody is in the room no longer; their tracks were removed before."""

    id: ParticipantId


@dataclass(frozen=True, slots=True)
class Consented:
    """On this consent rests what is recorded of its participant from now on."""

    consent: Consent


Note = TrackAdded | TrackRemoved | TrackMuted | Joined | Left | Consented
