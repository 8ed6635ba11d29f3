"""What signalling needs of a recorder, and what it says of a recording that begins. No files, keys or RTP.

Signalling decides who may be recorded and when; the recorder does it. Each recording is one `Attempt`, of a
number that this node uses once: news of an attempt that is over is ignored, however late it comes.
"""

from dataclasses import dataclass
from typing import NewType, Protocol

from signalling.consents import Consent
from signalling.media import ParticipantId, RoomId
from signalling.notes import Note
from signalling.views import Role, RoomEncryption, Track

Attempt = NewType("Attempt", int)


@dataclass(frozen=True, slots=True)
class RecordingStart:
    """All there is to know when a recording begins.

    `participants` are the admitted who are present. Each has granted: `consents` has one for each of them, in
    the same order. `tracks` are all that they publish now. `continues`: what another node's recorder called
    the recording that this goes on with (`name_of`); None for a new one.
    """

    attempt: Attempt
    room: RoomId
    policy: str
    encryption: RoomEncryption
    asked_by: ParticipantId
    participants: tuple[tuple[ParticipantId, Role], ...]
    consents: tuple[Consent, ...]
    tracks: tuple[Track, ...]
    continues: str | None = None


class Recorder(Protocol):
    """Its methods never wait and never raise.

    It answers each `open` with one `recording_opened` or `recording_failed` of the signalling server, unless
    `close` comes first, and each `close` of what has not failed with one `recording_closed` or
    `recording_failed`: in a bounded time, and in a later step of the event loop, never out of one of these
    methods. After `recording_failed` it holds nothing of the attempt and gets no `close`.
    """

    def open(self, start: RecordingStart) -> None:
        """Begin to record. `start.attempt` is new."""
        ...

    def note(self, attempt: Attempt, note: Note) -> None:
        """Something changed. Comes between `open` and `close` only; an attempt that failed is ignored."""
        ...

    def name_of(self, attempt: Attempt) -> str | None:
        """What another node's recorder needs to know to go on with it; None when there is none (any more)."""
        ...

    def close(self, attempt: Attempt, reason: str) -> None:
        """Take nothing from this moment on, then finish. Also before `recording_opened`; at most once."""
        ...
