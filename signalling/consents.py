"""What signalling needs of a ledger of consents: each word said is written down, and comes back as an entry.

The room decides what a consent allows; whoever implements this keeps the proof. A grant counts once it is
written. A refusal or withdrawal takes effect in the room first and is written as soon as the ledger can.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NewType, Protocol

from signalling.errors import SignallingError
from signalling.media import ParticipantId, RoomId
from signalling.views import ConsentState

ConsentId = NewType("ConsentId", str)


class ConsentKind(Enum):
    """What a room itself asks its participants for; other kinds are not the room's business."""

    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Consent:
    """An entry of the ledger. `hash`: hexadecimal, of the entry; `at_us`: Unix microseconds; `text_version`:
    which text the person was shown, None when the client did not say.
    """

    id: ConsentId
    hash: str
    participant: ParticipantId
    kind: ConsentKind
    state: ConsentState
    at_us: int
    text_version: str | None


class ConsentsUnavailable(SignallingError):
    """The ledger does not answer; whether the word was written is not known."""


class Consents(Protocol):
    async def record(
        self,
        room: RoomId,
        participant: ParticipantId,
        kind: ConsentKind,
        state: ConsentState,
        text_version: str | None,
    ) -> Consent:
        """Write down what the person itself said: `state` granted, refused or withdrawn.

        Raises ConsentsUnavailable. May be cancelled when it takes too long, and be asked the same again.
        Never called twice at once for the same room and participant.
        """
        ...
