"""What follows from a command to a room. The shell does these in their order."""

from dataclasses import dataclass

from signalling.events import Event
from signalling.media import ParticipantId
from signalling.notes import Note
from signalling.recorder import Attempt, RecordingStart
from signalling.views import EndReason, LeaveReason, StopReason


@dataclass(frozen=True, slots=True)
class Tell:
    """The event goes to these participants; they are, or were until this command, in the room."""

    to: tuple[ParticipantId, ...]
    event: Event


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The participant is out by somebody else's doing: its connection and its media must end."""

    participant: ParticipantId
    because: LeaveReason | EndReason


@dataclass(frozen=True, slots=True)
class OpenRecorder:
    """Everybody present has granted: the recorder begins."""

    start: RecordingStart


@dataclass(frozen=True, slots=True)
class NoteForRecorder:
    attempt: Attempt
    note: Note


@dataclass(frozen=True, slots=True)
class CloseRecorder:
    """From this moment on nothing may be recorded. Comes before all other outcomes."""

    attempt: Attempt
    reason: StopReason


Outcome = Tell | Dismissed | OpenRecorder | NoteForRecorder | CloseRecorder


def tell(to: tuple[ParticipantId, ...], event: Event) -> list[Outcome]:
    """One `Tell`, or nothing when there is nobody to tell."""
    return [Tell(to, event)] if to else []
