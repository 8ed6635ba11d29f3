"""What becomes of reports, for the operator: attempts counted as they are made, and those nobody has
counted on.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import assert_never

from sqlalchemy import Engine, func, select

from media_server.forever import forever
from media_server.metric_rows import Kind, Row
from media_server.records import reading, tables
from media_server.reports import Cancelled, Delayed, Delivered, GivenUp, OutboxEvent, OutboxState, RetryPolicy

EVERY_S = 30.0
_reports = tables.reports
_RESULTS = ("delivered", "delayed", "overdue", "given-up", "cancelled")


class ReportWatch:
    """`observe` is the outbox's, `run` beside it; `rows` for the metrics page."""

    def __init__(self, engine: Engine, policy: RetryPolicy | None = None) -> None:
        self._engine = engine
        self._alarm_after = (policy or RetryPolicy()).alarm_after
        self._attempts: Counter[str] = Counter()
        self._overdue = 0
        self._failed = 0

    async def observe(self, event: OutboxEvent) -> None:
        """One attempt was made. An alarm does not wait for the next look."""
        result = _result(event)
        self._attempts[result] += 1
        if result in ("overdue", "given-up"):
            await self.look()

    async def run(self) -> None:
        """Until cancelled: what other nodes send, and what is sent again, shows as well."""
        await forever("report-watch", self.look, EVERY_S)

    async def look(self) -> None:
        """Raises RecordsUnusable."""
        self._overdue, self._failed = await asyncio.to_thread(self._count)

    def rows(self) -> Iterator[Row]:
        text = "Reports that have failed so often that somebody should look, and are still tried"
        yield Row("reports_overdue", text, self._overdue, kind=Kind.GAUGE)
        text = "Reports that failed for good, and that nobody has sent again or taken back"
        yield Row("reports_failed", text, self._failed, kind=Kind.GAUGE)
        for result in _RESULTS:
            text = "Attempts of this node to deliver a report"
            yield Row("report_attempts", text, self._attempts[result], {"result": result})

    def _count(self) -> tuple[int, int]:
        overdue = (_reports.c.state == OutboxState.QUEUED.value, _reports.c.attempts >= self._alarm_after)
        failed = (_reports.c.state == OutboxState.FAILED.value, _reports.c.sealed.is_not(None))
        with reading(self._engine) as connection:
            counts = [
                connection.execute(select(func.count()).select_from(_reports).where(*which)).scalar_one()
                for which in (overdue, failed)
            ]
        return counts[0], counts[1]


def _result(event: OutboxEvent) -> str:
    match event:
        case Delivered():
            return "delivered"
        case Delayed(alarming=alarming):
            return "overdue" if alarming else "delayed"
        case GivenUp():
            return "given-up"
        case Cancelled():
            return "cancelled"
        case _:
            assert_never(event)
