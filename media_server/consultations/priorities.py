"""Who goes before others, and why. Pure.

Nobody's answers are weighed: what may be an emergency is sent to 112, not up the queue. What the service
knows by itself is whom it has let down. Whoever was claimed and lost the doctor again, through no doing of
their own, has waited before, and goes before those who have not; among equals the order is that of arrival.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from media_server.consultations.states import Step


class Priority(IntEnum):
    """As a number in the queue, up to signalling's HIGHEST_PRIORITY; there is room between them."""

    NORMAL = 0
    AGAIN = 100


_AFTER: Mapping[Step, Priority] = MappingProxyType(
    {Step.GIVE_BACK: Priority.AGAIN, Step.RETURN: Priority.AGAIN}
)


def priority_after(step: Step, priority: int, missed_calls: int) -> int:
    """Of whoever waits again. Who did not answer a call keeps the old place, and gets no better one."""
    if step is Step.GIVE_BACK and missed_calls > 0:
        return priority
    return max(priority, int(_AFTER.get(step, priority)))
