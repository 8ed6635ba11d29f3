"""The queue of those who wait for a doctor, as far as nodes share it: no names, no health data.

Those of higher priority come first, equals in the order in which they came, however late the queue learns of
one of them. A claim is one step: nobody is
taken twice. It stays the claimer's until it is finished or given back, and whoever asks again meanwhile gets
the same answer, so that a claim whose answer was lost with a node is not lost.

Implementations: `memory_waiting`, `redis_waiting`; the contract is
tests/signalling/test_waiting_contract.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NewType, Protocol

WaitingId = NewType("WaitingId", str)
ClaimerId = NewType("ClaimerId", str)

HIGHEST_PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """`id` is the consultation's; `language` a tag (BCP 47); `priority` 0 to HIGHEST_PRIORITY, the urgent
    high. `since_ms`: since when they wait, Unix milliseconds; None: from now on.
    """

    id: WaitingId
    language: str
    priority: int = 0
    since_ms: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= HIGHEST_PRIORITY:
            raise ValueError(f"a priority is 0 to {HIGHEST_PRIORITY}")


class WaitingQueue(Protocol):
    """Every method may raise StoreUnavailable; then it may be asked again: each is idempotent."""

    async def push(self, waiting: Waiting, ttl_s: float) -> None:
        """Wait, for `ttl_s` at most. Who waits, or is claimed, already keeps its place, unless the priority
        is another now.
        """
        ...

    async def position(self, id_: WaitingId) -> int | None:
        """1 the next of its language; None: does not wait."""
        ...

    async def claim(
        self,
        claimer: ClaimerId,
        languages: Collection[str],
        ttl_s: float,
        only: WaitingId | None = None,
        least_priority: int = 0,
    ) -> Waiting | None:
        """The first of those who speak one of the languages and have this priority or a higher one, or what
        this claimer has already; None: nobody waits. `only` this one, whatever its place and language. The
        claim is given up after `ttl_s`, back to its old place.
        """
        ...

    async def give_back(self, claimer: ClaimerId, id_: WaitingId) -> None:
        """Who was claimed waits again, at the old place; nothing if this claimer does not have it."""
        ...

    async def finish(self, claimer: ClaimerId, id_: WaitingId) -> None:
        """The claim is done with, nobody waits for it any more; nothing if this claimer does not have it."""
        ...

    async def remove(self, id_: WaitingId) -> None:
        """Waits no longer: cancelled. A claim of it ends."""
        ...
