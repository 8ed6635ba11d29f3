"""Whether the doctor of a patient has vanished. Pure.

In a call a doctor is there while the room has a session of theirs, and that outlives a lost connection by
the resume window. Nodes note once in a while who is there; a doctor who was called away in no room at all,
because the node died, has been noted last before that. Before the call, while the doctor reads, it is the
doctor's page that shows it: it asks for the consultation again and again.
"""

from media_server.consultations.record import Consultation
from media_server.consultations.states import State

CLAIM_ABSENCE_S = 300.0
"""Enough for a page that lost its connection or was put to sleep; a patient waits for no longer."""


def note_every_s(absence_s: float) -> float:
    """How often presence has to be noted, so that nobody is called absent who is there."""
    return min(15.0, absence_s / 4)


def doctor_is_away(consultation: Consultation, now_us: int, absence_s: float) -> bool:
    """Whether the patient of a call may go back into the queue: no doctor for so long."""
    if consultation.state is not State.IN_PROGRESS:
        return False
    seen_us = consultation.doctor_seen_at_us or consultation.opened_at_us or consultation.created_at_us
    return now_us - seen_us >= absence_s * 1e6


def reader_is_away(consultation: Consultation, now_us: int, absence_s: float) -> bool:
    """Whether whoever claimed a patient, and has not called yet, was not seen for so long."""
    if consultation.state is not State.TRIAGED:
        return False
    return now_us - _seen_us(consultation) >= absence_s * 1e6


def reader_is_due(consultation: Consultation, now_us: int, absence_s: float) -> bool:
    """Whether it has to be noted that the doctor who reads is there. Seldom enough to cost nothing."""
    if consultation.state is not State.TRIAGED:
        return False
    return now_us - _seen_us(consultation) >= note_every_s(absence_s) * 1e6


def _seen_us(consultation: Consultation) -> int:
    return consultation.doctor_seen_at_us or consultation.claimed_at_us or consultation.created_at_us
