"""One open recording on disk: its sealed segments, and the signed lines about them. Blocking, for a thread.

Nothing in the clear is ever written. A batch is sealed out of sight and made durable; then it gets its name,
the manifest says so, and both are made durable. Many recordings take these steps together (`write`). After a
failure the same `Work` is tried again; only when it is done comes the next one, so that recovery finds at
most one segment without a line.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from media_server.recording.account import segment_line
from media_server.recording.format import segment_header, segment_name
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Line
from media_server.recording.manifest import BadManifest, ManifestWriter, Signer
from media_server.recording.sealing import Sealer
from media_server.recording.store import RecordingStore, Sealed, StoreFailed
from media_server.recording.totals import Totals
from sfu import TapBatch


class Dated(NamedTuple):
    """A line, and when it became true in Unix microseconds."""

    line: Line
    at_us: int


@dataclass(slots=True)
class Work:
    """Lines to be written, after a batch to be sealed if it holds anything."""

    lines: list[Dated]
    number: int = 0
    batch: TapBatch | None = None
    sealed: Sealed | None = field(default=None, init=False)
    named: bool = field(default=False, init=False)
    """The segment has its name."""
    kept: bool = field(default=False, init=False)
    """And that is durable: only the manifest has yet to say so."""
    failure: Exception | None = field(default=None, init=False)
    """Of the last attempt: StoreFailed, which may pass; anything else is a bug and will not."""


class Journal:
    """`node` is named in each segment, because the times in it are its clock's."""

    def __init__(
        self,
        store: RecordingStore,
        recording: RecordingId,
        signer: Signer,
        sealer: Sealer,
        node: str,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._store = store
        self._recording = recording
        self._signer = signer
        self._writer = ManifestWriter(signer)
        self._sealer = sealer
        self._node = node
        self._clock_us = clock_us
        self.totals = Totals()

    @property
    def head(self) -> str:
        """SHA-256 of the last line."""
        return self._writer.head

    def create(self) -> None:
        """Raises StoreFailed; the recording has to be given up then."""
        self._store.create(self._recording)

    def seal(self, work: Work) -> None:
        """Out of sight, not durable yet. Raises StoreFailed, as the others do."""
        batch = work.batch
        if batch is None or not batch.records or work.kept:
            return
        header = segment_header(self._recording, work.number, self._node)
        work.named = False
        work.sealed = self._store.draft_segment(
            self._recording,
            segment_name(work.number),
            lambda file: self._sealer.write((header, batch.data), file),
        )

    def keep(self, work: Work) -> None:
        """Give the segment its name."""
        if work.sealed is None or work.kept:
            return
        self._store.keep_segment(self._recording, segment_name(work.number))
        work.named = True

    def tell(self, work: Work) -> None:
        """Sign the lines, and the one about the segment, and add them to the manifest."""
        lines = self._all_lines(work)
        if not lines:
            return
        writer = ManifestWriter(self._signer, resume_from=self._writer.tail)
        signed = b"".join([writer.add(line, at_us) for line, at_us in lines])
        self._store.append(self._recording, signed)
        self._told = writer

    def tellable(self, lines: Sequence[Dated]) -> list[Dated]:
        """Those that can be signed: all of them, unless we have a bug."""
        writer = ManifestWriter(self._signer, resume_from=self._writer.tail)
        good = []
        for line, at_us in lines:
            with suppress(BadManifest):
                writer.add(line, at_us)
                good.append(Dated(line, at_us))
        return good

    def done(self, work: Work) -> None:
        """All of it is durable."""
        for line, _ in self._all_lines(work):
            self.totals.add(line)
        self._writer = self._told

    def _all_lines(self, work: Work) -> list[Dated]:
        if work.batch is None or work.sealed is None:
            return work.lines
        line = segment_line(work.number, work.batch, work.sealed)
        return [*work.lines, Dated(line, self._clock_us())]


def write(store: RecordingStore, jobs: Sequence[tuple[Journal, Work]]) -> None:
    """Do the work of several recordings together; each `Work.failure` says what came of it, None if all is
    durable.
    """
    for _, work in jobs:
        work.failure = None
    _each(jobs, Journal.seal)
    sealed = [job for job in jobs if job[1].sealed is not None and not job[1].kept]
    _sync(store, sealed)
    _each(jobs, Journal.keep)
    _each(jobs, Journal.tell)
    if _sync(store, jobs):
        for _, work in sealed:
            work.kept = work.named
    for journal, work in jobs:
        if work.failure is None:
            journal.done(work)


def _each(jobs: Sequence[tuple[Journal, Work]], do: Callable[[Journal, Work], None]) -> None:
    """As far as nothing has failed before. What fails in one recording, whatever it is, stays there."""
    for journal, work in jobs:
        if work.failure is None:
            try:
                do(journal, work)
            except Exception as failure:  # a bug must not end the whole round
                work.failure = failure


def _sync(store: RecordingStore, jobs: Sequence[tuple[Journal, Work]]) -> bool:
    """What fails, fails for all of them: nobody knows whose it was."""
    try:
        if jobs:
            store.sync()
    except StoreFailed as failure:
        for _, work in jobs:
            work.failure = work.failure or failure
        return False
    return True
