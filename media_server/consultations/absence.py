"""Whether the doctor of a call has vanished. Pure.

A doctor is there while the room has a session of theirs, and that outlives a lost connection by the resume
window. Nodes note once in a while who is there; a doctor who was called away in no room at all, because the
node died, has been noted last before that.
"""

from media_server.consultations.record import Consultation
from media_server.consultations.states import State


def note_every_s(absence_s: float) -> float:
    """How often presence has to be noted, so that nobody is called absent who is there."""
    return min(15.0, absence_s / 4)


def doctor_is_away(consultation: Consultation, now_us: int, absence_s: float) -> bool:
    """Whether the patient of a call may go back into the queue: no doctor for so long."""
    if consultation.state is not State.IN_PROGRESS:
        return False
    seen_us = consultation.doctor_seen_at_us or consultation.opened_at_us or consultation.created_at_us
    return now_us - seen_us >= absence_s * 1e6
