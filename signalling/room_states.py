"""The states of a room and what moves it: the table is the rule (protocol §2, Media)."""

from collections.abc import Mapping
from enum import Enum

from signalling.views import RoomState


class Trigger(Enum):
    """What moves a room from one state to the next."""

    ADMITTED_PRESENT = "somebody admitted is here"
    END = "a doctor ends it, or it stayed empty"


TRANSITIONS: Mapping[tuple[RoomState, Trigger], RoomState] = {
    (RoomState.WAITING, Trigger.ADMITTED_PRESENT): RoomState.OPEN,
    (RoomState.WAITING, Trigger.END): RoomState.ENDED,
    (RoomState.OPEN, Trigger.ADMITTED_PRESENT): RoomState.OPEN,
    (RoomState.OPEN, Trigger.END): RoomState.ENDED,
}
"""What is not in the table does not happen: an ended room refuses every command."""
