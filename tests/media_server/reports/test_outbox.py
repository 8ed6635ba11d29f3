"""The outbox: sent once, only while the patient agrees, tried again when it fails, and somebody told."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from media_server.reports import (
    Cancelled,
    Claim,
    Delayed,
    Delivered,
    FolderDelivery,
    GivenUp,
    IdempotencyKey,
    Outbox,
    OutboxEvent,
    OutboxState,
    OutboxStore,
    Receipt,
    Report,
    ReportDelivery,
    ReportId,
    Trouble,
    TryLater,
    Undeliverable,
)
from tests.media_server.reports.builders import GP_NIHDI, a_report
from tests.media_server.reports.memory_outbox import MemoryOutbox
from tests.media_server.reports.outbox_contract import NOW_US, SECOND_US, OutboxStoreContract, a_queued

WEEK_US = 7 * 86_400 * SECOND_US
DONE = Receipt("done", "00" * 32)


class TestMemoryOutbox(OutboxStoreContract):
    @pytest.fixture
    async def outbox_store(self) -> OutboxStore:
        return MemoryOutbox()


@dataclass
class Clock:
    now_us: int = NOW_US

    def __call__(self) -> int:
        return self.now_us


@dataclass
class Post:
    """A receiver that answers as it is told, then takes everything."""

    answers: list[Exception | Receipt] = field(default_factory=list)
    received: list[tuple[str, str]] = field(default_factory=list)

    async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
        self.received.append((report.recipient.reveal(), idempotency_key))
        answer = self.answers.pop(0) if self.answers else DONE
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Consents:
    """Who may be sent what, as of now."""

    granted: bool = True
    asked: list[str] = field(default_factory=list)

    async def may_send(self, report: Report) -> bool:
        self.asked.append(report.recipient.reveal())
        return self.granted


@dataclass
class Stage:
    store: MemoryOutbox = field(default_factory=MemoryOutbox)
    clock: Clock = field(default_factory=Clock)
    post: Post = field(default_factory=Post)
    consents: Consents = field(default_factory=Consents)
    events: list[OutboxEvent] = field(default_factory=list)

    def outbox(
        self, delivery: ReportDelivery | None = None, owner: str = "node-1", attempt_s: float = 60.0
    ) -> Outbox:
        return Outbox(
            self.store,
            delivery or self.post,
            self.clock,
            self.consents.may_send,
            owner=owner,
            observe=self.observe,
            jitter=lambda: 0.0,
            attempt_s=attempt_s,
            poll_s=3600.0,
        )

    async def observe(self, event: OutboxEvent) -> None:
        self.events.append(event)

    def state(self, number: int = 1) -> OutboxState:
        return self.store.rows[ReportId(f"r-{number}")].state


@pytest.fixture
async def stage() -> Stage:
    stage = Stage()
    await stage.store.add(a_queued())
    return stage


async def test_what_waits_is_sent_once_to_the_named_gp_under_its_own_key(stage: Stage) -> None:
    assert await stage.outbox().step() == 1
    assert await stage.outbox().step() == 0
    assert stage.post.received == [(GP_NIHDI, "r-1")]
    assert stage.consents.asked == [GP_NIHDI]
    assert stage.events == [Delivered(ReportId("r-1"), "c-1", 1, DONE)]
    assert stage.store.receipts == {"r-1": DONE}


async def test_two_nodes_send_nothing_twice(stage: Stage) -> None:
    for number in range(2, 30):
        await stage.store.add(a_queued(number))
    nodes = [stage.outbox(owner=f"node-{number}") for number in (1, 2)]
    while sum(await asyncio.gather(*(node.step() for node in nodes))):
        pass
    assert sorted(key for _, key in stage.post.received) == sorted(f"r-{number}" for number in range(1, 30))


async def test_without_consent_at_the_moment_of_sending_nothing_leaves(stage: Stage) -> None:
    stage.consents.granted = False
    await stage.outbox().step()
    assert stage.post.received == []
    assert stage.state() is OutboxState.CANCELLED
    assert stage.events == [Cancelled(ReportId("r-1"), "c-1", 1)]


async def test_consent_is_asked_for_again_at_every_attempt(stage: Stage) -> None:
    stage.post.answers = [TryLater(Trouble.BUSY, "busy")]
    await stage.outbox().step()
    stage.consents.granted = False
    stage.clock.now_us += 3600 * SECOND_US
    await stage.outbox().step()
    assert len(stage.post.received) == 1
    assert stage.state() is OutboxState.CANCELLED


async def test_a_failure_is_tried_again_when_it_is_due_and_under_the_same_key(stage: Stage) -> None:
    stage.post.answers = [
        TryLater(Trouble.BUSY, "busy"),
        TryLater(Trouble.UNREACHABLE, "gone", retry_after_s=600),
    ]
    outbox = stage.outbox()
    await outbox.step()
    due_at_us = NOW_US + 15 * SECOND_US
    assert stage.events == [Delayed(ReportId("r-1"), "c-1", 1, Trouble.BUSY, due_at_us, alarming=False)]
    stage.clock.now_us = due_at_us - 1
    assert await outbox.step() == 0
    stage.clock.now_us = due_at_us
    await outbox.step()
    stage.clock.now_us = due_at_us + 600 * SECOND_US
    await outbox.step()
    assert stage.post.received == [(GP_NIHDI, "r-1")] * 3
    assert stage.state() is OutboxState.DELIVERED


async def test_what_the_receiver_will_never_take_is_given_up_at_once_and_told(stage: Stage) -> None:
    stage.post.answers = [Undeliverable(Trouble.REFUSED, "no")]
    await stage.outbox().step()
    assert stage.events == [GivenUp(ReportId("r-1"), "c-1", 1, Trouble.REFUSED)]
    assert stage.state() is OutboxState.FAILED


async def test_a_receiver_that_stays_away_raises_an_alarm_and_is_given_up_when_the_consent_ends(
    stage: Stage,
) -> None:
    stage.post.answers = [TryLater(Trouble.UNREACHABLE, "gone")] * 1000
    outbox = stage.outbox()
    while stage.state() is OutboxState.QUEUED:
        await outbox.step()
        stage.clock.now_us = stage.store.rows[ReportId("r-1")].due_at_us
    delays, last = stage.events[:-1], stage.events[-1]
    assert [event.alarming for event in delays if isinstance(event, Delayed)][:6] == [False] * 4 + [True] * 2
    assert isinstance(last, GivenUp)
    assert last.trouble is Trouble.EXPIRED
    assert stage.clock.now_us == NOW_US + WEEK_US
    assert len(stage.post.received) == len(delays), "after the consent ended nothing was sent"


async def test_after_the_consent_ended_nothing_leaves_even_if_it_is_said_to_be_there(stage: Stage) -> None:
    stage.clock.now_us += WEEK_US
    await stage.outbox().step()
    assert stage.post.received == []
    assert stage.events == [GivenUp(ReportId("r-1"), "c-1", 1, Trouble.EXPIRED)]


async def test_a_delivery_that_hangs_is_ended_well_within_its_lease(stage: Stage) -> None:
    class Hanging:
        async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    await stage.outbox(Hanging(), attempt_s=0.01).step()
    (event,) = stage.events
    assert isinstance(event, Delayed)
    assert event.trouble is Trouble.TIMED_OUT


@pytest.mark.parametrize("broken", ["delivery", "consents"])
async def test_a_bug_on_the_way_decides_nothing(
    stage: Stage, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def nobody_to_ask(report: Report) -> bool:
        raise RuntimeError("the database is away")

    if broken == "delivery":
        stage.post.answers = [RuntimeError("words about a patient")]
    else:
        stage.consents.may_send = nobody_to_ask  # type: ignore[method-assign]
    await stage.outbox().step()
    assert stage.state() is OutboxState.QUEUED
    (event,) = stage.events
    assert isinstance(event, Delayed)
    assert event.trouble is Trouble.OUR_FAULT
    assert len(stage.post.received) == (1 if broken == "delivery" else 0)


async def test_a_node_that_dies_while_sending_leaves_it_to_the_next(stage: Stage, tmp_path: Path) -> None:
    """Killed after the file was written and before that was noted: the same file, the same receipt."""
    folder = FolderDelivery(tmp_path)
    written = asyncio.Event()

    class Dying:
        async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
            receipt = await folder.deliver(report, idempotency_key)
            written.set()
            await asyncio.get_running_loop().create_future()
            return receipt

    dying = asyncio.create_task(stage.outbox(Dying()).step())
    await written.wait()
    dying.cancel()
    await asyncio.wait([dying])
    assert dying.cancelled()
    assert stage.state() is OutboxState.QUEUED
    assert await stage.outbox(folder, "node-2").step() == 0, "the dead node's lease still holds"
    stage.clock.now_us += 120 * SECOND_US
    assert await stage.outbox(folder, "node-2").step() == 1
    assert stage.state() is OutboxState.DELIVERED
    assert contents(tmp_path) == [a_report().body]


def contents(root: Path) -> list[bytes]:
    return [path.read_bytes() for path in root.rglob("*") if path.is_file()]


async def test_a_lease_lost_to_another_node_is_left_to_it(stage: Stage) -> None:
    class Slow:
        async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
            stage.clock.now_us += 121 * SECOND_US
            await stage.outbox(owner="node-2").step()
            return Receipt("late", "00" * 32)

    await stage.outbox(Slow()).step()
    assert stage.store.receipts == {"r-1": DONE}
    assert stage.events == [Delivered(ReportId("r-1"), "c-1", 2, DONE)]


async def test_a_running_worker_wakes_when_something_is_added_and_outlives_a_store_that_was_away(
    stage: Stage,
) -> None:
    arrived = asyncio.Event()
    away = [True]

    async def observe(event: OutboxEvent) -> None:
        arrived.set()

    class Sometimes(MemoryOutbox):
        async def claim(self, owner: str, now_us: int, lease_us: int, limit: int) -> Sequence[Claim]:
            if away:
                away.clear()
                outbox.wake()
                raise RuntimeError("away")
            return await super().claim(owner, now_us, lease_us, limit)

    store = Sometimes()
    outbox = Outbox(
        store,
        stage.post,
        stage.clock,
        stage.consents.may_send,
        owner="node-1",
        observe=observe,
        poll_s=3600.0,
    )
    worker = asyncio.create_task(outbox.run())
    try:
        for number in (1, 2):
            await store.add(a_queued(number))
            outbox.wake()
            async with asyncio.timeout(10):
                await arrived.wait()
            arrived.clear()
    finally:
        worker.cancel()
        await asyncio.wait([worker])
    assert [key for _, key in stage.post.received] == ["r-1", "r-2"]


async def test_an_observer_that_fails_does_not_undo_what_was_sent(stage: Stage) -> None:
    async def observe(event: OutboxEvent) -> None:
        raise RuntimeError("no room in the audit log")

    outbox = Outbox(
        stage.store, stage.post, stage.clock, stage.consents.may_send, owner="node-1", observe=observe
    )
    assert await outbox.step() == 1
    assert stage.state() is OutboxState.DELIVERED


async def test_the_log_says_what_happened_and_not_to_whom(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage.post.answers = [*[TryLater(Trouble.BUSY, "busy")] * 5, Undeliverable(Trouble.REFUSED, "no")]
    outbox = stage.outbox()
    for _ in range(6):
        await outbox.step()
        stage.clock.now_us += 3600 * SECOND_US
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [("WARNING", "report.delayed")] * 4 + [
        ("ERROR", "report.overdue"),
        ("ERROR", "report.given_up"),
    ]
    everything = "".join(str(record.__dict__) for record in caplog.records)
    assert GP_NIHDI not in everything
