"""The phases of a room's recording and what moves it: the table is the rule (PROTOCOL.md, recording).

A recorder is open in OPENING and ON, and only while everybody admitted who is present has granted.
"""

from collections.abc import Mapping
from enum import Enum

from signalling.views import RecordingState


class Phase(Enum):
    OFF = "off"
    ASKING = "asking"
    OPENING = "opening"
    ON = "on"
    CLOSING = "closing"


class Trigger(Enum):
    ASKED = "somebody who may wants a recording, and not all have granted"
    ALL_GRANTED = "a recording is wanted, and everybody present has granted"
    STOPPED = "for any reason there shall be none, or no more"
    OPENED = "the recorder records"
    FAILED = "the recorder cannot, or cannot go on"
    CLOSED = "the recorder has finished"


TRANSITIONS: Mapping[tuple[Phase, Trigger], Phase] = {
    (Phase.OFF, Trigger.ASKED): Phase.ASKING,
    (Phase.OFF, Trigger.ALL_GRANTED): Phase.OPENING,
    (Phase.ASKING, Trigger.ALL_GRANTED): Phase.OPENING,
    (Phase.ASKING, Trigger.STOPPED): Phase.OFF,
    (Phase.OPENING, Trigger.OPENED): Phase.ON,
    (Phase.OPENING, Trigger.STOPPED): Phase.CLOSING,
    (Phase.OPENING, Trigger.FAILED): Phase.OFF,
    (Phase.OPENING, Trigger.CLOSED): Phase.OFF,
    (Phase.ON, Trigger.STOPPED): Phase.CLOSING,
    (Phase.ON, Trigger.FAILED): Phase.OFF,
    (Phase.ON, Trigger.CLOSED): Phase.OFF,
    (Phase.CLOSING, Trigger.FAILED): Phase.OFF,
    (Phase.CLOSING, Trigger.CLOSED): Phase.OFF,
}
"""What is not in the table does not happen: such a trigger is ignored."""

ON_THE_WIRE: Mapping[Phase, RecordingState] = {
    Phase.OFF: RecordingState.OFF,
    Phase.ASKING: RecordingState.STARTING,
    Phase.OPENING: RecordingState.STARTING,
    Phase.ON: RecordingState.ON,
    Phase.CLOSING: RecordingState.STOPPING,
}
