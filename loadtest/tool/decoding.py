"""The bots of a test: where they join, and what they saw, as the report has it. What fails is counted."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from loadtest.fidelity import Bots, BotsFailed
from loadtest.tool.errors import CannotTest, TicketFailed, code_of
from loadtest.tool.fleet import Fleet
from loadtest.tool.measures import Fidelity

ROLES = ("doctor", "patient")


class Decoding:
    """`fidelity` is of the window that ended last."""

    def __init__(self, bots: Bots, fleet: Fleet) -> None:
        self._bots = bots
        self._fleet = fleet
        self._first_decoded_ms: tuple[float, ...] = ()
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
        await decoding._join(rooms)
        return decoding

    async def _join(self, rooms: Sequence[str]) -> None:
        try:
            pairs = []
            for room in rooms:
                entrance = self._fleet.entrance(room)
                first, second = [await entrance.ticket(room, role) for role in ROLES]
                pairs.append((first, second))
            joined = await self._bots.join(pairs)
        except (BotsFailed, TicketFailed) as error:
            self._fleet.fail(f"bots: {code_of(error)}")
            return
        self._first_decoded_ms = joined.first_decoded_ms
        for code, count in joined.failed.items():
            for _ in range(count):
                self._fleet.fail(f"bots: {code}")

    async def begin_window(self) -> None:
        try:
            await self._bots.begin_window()
        except BotsFailed as error:
            self._fleet.fail(f"bots: {code_of(error)}")

    async def end_window(self) -> None:
        self._fleet.tally.joins.record_decoded(self._first_decoded_ms)
        try:
            figures, lost = await self._bots.end_window()
        except BotsFailed as error:
            self._fleet.fail(f"bots: {code_of(error)}")
            return
        self.fidelity = Fidelity.model_validate(figures)
        for _ in range(lost):
            self._fleet.fail("bots: session or media ended")
