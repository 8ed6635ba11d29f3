"""The load tester's side of the bots: starts their process, tells them where to join, asks what they saw."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtest.errors import ClientError
from loadtest.tickets import Ticket

START_S = 60.0  # the film is made in that
ANSWER_S = 20.0
CLOSE_S = 15.0


class BotsFailed(ClientError):
    """Their process does not answer; the text is a stable code."""


@dataclass(frozen=True, slots=True)
class Joined:
    first_decoded_ms: tuple[float, ...]
    """Of those who found somebody sending, from the beginning of their join."""
    failed: dict[str, int]
    """Pairs that did not come about, by code."""


class Bots:
    """An async context manager around the process; leaving it lets all bots go."""

    def __init__(self, film: Path | None = None) -> None:
        """`film`: what they send, None: the built-in one."""
        self._film = film
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Raises BotsFailed."""
        film = [] if self._film is None else [str(self._film)]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "loadtest.fidelity", *film),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # libraries' warnings about every lost picture
            start_new_session=True,  # Ctrl-C is for us, who ask them what they saw and then let them go
        )
        try:
            await self._hear(START_S)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def join(self, rooms: Sequence[tuple[Ticket, Ticket]]) -> Joined:
        """Two in each room; returns when all see each other, or have failed to. Raises BotsFailed."""
        tickets = [[[ticket.url, ticket.ticket] for ticket in pair] for pair in rooms]
        answer = await self._ask({"do": "join", "rooms": tickets}, ANSWER_S + 4 * ANSWER_S * len(rooms))
        return Joined(tuple(answer["first_decoded_ms"]), answer["failed"])

    async def begin_window(self) -> None:
        """Raises BotsFailed."""
        await self._ask({"do": "begin"}, ANSWER_S)

    async def end_window(self) -> tuple[dict[str, Any], int]:
        """The report's `fidelity`, and how many bots were lost on the way. Raises BotsFailed."""
        answer = await self._ask({"do": "end"}, ANSWER_S)
        return answer["fidelity"], answer["lost"]

    async def _ask(self, line: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        return await self._hear(timeout_s)

    async def _hear(self, timeout_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise BotsFailed("not in time") from None
        if not line:
            raise BotsFailed("process ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BotsFailed(str(answer["error"]))
        return answer

    async def _close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
