"""The bots of a test: where they join, and what they saw, as the report has it. What fails is counted."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from loadtest.errors import code_of
from loadtest.fidelity import Bots, BotsFailed, PairFailed
from loadtest.results import Fidelity
from loadtest.tool.errors import CannotTest, TicketFailed
from loadtest.tool.fleet import Fleet

ROLES = ("doctor", "patient")


class Decoding:
    """`fidelity` is of the window that ended last."""

    def __init__(self, bots: Bots, fleet: Fleet) -> None:
        self._bots = bots
        self._fleet = fleet
        self._first_decoded_ms: list[float] = []
        self.fidelity: Fidelity | None = None

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, film: Path | None, fleet: Fleet, rooms: Sequence[str]
    ) -> "Decoding":
        """Two in each room, until the stack is left. Raises CannotTest when there can be no bots at all."""
        try:
            decoding = cls(await stack.enter_async_context(Bots(film)), fleet)
        except BotsFailed as error:
            raise CannotTest(f"The bots did not start: {error}.") from None
        # One pair after the other: what they need to join is to be the server's time, not each other's.
        for room in rooms:
            await decoding.join(room)
        return decoding

    async def join(self, room: str) -> None:
        """One pair; the time of who comes second is that to its first picture, its ticket's included."""
        entrance = self._fleet.entrance(room)
        try:
            first = await entrance.ticket(room, ROLES[0])
            began_s = time.monotonic()
            second = await entrance.ticket(room, ROLES[1])
            ticket_ms = 1000 * (time.monotonic() - began_s)
            self._first_decoded_ms.append(ticket_ms + await self._bots.join(first, second))
        except (BotsFailed, PairFailed, TicketFailed) as error:
            self._fleet.fail(f"bots: {code_of(error)}")

    async def begin_window(self) -> None:
        try:
            await self._bots.begin_window()
        except BotsFailed as error:
            self._fleet.fail(f"bots: {code_of(error)}")

    async def end_window(self) -> None:
        self._fleet.tally.joins.record_decoded(self._first_decoded_ms)
        self.fidelity = None
        try:
            figures, lost = await self._bots.end_window()
        except BotsFailed as error:
            self._fleet.fail(f"bots: {code_of(error)}")
            return
        self.fidelity = Fidelity.model_validate(figures)
        for _ in range(lost):
            self._fleet.fail("bots: session or media ended")
