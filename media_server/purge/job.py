"""The purge as a node does it beside its other work: every few minutes, one node of all at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from sqlalchemy import Engine

from media_server.metric_rows import Kind, Row
from media_server.purge.purging import CONTENT, PURGING, REPORTS_KEPT_US, Purged, blocked, purge
from media_server.records import exclusively, tidy

log = logging.getLogger(__name__)

EVERY_S = 300.0
# The database's files are cleaned of what was deleted at most so often: SQLite lets nobody write meanwhile.
CLEAN_EVERY_US = 3_600_000_000


class PurgeJob:
    """`run` it beside everything else, and show `rows` among the metrics. `clock_us`: Unix microseconds."""

    def __init__(
        self,
        engine: Engine,
        clock_us: Callable[[], int],
        *,
        reports_kept_us: int = REPORTS_KEPT_US,
        every_s: float = EVERY_S,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._clock_us = clock_us
        self._reports_kept_us = reports_kept_us
        self._every_s = every_s
        self._wait = wait
        self._blocked = 0
        self._consultations = 0
        self._abandoned = 0
        self._failures = 0
        self._unclean = False
        self._cleaned_at_us: int | None = None

    async def run(self) -> None:
        """Until cancelled. What fails is logged, counted and tried again the next time."""
        while True:
            await self.once()
            await self._wait(self._every_s)

    async def once(self) -> Purged | None:
        """None when another node is at it, or the records cannot be used."""
        try:
            purged = await asyncio.to_thread(self._purge)
            waiting = await asyncio.to_thread(blocked, self._engine, self._clock_us())
        except Exception as error:
            self._failures += 1
            log.error("purge.failed", extra={"error": type(error).__name__})
            return None
        if len(waiting) != self._blocked:
            say = log.error if waiting else log.info
            say("purge.blocked", extra={"consultations": len(waiting)})
        self._blocked = len(waiting)
        return purged

    def rows(self) -> Iterator[Row]:
        """For the metrics page."""
        waiting = "Consultations whose content stays because a report of them has not reached the GP"
        yield Row("purge_blocked", waiting, self._blocked, kind=Kind.GAUGE)
        yield Row("purged_consultations", "Consultations whose content was removed", self._consultations)
        abandoned = "Reports that failed, and were given up because nobody sent them again"
        yield Row("reports_abandoned", abandoned, self._abandoned)
        yield Row("purge_failures", "Purges that the records did not allow", self._failures)

    def _purge(self) -> Purged | None:
        now_us = self._clock_us()
        with exclusively(self._engine, PURGING) as ours:
            if not ours:
                return None
            purged = purge(self._engine, now_us, self._reports_kept_us)
            if abandoned := purged.counts.get("abandoned_reports", 0):
                self._abandoned += abandoned
                log.error("reports.abandoned", extra={"count": abandoned})
            if purged.counts:
                self._unclean = True
                self._consultations += purged.counts.get("consultations", 0)
                log.info("purge.done", extra=dict(purged.counts))
            if self._unclean and self._may_clean(now_us):
                tidy(self._engine, CONTENT)
                self._cleaned_at_us, self._unclean = now_us, False
        return purged

    def _may_clean(self, now_us: int) -> bool:
        return self._cleaned_at_us is None or now_us - self._cleaned_at_us >= CLEAN_EVERY_US
