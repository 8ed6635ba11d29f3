"""What every OutboxStore has to do. Run it by a subclass with a fixture `outbox_store`:

    class TestSqlOutbox(OutboxStoreContract):
        @pytest.fixture
        async def outbox_store(self) -> AsyncIterator[OutboxStore]: ...

A store whose reports need consultations has to have those called c-1 to c-20.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from media_server.reports import (
    Claim,
    LeaseLost,
    OutboxState,
    OutboxStore,
    Queued,
    Receipt,
    ReportId,
    Trouble,
)
from tests.media_server.reports.builders import a_report

NOW_US = 1_795_000_000_000_000
SECOND_US = 1_000_000
LEASE_US = 60 * SECOND_US
RECEIPT = Receipt("r-1.json", "00" * 32)

Saying = Callable[[OutboxStore, Claim], Awaitable[None]]
SAYINGS: dict[str, Saying] = {
    "delivered": lambda store, claim: store.delivered(claim, RECEIPT, NOW_US),
    "retry": lambda store, claim: store.retry(claim, NOW_US),
    "failed": lambda store, claim: store.failed(claim, Trouble.REFUSED, NOW_US),
    "cancelled": lambda store, claim: store.cancelled(claim, NOW_US),
}
SETTLED = {
    "delivered": OutboxState.DELIVERED,
    "failed": OutboxState.FAILED,
    "cancelled": OutboxState.CANCELLED,
}


def a_queued(number: int = 1, queued_at_us: int = NOW_US) -> Queued:
    return Queued(a_report(number), queued_at_us, queued_at_us + 7 * 86_400 * SECOND_US)


async def claimed(
    store: OutboxStore, now_us: int = NOW_US, owner: str = "node-1", limit: int = 10
) -> list[Claim]:
    return list(await store.claim(owner, now_us, LEASE_US, limit))


async def the_claim(store: OutboxStore, now_us: int = NOW_US, owner: str = "node-1") -> Claim:
    (claim,) = await claimed(store, now_us, owner)
    return claim


class OutboxStoreContract:
    async def test_what_is_added_is_claimed_as_it_was(self, outbox_store: OutboxStore) -> None:
        assert await outbox_store.add(a_queued())
        claim = await the_claim(outbox_store)
        assert claim == Claim(a_queued(), 1, NOW_US + LEASE_US)
        assert claim.queued.report.body == a_report().body
        assert await outbox_store.state(ReportId("r-1")) is OutboxState.QUEUED

    async def test_nothing_is_claimed_where_nothing_waits(self, outbox_store: OutboxStore) -> None:
        assert await claimed(outbox_store) == []
        assert await outbox_store.state(ReportId("r-1")) is None

    async def test_adding_again_changes_nothing_whatever_became_of_the_first(
        self, outbox_store: OutboxStore
    ) -> None:
        await outbox_store.add(a_queued())
        assert not await outbox_store.add(a_queued())
        await outbox_store.delivered(await the_claim(outbox_store), RECEIPT, NOW_US)
        assert not await outbox_store.add(a_queued())
        assert await claimed(outbox_store, NOW_US + 2 * LEASE_US) == []

    async def test_what_one_node_holds_no_other_gets_until_the_lease_ends(
        self, outbox_store: OutboxStore
    ) -> None:
        await outbox_store.add(a_queued())
        first = await the_claim(outbox_store)
        assert await claimed(outbox_store, first.leased_until_us - 1, "node-2") == []
        second = await the_claim(outbox_store, first.leased_until_us, "node-2")
        assert (first.attempt, second.attempt) == (1, 2)

    async def test_nodes_that_claim_at_the_same_time_get_different_reports(
        self, outbox_store: OutboxStore
    ) -> None:
        for number in range(1, 21):
            await outbox_store.add(a_queued(number))
        rounds = await asyncio.gather(
            *(claimed(outbox_store, owner=f"node-{node}", limit=3) for node in range(8))
        )
        taken = [claim.queued.report.id for claims in rounds for claim in claims]
        assert len(taken) == len(set(taken))
        rest = [claim.queued.report.id for claim in await claimed(outbox_store, limit=20)]
        assert sorted(taken + rest) == sorted(f"r-{number}" for number in range(1, 21))

    async def test_the_longest_due_go_first_and_no_more_than_asked_for(
        self, outbox_store: OutboxStore
    ) -> None:
        for number, queued_at_us in ((1, NOW_US - 1), (2, NOW_US - 3), (3, NOW_US - 2), (4, NOW_US + 1)):
            await outbox_store.add(a_queued(number, queued_at_us))
        assert [claim.queued.report.id for claim in await claimed(outbox_store, limit=2)] == ["r-2", "r-3"]
        assert [claim.queued.report.id for claim in await claimed(outbox_store)] == ["r-1"]

    async def test_a_retry_waits_until_it_is_due_and_counts_on(self, outbox_store: OutboxStore) -> None:
        await outbox_store.add(a_queued())
        due_at_us = NOW_US + 10 * SECOND_US
        await outbox_store.retry(await the_claim(outbox_store), due_at_us)
        assert await claimed(outbox_store, due_at_us - 1) == []
        claim = await the_claim(outbox_store, due_at_us, "node-2")
        assert (claim.attempt, claim.queued) == (2, a_queued())

    @pytest.mark.parametrize(("saying", "state"), SETTLED.items())
    async def test_what_is_settled_stays_so(
        self, outbox_store: OutboxStore, saying: str, state: OutboxState
    ) -> None:
        await outbox_store.add(a_queued())
        claim = await the_claim(outbox_store)
        await SAYINGS[saying](outbox_store, claim)
        assert await claimed(outbox_store, NOW_US + 2 * LEASE_US) == []
        assert await outbox_store.state(ReportId("r-1")) is state
        for again in SAYINGS.values():
            with pytest.raises(LeaseLost):
                await again(outbox_store, claim)
        assert await outbox_store.state(ReportId("r-1")) is state

    @pytest.mark.parametrize("saying", SAYINGS)
    async def test_who_lost_the_lease_changes_nothing_any_more(
        self, outbox_store: OutboxStore, saying: str
    ) -> None:
        await outbox_store.add(a_queued())
        slow = await the_claim(outbox_store)
        quick = await the_claim(outbox_store, slow.leased_until_us, "node-2")
        with pytest.raises(LeaseLost):
            await SAYINGS[saying](outbox_store, slow)
        assert await claimed(outbox_store, quick.leased_until_us - 1) == []
        await outbox_store.delivered(quick, RECEIPT, NOW_US)
        assert await outbox_store.state(ReportId("r-1")) is OutboxState.DELIVERED

    @pytest.mark.parametrize("saying", SAYINGS)
    async def test_who_let_go_of_it_holds_it_no_more(self, outbox_store: OutboxStore, saying: str) -> None:
        await outbox_store.add(a_queued())
        claim = await the_claim(outbox_store)
        await outbox_store.retry(claim, NOW_US + SECOND_US)
        with pytest.raises(LeaseLost):
            await SAYINGS[saying](outbox_store, claim)
        assert (await the_claim(outbox_store, NOW_US + SECOND_US)).attempt == 2

    async def test_a_lease_that_ended_and_nobody_took_over_is_still_good(
        self, outbox_store: OutboxStore
    ) -> None:
        await outbox_store.add(a_queued())
        claim = await the_claim(outbox_store)
        await outbox_store.delivered(claim, RECEIPT, claim.leased_until_us + LEASE_US)
        assert await outbox_store.state(ReportId("r-1")) is OutboxState.DELIVERED

    async def test_what_waits_can_be_taken_back(self, outbox_store: OutboxStore) -> None:
        await outbox_store.add(a_queued())
        assert await outbox_store.cancel(ReportId("r-1"), NOW_US)
        assert await outbox_store.state(ReportId("r-1")) is OutboxState.CANCELLED
        assert await claimed(outbox_store) == []
        assert not await outbox_store.cancel(ReportId("r-1"), NOW_US)

    async def test_what_is_being_sent_cannot_be_taken_back_until_the_lease_ends(
        self, outbox_store: OutboxStore
    ) -> None:
        await outbox_store.add(a_queued())
        claim = await the_claim(outbox_store)
        assert not await outbox_store.cancel(ReportId("r-1"), claim.leased_until_us - 1)
        assert await outbox_store.cancel(ReportId("r-1"), claim.leased_until_us)
        with pytest.raises(LeaseLost):
            await outbox_store.delivered(claim, RECEIPT, NOW_US)
        assert await outbox_store.state(ReportId("r-1")) is OutboxState.CANCELLED

    async def test_what_was_sent_or_is_unknown_cannot_be_taken_back(self, outbox_store: OutboxStore) -> None:
        await outbox_store.add(a_queued())
        await outbox_store.delivered(await the_claim(outbox_store), RECEIPT, NOW_US)
        assert not await outbox_store.cancel(ReportId("r-1"), NOW_US)
        assert not await outbox_store.cancel(ReportId("r-2"), NOW_US)
        assert await outbox_store.state(ReportId("r-1")) is OutboxState.DELIVERED
