"""Where reports wait until they are delivered, and how two nodes keep from sending the same one.

Whoever claims a report holds it until its lease ends or it says what came of it. `attempt` rises with each
claim and is the fence: what a node says of a claim that has passed to another, or was taken back, is refused.
A lease that ended and that nobody took over is still good for that.

    queued ──claim──> leased ──delivered / failed / cancelled──> that, for ever; its content is erased
      ^                 │
      └─ retry, or the lease ends

All times are Unix microseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from media_server.reports.delivery import Receipt, Report, ReportId
from media_server.reports.errors import Trouble


class OutboxState(Enum):
    QUEUED = "queued"  # leased ones, too
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Queued:
    """A report that waits. After `consent_ends_at_us` it must not be sent any more."""

    report: Report
    queued_at_us: int
    consent_ends_at_us: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One report, held by one node. `attempt` counts the claims there were, this one included: 1, 2, 3 …"""

    queued: Queued
    attempt: int
    leased_until_us: int


class OutboxStore(Protocol):
    """Every change is durable on return. Raises an ApplicationError of its own when it cannot be reached."""

    async def add(self, queued: Queued) -> bool:
        """Due at once. False, and nothing changes, when a report of that id is there, in whatever state."""

    async def claim(self, owner: str, now_us: int, lease_us: int, limit: int) -> Sequence[Claim]:
        """Up to `limit` queued ones that are due and not leased at `now_us`, longest due first. Atomic."""

    async def delivered(self, claim: Claim, receipt: Receipt, now_us: int) -> None:
        """Keeps the receipt, erases the report's body. Raises LeaseLost, and changes nothing then."""

    async def retry(self, claim: Claim, due_at_us: int) -> None:
        """Lets go of it until then. Raises LeaseLost, and changes nothing then."""

    async def failed(self, claim: Claim, trouble: Trouble, now_us: int) -> None:
        """Keeps why; keeps the body, which the doctor may want to send otherwise. Raises LeaseLost."""

    async def cancelled(self, claim: Claim, now_us: int) -> None:
        """Erases the body. Raises LeaseLost, and changes nothing then."""

    async def cancel(self, report: ReportId, now_us: int) -> bool:
        """Take back one that is queued and not leased at `now_us`, and erase its body. False when it is being
        sent, has been, or is unknown.
        """

    async def state(self, report: ReportId) -> OutboxState | None:
        """None for an unknown one."""
