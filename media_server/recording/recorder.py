"""A node's recorder: signalling says when, this opens, feeds and ends recordings, and makes nobody wait."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from media_server.recording.catalogue import Catalogue
from media_server.recording.errors import RecordingError, RecordingForbidden
from media_server.recording.ids import new_recording_id, next_part
from media_server.recording.live_recording import LiveRecording, Means, Taps
from media_server.recording.manifest import Signer
from media_server.recording.store import RecordingStore, StoreFailed
from media_server.recording.writer import Writer
from media_server.settings import Policy
from sfu import SfuError
from signalling import Attempt, Note, RecordingStart, RoomId

log = logging.getLogger(__name__)

# At the end of the server. What the disk has not taken by then is closed at the next start, as after a crash.
FLUSH_TIMEOUT_S = 10.0


class News(Protocol):
    """What signalling is told."""

    def recording_opened(self, room: RoomId, attempt: Attempt, since_unix_s: float) -> None: ...

    def recording_failed(self, room: RoomId, attempt: Attempt, reason: str) -> None: ...

    def recording_trouble(self, room: RoomId, attempt: Attempt, reason: str) -> None: ...

    def recording_closed(self, room: RoomId, attempt: Attempt) -> None: ...


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """`custodians`: age recipients, at least one. `segment_s`: how much a crash may lose, about."""

    node: str
    policy: Policy
    custodians: tuple[str, ...]
    segment_s: float = 1.0
    max_recordings: int = 200


@dataclass(slots=True)
class Counters:
    """Since the start; they only grow."""

    opened: int = 0
    failed: int = 0
    troubles: int = 0


class Recorder:
    """Implements `signalling.Recorder`. A context manager; leaving it ends what is still open."""

    def __init__(
        self,
        taps: Taps,
        store: RecordingStore,
        catalogue: Catalogue,
        signer: Signer,
        settings: RecorderSettings,
        clock_us: Callable[[], int],
    ) -> None:
        """`clock_us`: Unix microseconds. Raises RecordingForbidden when the policy has no recording."""
        if settings.policy is not Policy.CONSENTED_RECORDING:
            raise RecordingForbidden(f"the policy {settings.policy.value} forbids recording")
        self._writer = Writer(store)
        self._means = Means(
            taps,
            self._writer,
            store,
            catalogue,
            signer,
            settings.custodians,
            settings.node,
            settings.segment_s,
            clock_us,
        )
        self._limit = settings.max_recordings
        self._news: News | None = None
        self._live: dict[Attempt, LiveRecording] = {}
        self._overdue: set[Attempt] = set()
        """Told to have failed because the disk does not take their end; still being written."""
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self.counters = Counters()

    def attach(self, news: News) -> None:
        """Signalling is given the recorder when it is made, so it comes second."""
        self._news = news

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for live in self._live.values():
            live.close("node-stopped")
        if self._running:
            await asyncio.wait(self._running, timeout=FLUSH_TIMEOUT_S)
        for task in self._running:
            task.cancel()
        # The tasks raise nothing: what the body raised is not wrapped.
        await self._tasks.__aexit__(None, None, None)
        await self._writer.__aexit__(None, None, None)

    @property
    def open_now(self) -> int:
        return len(self._live)

    # signalling.Recorder

    def open(self, start: RecordingStart) -> None:
        # Of another node comes a name, never a key: each part has a fresh one, sealed to our own custodians.
        id_ = new_recording_id() if start.continues is None else next_part(start.continues)
        live = LiveRecording(id_, start, self._means, lambda word: self._told(start, word))
        full = len(self._live) >= self._limit
        # Here, not in the task: `close` may come before its first step.
        self._live[start.attempt] = live
        task = self._tasks.create_task(self._record(live, full), name=f"recording-{live.id}")
        self._running.add(task)
        task.add_done_callback(lambda ended: self._forget(start.attempt, ended))

    def note(self, attempt: Attempt, note: Note) -> None:
        live = self._live.get(attempt)
        if live is not None:
            live.note(note)

    def name_of(self, attempt: Attempt) -> str | None:
        live = self._live.get(attempt)
        return None if live is None else live.id

    def close(self, attempt: Attempt, reason: str) -> None:
        live = self._live.get(attempt)
        if live is not None:
            live.close(reason)

    # Our own

    async def _record(self, live: LiveRecording, full: bool) -> None:
        """Raises nothing: one recording's trouble is not the others'."""
        start = live.start
        about = {"recording": live.id, "room": start.room}
        failed = "limit-reached" if full else None
        try:
            if not full:
                log.info("recording.opening", extra=about)
                await live.run()
        except StoreFailed as error:
            failed = error.reason.value
        except (RecordingError, SfuError) as error:
            failed = "recorder-failed"
            log.warning("recording.refused", extra=about | {"error": type(error).__name__})
        except Exception:  # our bug, which must be seen, and costs this one recording
            failed = "recorder-failed"
            log.exception("recording.failed", extra=about)
        if failed is None:
            log.info("recording.closed", extra=about | {"reason": live.reason})
        if start.attempt in self._overdue:
            self._overdue.discard(start.attempt)
        elif failed is None:
            self._tell.recording_closed(start.room, start.attempt)
        else:
            self.counters.failed += 1
            log.warning("recording.not_made", extra=about | {"reason": failed})
            self._tell.recording_failed(start.room, start.attempt, failed)

    def _told(self, start: RecordingStart, word: str) -> None:
        if word == "overdue":
            if start.attempt not in self._overdue:
                self._overdue.add(start.attempt)
                self._tell.recording_failed(start.room, start.attempt, "storage-failed")
            return
        if word == "opened":
            self.counters.opened += 1
            self._tell.recording_opened(start.room, start.attempt, self._means.clock_us() / 1e6)
            return
        self.counters.troubles += word != "resumed"
        self._tell.recording_trouble(start.room, start.attempt, word)

    def _forget(self, attempt: Attempt, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._live.pop(attempt, None)

    @property
    def _tell(self) -> News:
        assert self._news is not None, "attach comes before use"
        return self._news
