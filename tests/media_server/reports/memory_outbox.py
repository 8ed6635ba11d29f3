"""An outbox in memory: the contract in its plainest form."""

from collections.abc import Sequence
from dataclasses import dataclass

from media_server.reports import Claim, LeaseLost, OutboxState, Queued, Receipt, ReportId, Trouble


@dataclass
class Row:
    queued: Queued
    due_at_us: int
    attempt: int = 0
    leased_until_us: int = 0
    state: OutboxState = OutboxState.QUEUED


class MemoryOutbox:
    def __init__(self) -> None:
        self.rows: dict[ReportId, Row] = {}
        self.receipts: dict[ReportId, Receipt] = {}
        self.troubles: dict[ReportId, Trouble] = {}

    async def add(self, queued: Queued) -> bool:
        if queued.report.id in self.rows:
            return False
        self.rows[queued.report.id] = Row(queued, queued.queued_at_us)
        return True

    async def claim(self, owner: str, now_us: int, lease_us: int, limit: int) -> Sequence[Claim]:
        free = [
            row
            for row in self.rows.values()
            if row.state is OutboxState.QUEUED and row.due_at_us <= now_us and row.leased_until_us <= now_us
        ]
        claims = []
        for row in sorted(free, key=lambda row: row.due_at_us)[:limit]:
            row.attempt += 1
            row.leased_until_us = now_us + lease_us
            claims.append(Claim(row.queued, row.attempt, row.leased_until_us))
        return claims

    async def delivered(self, claim: Claim, receipt: Receipt, now_us: int) -> None:
        self._held(claim).state = OutboxState.DELIVERED
        self.receipts[claim.queued.report.id] = receipt

    async def retry(self, claim: Claim, due_at_us: int) -> None:
        row = self._held(claim)
        row.due_at_us = due_at_us
        row.leased_until_us = 0

    async def failed(self, claim: Claim, trouble: Trouble, now_us: int) -> None:
        self._held(claim).state = OutboxState.FAILED
        self.troubles[claim.queued.report.id] = trouble

    async def cancelled(self, claim: Claim, now_us: int) -> None:
        self._held(claim).state = OutboxState.CANCELLED

    async def cancel(self, report: ReportId, now_us: int) -> bool:
        row = self.rows.get(report)
        if row is None or row.state is not OutboxState.QUEUED or row.leased_until_us > now_us:
            return False
        row.state = OutboxState.CANCELLED
        return True

    async def state(self, report: ReportId) -> OutboxState | None:
        row = self.rows.get(report)
        return None if row is None else row.state

    def _held(self, claim: Claim) -> Row:
        row = self.rows[claim.queued.report.id]
        if row.state is not OutboxState.QUEUED or row.attempt != claim.attempt or row.leased_until_us == 0:
            raise LeaseLost("the report has passed to another")
        return row
