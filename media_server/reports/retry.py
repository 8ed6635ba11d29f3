"""When a report that could not be delivered is tried again. Pure: time and randomness are arguments.

Waiting doubles from one attempt to the next up to a longest wait, half of it left to chance so that reports
which failed together do not come back together. It goes on until the patient's consent ends (7 days at most)
and never less long; from the N-th attempt on it is a matter for somebody to look at.
"""

from dataclasses import dataclass
from typing import Final

SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`alarm_after` counts failed attempts."""

    first_s: float = 30.0
    longest_s: float = 3_600.0
    alarm_after: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s or self.alarm_after < 1:
            raise ValueError(
                "waits have to be positive and grow, and an alarm comes after one attempt at least"
            )


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Unix microseconds, and whether somebody should look at it by now."""

    due_at_us: int
    alarming: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The consent has ended."""


def wait_s(policy: RetryPolicy, attempts: int, jitter: float, retry_after_s: float | None = None) -> float:
    """Seconds to wait after that many failed attempts (1, 2, 3 …); `jitter` is in [0, 1).

    What the receiver asks for is heeded up to the longest wait.
    """
    # Doubling ends long before a float does.
    doubled = min(policy.first_s * 2.0 ** min(attempts - 1, 64), policy.longest_s)
    return max(doubled * (0.5 + jitter / 2), min(retry_after_s or 0.0, policy.longest_s))


def after_failure(
    policy: RetryPolicy,
    attempts: int,
    now_us: int,
    consent_ends_at_us: int,
    jitter: float,
    retry_after_s: float | None = None,
) -> RetryAt | GiveUp:
    """What follows a failed attempt. A wait beyond the consent's end is cut there, so that it is noticed."""
    if now_us >= consent_ends_at_us:
        return GiveUp()
    due_at_us = now_us + round(wait_s(policy, attempts, jitter, retry_after_s) * SECOND_US)
    return RetryAt(min(due_at_us, consent_ends_at_us), attempts >= policy.alarm_after)
