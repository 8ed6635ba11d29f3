"""The one thread that writes all recordings of a node, in rounds: whoever has something to write joins the
next.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self

from media_server.recording.journal import Journal, Work, write
from media_server.recording.store import RecordingStore

# Sealing can wait a little, a packet to be forwarded cannot: nice(7), which Linux has for each thread.
NICENESS = 10


class Writer:
    """A context manager. `write` and `call` may be asked for by any task."""

    def __init__(self, store: RecordingStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "recorder", initializer=_step_back)
        # Bounded by the recordings there are: each waits for its own work to be done.
        self._waiting: list[tuple[Journal, Work, asyncio.Future[None]]] = []
        self._wanted = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._rounds = asyncio.create_task(self._run(), name="recording-rounds")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._rounds is not None
        self._rounds.cancel()
        await asyncio.gather(self._rounds, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def write(self, journal: Journal, work: Work) -> None:
        """Returns when it is durable. Raises StoreFailed."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((journal, work, done))
        self._wanted.set()
        await done
        if work.failure is not None:
            raise work.failure

    async def call(self, do: Callable[[], None]) -> None:
        """Something else that blocks, between two rounds."""
        await asyncio.get_running_loop().run_in_executor(self._thread, do)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            jobs, self._waiting = self._waiting, []
            try:
                await self.call(partial(write, self._store, [(journal, work) for journal, work, _ in jobs]))
            except Exception as error:  # our bug: whoever waits must hear of it, and the next round come
                for _, _, done in jobs:
                    if not done.done():
                        done.set_exception(error)
            for _, _, done in jobs:
                if not done.done():
                    done.set_result(None)


def _step_back() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
