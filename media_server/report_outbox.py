"""The outbox of reports in SQL, shared by all nodes. Implements `reports.OutboxStore`."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from media_server.records import CannotOpen, FieldKeys, reading, tables, writing
from media_server.reports import (
    Claim,
    LeaseLost,
    OutboxState,
    Queued,
    Receipt,
    Report,
    ReportId,
    Trouble,
)
from signalling import Private

log = logging.getLogger(__name__)

_reports = tables.reports


class SqlOutbox:
    """Every method may raise RecordsUnusable."""

    def __init__(self, engine: Engine, keys: FieldKeys) -> None:
        self._engine = engine
        self._keys = keys

    async def add(self, queued: Queued) -> bool:
        return await asyncio.to_thread(self._add, queued)

    def add_within(self, connection: Connection, queued: Queued) -> None:
        """In the caller's transaction. Raises IntegrityError when a report of that id is there."""
        report = queued.report
        connection.execute(
            insert(_reports).values(
                id=report.id,
                consultation=report.consultation,
                recipient=report.recipient.reveal(),
                media_type=report.media_type,
                state=OutboxState.QUEUED.value,
                attempts=0,
                consent_ends_at_us=queued.consent_ends_at_us,
                created_at_us=queued.queued_at_us,
                due_at_us=queued.queued_at_us,
                sealed=self._keys.seal(_place(report.id), report.body),
            )
        )

    def requeue_within(self, connection: Connection, queued: Queued) -> None:
        """Have one that failed tried again, with what it says now; others stay as they are."""
        connection.execute(
            update(_reports)
            .where(_reports.c.id == queued.report.id, _reports.c.state == OutboxState.FAILED.value)
            .values(
                state=OutboxState.QUEUED.value,
                trouble=None,
                due_at_us=queued.queued_at_us,
                sealed=self._keys.seal(_place(queued.report.id), queued.report.body),
            )
        )

    def take_back(self, consultation: str) -> None:
        """Cancel every report of it that has not arrived, and erase what it says. One that is being sent just
        now may arrive all the same; nobody sends it again. Blocking.
        """
        with writing(self._engine) as connection:
            connection.execute(
                update(_reports)
                .where(
                    _reports.c.consultation == consultation,
                    _reports.c.state.in_((OutboxState.QUEUED.value, OutboxState.FAILED.value)),
                )
                .values(state=OutboxState.CANCELLED.value, sealed=None, lease_owner=None, lease_until_us=None)
            )

    def exists_within(self, connection: Connection, report: ReportId) -> bool:
        return connection.execute(select(_reports.c.id).where(_reports.c.id == report)).first() is not None

    def _add(self, queued: Queued) -> bool:
        try:
            with writing(self._engine) as connection:
                self.add_within(connection, queued)
        except IntegrityError:
            return False
        return True

    async def claim(self, owner: str, now_us: int, lease_us: int, limit: int) -> Sequence[Claim]:
        return await asyncio.to_thread(self._claim, owner, now_us, lease_us, limit)

    def _claim(self, owner: str, now_us: int, lease_us: int, limit: int) -> list[Claim]:
        until_us = now_us + lease_us
        with writing(self._engine) as connection:
            rows = connection.execute(
                select(_reports)
                .where(
                    _reports.c.state == OutboxState.QUEUED.value,
                    _reports.c.due_at_us <= now_us,
                    or_(_reports.c.lease_until_us.is_(None), _reports.c.lease_until_us <= now_us),
                )
                .order_by(_reports.c.due_at_us, _reports.c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                connection.execute(
                    update(_reports)
                    .where(_reports.c.id == row.id)
                    .values(attempts=row.attempts + 1, lease_owner=owner, lease_until_us=until_us)
                )
        return [claim for row in rows if (claim := self._claimed(row, until_us)) is not None]

    def _claimed(self, row: Row[Any], until_us: int) -> Claim | None:
        """None for one that cannot be read: it failed, and does not keep the others from going."""
        try:
            return Claim(self._queued(row), row.attempts + 1, until_us)
        except CannotOpen:
            log.error("report.unreadable", extra={"report": row.id})
            values = {"state": OutboxState.FAILED.value, "trouble": Trouble.OUR_FAULT.value}
            with writing(self._engine) as connection:
                connection.execute(update(_reports).where(_reports.c.id == row.id).values(**values))
            return None

    async def delivered(self, claim: Claim, receipt: Receipt, now_us: int) -> None:
        await self._settle(
            claim,
            state=OutboxState.DELIVERED.value,
            receipt=f"{receipt.reference} {receipt.sha256}",
            delivered_at_us=now_us,
            sealed=None,
        )

    async def retry(self, claim: Claim, due_at_us: int) -> None:
        await self._settle(claim, due_at_us=due_at_us)

    async def failed(self, claim: Claim, trouble: Trouble, now_us: int) -> None:
        await self._settle(claim, state=OutboxState.FAILED.value, trouble=trouble.value)

    async def cancelled(self, claim: Claim, now_us: int) -> None:
        await self._settle(claim, state=OutboxState.CANCELLED.value, sealed=None)

    async def _settle(self, claim: Claim, **values: object) -> None:
        if not await asyncio.to_thread(self._change, claim, values):
            raise LeaseLost("another node has this report, or it was taken back")

    def _change(self, claim: Claim, values: dict[str, object]) -> bool:
        """Whether the claim was still good."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(_reports)
                .where(
                    _reports.c.id == claim.queued.report.id,
                    _reports.c.state == OutboxState.QUEUED.value,
                    _reports.c.attempts == claim.attempt,
                    _reports.c.lease_owner.is_not(None),
                )
                .values(**values, lease_owner=None, lease_until_us=None)
            )
        return changed.rowcount == 1

    async def cancel(self, report: ReportId, now_us: int) -> bool:
        return await asyncio.to_thread(self._cancel, report, now_us)

    def _cancel(self, report: ReportId, now_us: int) -> bool:
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(_reports)
                .where(
                    _reports.c.id == report,
                    _reports.c.state == OutboxState.QUEUED.value,
                    or_(_reports.c.lease_until_us.is_(None), _reports.c.lease_until_us <= now_us),
                )
                .values(state=OutboxState.CANCELLED.value, sealed=None, lease_owner=None, lease_until_us=None)
            )
        return changed.rowcount == 1

    async def state(self, report: ReportId) -> OutboxState | None:
        return await asyncio.to_thread(self._state, report)

    def _state(self, report: ReportId) -> OutboxState | None:
        with reading(self._engine) as connection:
            state = connection.execute(select(_reports.c.state).where(_reports.c.id == report)).scalar()
        return None if state is None else OutboxState(state)

    def state_of(self, consultation: str) -> OutboxState | None:
        """Of the newest report of a consultation; None: there is none. Blocking."""
        with reading(self._engine) as connection:
            state = connection.execute(
                select(_reports.c.state)
                .where(_reports.c.consultation == consultation)
                .order_by(_reports.c.created_at_us.desc(), _reports.c.id.desc())
                .limit(1)
            ).scalar()
        return None if state is None else OutboxState(state)

    def _queued(self, row: Row[Any]) -> Queued:
        body = self._keys.open_sealed(_place(row.id), row.sealed)
        report = Report(ReportId(row.id), row.consultation, Private(row.recipient), row.media_type, body)
        return Queued(report, row.created_at_us, row.consent_ends_at_us)


def _place(id: str) -> str:
    return f"reports/sealed/{id}"
