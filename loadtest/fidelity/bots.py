"""The load tester's side of the bots: starts their process, tells them where to join, asks what they saw."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtest.errors import ClientError
from loadtest.tickets import Ticket

START_S = 60.0  # the film is made in that
ANSWER_S = 20.0
JOIN_S = 100.0  # each of the two joins, and waits for a picture, in 20 s or not at all
CLOSE_S = 8.0  # they leave within half of that


class BotsFailed(ClientError):
    """Their process does not answer; the text is a stable code."""


class PairFailed(ClientError):
    """Two did not come to see each other; the text is a stable code."""


class Bots:
    """An async context manager around the process; leaving it lets all bots go."""

    def __init__(
        self, film: Path | None = None, command: Sequence[str] = (sys.executable, "-m", "loadtest.fidelity")
    ) -> None:
        """`film`: what they send, None: the built-in one. `command` starts their process."""
        self._film = film
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._lost = False

    async def __aenter__(self) -> Self:
        """Raises BotsFailed."""
        film = [] if self._film is None else [str(self._film)]
        self._process = await asyncio.create_subprocess_exec(
            *(*self._command, *film),
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

    async def join(self, first: Ticket, second: Ticket) -> float:
        """Two in one room; returns when they see each other.

        How long that took, in milliseconds from when the second of them, who found somebody sending, began to
        join. Raises PairFailed, BotsFailed.
        """
        pair = [[ticket.url, ticket.ticket] for ticket in (first, second)]
        answer = await self._ask({"do": "join", "pair": pair}, JOIN_S)
        if "failed" in answer:
            raise PairFailed(answer["failed"])
        return float(answer["first_decoded_ms"])

    async def begin_window(self) -> None:
        """Raises BotsFailed."""
        await self._ask({"do": "begin"}, ANSWER_S)

    async def end_window(self) -> tuple[dict[str, Any], int]:
        """The report's `fidelity`, and how many bots were lost on the way. Raises BotsFailed."""
        answer = await self._ask({"do": "end"}, ANSWER_S)
        return answer["fidelity"], answer["lost"]

    async def _ask(self, line: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Raises BotsFailed, once and then always: a late answer would pass for that of the next line."""
        assert self._process is not None
        assert self._process.stdin is not None
        if self._lost:
            raise BotsFailed("process lost")
        self._lost = True
        with suppress(OSError, RuntimeError):  # uvloop's for a closed pipe; reading tells of the end, too
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
        answer = await self._hear(timeout_s)
        self._lost = False
        return answer

    async def _hear(self, timeout_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise BotsFailed("not in time") from None
        if not line.endswith(b"\n"):
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
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
