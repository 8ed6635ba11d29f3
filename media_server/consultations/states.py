"""The life of a consultation: one table of state by step. Pure.

States are FHIR R4's Encounter.status. Waiting for a doctor is `arrived`, being read by the doctor who claimed
it `triaged`, from the first call on `in-progress`.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from media_server.consultations.errors import NotInThisState


class State(Enum):
    ARRIVED = "arrived"
    TRIAGED = "triaged"
    IN_PROGRESS = "in-progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        return self in (State.FINISHED, State.CANCELLED)


class Step(Enum):
    CLAIM = "claim"
    GIVE_BACK = "give-back"
    RETURN = "return"  # the patient goes back into the queue: the doctor has vanished
    CALL = "call"
    MISS = "miss"  # the patient did not answer; they are called once more
    NO_SHOW = "no-show"  # nor did they then
    CLOSE = "close"
    CANCEL = "cancel"  # the patient has left
    EXPIRE = "expire"  # nobody saw the patient for long


class EndReason(Enum):
    """Why a consultation was cancelled."""

    PATIENT = "patient"
    NO_SHOW = "no-show"
    EXPIRED = "expired"


TRANSITIONS: Mapping[tuple[State, Step], State] = MappingProxyType(
    {
        (State.ARRIVED, Step.CLAIM): State.TRIAGED,
        (State.ARRIVED, Step.CANCEL): State.CANCELLED,
        (State.ARRIVED, Step.EXPIRE): State.CANCELLED,
        (State.TRIAGED, Step.GIVE_BACK): State.ARRIVED,
        (State.TRIAGED, Step.CALL): State.IN_PROGRESS,
        (State.TRIAGED, Step.CANCEL): State.CANCELLED,
        (State.TRIAGED, Step.EXPIRE): State.CANCELLED,
        (State.IN_PROGRESS, Step.CALL): State.IN_PROGRESS,
        (State.IN_PROGRESS, Step.RETURN): State.ARRIVED,
        (State.IN_PROGRESS, Step.MISS): State.TRIAGED,
        (State.IN_PROGRESS, Step.NO_SHOW): State.CANCELLED,
        (State.IN_PROGRESS, Step.CLOSE): State.FINISHED,
        (State.IN_PROGRESS, Step.EXPIRE): State.CANCELLED,
    }
)

CALLS_BEFORE_NO_SHOW = 2

_REASONS = {
    Step.CANCEL: EndReason.PATIENT,
    Step.NO_SHOW: EndReason.NO_SHOW,
    Step.EXPIRE: EndReason.EXPIRED,
}


def after(state: State, step: Step) -> State:
    """Raises NotInThisState."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise NotInThisState(f"a consultation that is {state.value} takes no {step.value}") from None


def reason_of(step: Step) -> EndReason | None:
    return _REASONS.get(step)
