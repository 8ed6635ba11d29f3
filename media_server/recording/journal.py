"""One open recording on disk: its sealed segments, and the signed lines about them. Blocking, for threads.

Nothing in the clear is ever written. A write that failed is made again with the same `Work`, until it
succeeds; only then comes the next one, so that recovery finds at most one segment without a line.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from media_server.recording.account import segment_line
from media_server.recording.format import segment_header, segment_name
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Line
from media_server.recording.manifest import ManifestWriter, Signer
from media_server.recording.sealing import Sealer
from media_server.recording.store import RecordingStore, Sealed
from media_server.recording.totals import Totals
from sfu import TapBatch


class Dated(NamedTuple):
    """A line, and when it became true in Unix microseconds."""

    line: Line
    at_us: int


@dataclass(slots=True)
class Work:
    """Lines to be written, after a batch to be sealed if there is one that holds anything."""

    lines: list[Dated]
    number: int = 0
    batch: TapBatch | None = None
    sealed: Sealed | None = field(default=None, init=False)


class Journal:
    """Used by one thread at a time. `node` is named in each segment: the times in it are its clock's."""

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
        self._writer = ManifestWriter(signer)
        self._sealer = sealer
        self._node = node
        self._clock_us = clock_us
        self._unwritten = b""
        self.totals = Totals()

    @property
    def head(self) -> str:
        """SHA-256 of the last line."""
        return self._writer.head

    def begin(self, start: Dated) -> None:
        """Raises StoreFailed; the recording has to be given up then."""
        self._store.create(self._recording)
        self.write(Work([start]))

    def write(self, work: Work) -> None:
        """Durable on return. Raises StoreFailed: call again with the same work."""
        batch = work.batch
        if batch is not None and batch.records and work.sealed is None:
            work.sealed = self._seal(work.number, batch)
            work.lines.append(Dated(segment_line(work.number, batch, work.sealed), self._clock_us()))
        for line, at_us in work.lines:
            self._unwritten += self._writer.add(line, at_us)
            self.totals.add(line)
        work.lines.clear()
        if self._unwritten:
            self._store.append(self._recording, self._unwritten)
            self._unwritten = b""

    def _seal(self, number: int, batch: TapBatch) -> Sealed:
        header = segment_header(self._recording, number, self._node)
        return self._store.put_segment(
            self._recording,
            segment_name(number),
            lambda file: self._sealer.write((header, batch.data), file),
        )
