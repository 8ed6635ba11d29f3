"""Sends what waits in the outbox: claims, asks whether it may still be sent, delivers, notes what came of it.

The consent is asked for at the moment of sending, for the GP whom the report names. A node that dies leaves a
lease that ends; whoever comes next delivers under the same key, which the receiver has seen or not.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from media_server.reports.delivery import IdempotencyKey, Receipt, Report, ReportDelivery, ReportId
from media_server.reports.errors import DeliveryFailed, LeaseLost, Trouble, TryLater, Undeliverable
from media_server.reports.outbox_store import Claim, OutboxStore
from media_server.reports.retry import SECOND_US, GiveUp, RetryAt, RetryPolicy, after_failure

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Reports that one node sends at the same time."""


@dataclass(frozen=True, slots=True)
class Delivered:
    report: ReportId
    consultation: str
    attempt: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Delayed:
    """`alarming`: it has failed so often that somebody should look at it."""

    report: ReportId
    consultation: str
    attempt: int
    trouble: Trouble
    due_at_us: int
    alarming: bool


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It will never arrive: refused, or the consent has ended. Always an alarm."""

    report: ReportId
    consultation: str
    attempt: int
    trouble: Trouble


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The patient's consent was not there at the moment of sending."""

    report: ReportId
    consultation: str
    attempt: int


OutboxEvent = Delivered | Delayed | GivenUp | Cancelled
"""What came of one attempt."""


async def nobody(event: OutboxEvent) -> None:
    """Watches nothing."""


class Outbox:
    """One node's worker. `clock` gives Unix microseconds."""

    def __init__(
        self,
        store: OutboxStore,
        delivery: ReportDelivery,
        clock: Callable[[], int],
        may_send: Callable[[Report], Awaitable[bool]],
        *,
        owner: str,
        observe: Callable[[OutboxEvent], Awaitable[None]] = nobody,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        jitter: Callable[[], float] = random.random,
        attempt_s: float = 60.0,
        poll_s: float = 5.0,
    ) -> None:
        """`owner` names the node. `observe` is told of each attempt once the store was. `attempt_s` bounds
        one attempt, and its lease is twice that; `poll_s` is how often a quiet worker looks.
        """
        self._store = store
        self._delivery = delivery
        self._clock = clock
        self._may_send = may_send
        self._owner = owner
        self._observe = observe
        self._policy = policy
        self._jitter = jitter
        self._attempt_s = attempt_s
        self._poll_s = poll_s
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was added: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. What is being sent then is sent again later, under the same key."""
        while True:
            self._woken.clear()
            try:
                if await self.step() > 0:
                    continue
            except Exception:  # a store that is away comes back, and reports wait meanwhile
                log.exception("outbox.failed")
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def step(self) -> int:
        """Attempt what is due now, a few at once; how many there were. Raises what the store raises."""
        lease_us = round(2 * self._attempt_s * SECOND_US)
        claims = await self._store.claim(self._owner, self._clock(), lease_us, AT_ONCE)
        async with asyncio.TaskGroup() as attempts:
            for claim in claims:
                attempts.create_task(self._attempt(claim), name="report")
        return len(claims)

    async def _attempt(self, claim: Claim) -> None:
        try:
            event = await self._settle(claim)
            _tell(event)
            await self._observe(event)
        except LeaseLost:
            # We were too slow, and another node tries as well: the receiver knows the key.
            log.warning("report.lease_lost", extra={"attempt": claim.attempt})
        except Exception:  # of the store or the observer; one report must not keep the others from going
            log.exception("report.unsettled", extra={"attempt": claim.attempt})

    async def _settle(self, claim: Claim) -> OutboxEvent:
        """Make the attempt, and tell the store what came of it."""
        report = claim.queued.report
        about = (report.id, report.consultation, claim.attempt)
        if self._clock() >= claim.queued.consent_ends_at_us:
            await self._store.failed(claim, Trouble.EXPIRED, self._clock())
            return GivenUp(*about, Trouble.EXPIRED)
        try:
            receipt = await self._deliver(report)
        except DeliveryFailed as failure:
            return await self._settle_failure(claim, failure)
        if receipt is None:
            await self._store.cancelled(claim, self._clock())
            return Cancelled(*about)
        await self._store.delivered(claim, receipt, self._clock())
        return Delivered(*about, receipt)

    async def _deliver(self, report: Report) -> Receipt | None:
        """None when it may not be sent. Raises Undeliverable, TryLater, and nothing else."""
        try:
            async with asyncio.timeout(self._attempt_s):
                if not await self._may_send(report):
                    return None
                return await self._delivery.deliver(report, IdempotencyKey(report.id))
        except DeliveryFailed:
            raise
        except TimeoutError:
            raise TryLater(Trouble.TIMED_OUT, "the attempt took too long") from None
        except Exception as error:  # an adapter's bug, or nobody to ask for the consent: nothing was decided
            log.exception("report.attempt_failed")
            raise TryLater(Trouble.OUR_FAULT, type(error).__name__) from None

    async def _settle_failure(self, claim: Claim, failure: DeliveryFailed) -> OutboxEvent:
        report, now_us = claim.queued.report, self._clock()
        about = (report.id, report.consultation, claim.attempt)
        if isinstance(failure, Undeliverable):
            await self._store.failed(claim, failure.trouble, now_us)
            return GivenUp(*about, failure.trouble)
        asked_s = failure.retry_after_s if isinstance(failure, TryLater) else None
        ends_us = claim.queued.consent_ends_at_us
        match after_failure(self._policy, claim.attempt, now_us, ends_us, self._jitter(), asked_s):
            case RetryAt(due_at_us, alarming):
                await self._store.retry(claim, due_at_us)
                return Delayed(*about, failure.trouble, due_at_us, alarming)
            case GiveUp():
                await self._store.failed(claim, failure.trouble, now_us)
                return GivenUp(*about, failure.trouble)


def _tell(event: OutboxEvent) -> None:
    match event:
        case Delivered():
            log.info("report.delivered", extra={"attempt": event.attempt})
        case Delayed(alarming=False):
            log.warning("report.delayed", extra={"attempt": event.attempt, "reason": event.trouble.value})
        case Delayed():
            log.error("report.overdue", extra={"attempt": event.attempt, "reason": event.trouble.value})
        case GivenUp():
            log.error("report.given_up", extra={"attempt": event.attempt, "reason": event.trouble.value})
        case Cancelled():
            log.info("report.cancelled", extra={"attempt": event.attempt})
