"""Participants that send in the background: tasks ended together, before the participants are closed."""

import asyncio
from typing import Self

from loadtest.lean import LeanParticipant


class Sending:
    """An async context manager; leaving it ends all sending."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, participant: LeanParticipant) -> None:
        self._tasks.append(asyncio.create_task(participant.send(), name="send"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
