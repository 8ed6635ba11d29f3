"""Where recordings are kept: sealed segments and one growing manifest each. What the store is given it
neither reads nor understands.

All calls block; those that write are made by one thread at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Protocol

from media_server.recording.errors import RecordingError
from media_server.recording.ids import RecordingId


class StoreTrouble(Enum):
    """Why the store failed: a closed set, fit for a gap's telling and a metric's label."""

    DISK_FULL = "disk-full"
    READ_ONLY = "read-only"
    MISSING = "missing"
    OTHER = "other"


class StoreFailed(RecordingError):
    """The store could not do it, and nothing of what was asked remains. The text names files, never
    folders.
    """

    def __init__(self, reason: StoreTrouble, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed file as it is kept: the SHA-256 of its bytes in hex, and how many they are."""

    sha256: str
    size: int


class RecordingStore(Protocol):
    """Every call raises StoreFailed."""

    def create(self, recording: RecordingId) -> None:
        """Make room for a recording, with an empty manifest. Refused when there is one of that id."""

    def draft_segment(self, recording: RecordingId, name: str, write: Callable[[BinaryIO], None]) -> Sealed:
        """Take a segment in under a temporary name; `sync` it before it is kept. A draft that is there
        already is written over.

        `write` is given a file to write to; what it raises is passed on. A name that is taken is refused.
        """

    def keep_segment(self, recording: RecordingId, name: str) -> None:
        """Give a draft its name, at once and as a whole; durable with the next `sync`. Where that fails,
        draft and keep it again.
        """

    def append(self, recording: RecordingId, lines: bytes) -> None:
        """Add to the manifest's end, durable with the next `sync`. What fails, and what that `sync` fails
        for, is taken back before anything else is added.
        """

    def sync(self) -> None:
        """Everything asked for before, of all recordings, is durable on return: one wait for the disk,
        however many have something to write.
        """

    def manifest(self, recording: RecordingId) -> bytes:
        """The whole manifest."""

    def open_manifest(self, recording: RecordingId) -> BinaryIO:
        """The manifest, to be read piece by piece."""

    def open_segment(self, recording: RecordingId, name: str) -> BinaryIO:
        """A segment, sealed as it is."""

    def segments(self, recording: RecordingId) -> list[str]:
        """Names of all sealed files of a recording, in order, whether its manifest has them or not."""

    def recordings(self) -> list[RecordingId]:
        """All that are kept here, in order."""

    def cut_torn_line(self, recording: RecordingId) -> int:
        """After a crash: remove what follows the manifest's last newline. How many bytes that was."""

    def clear_drafts(self, recording: RecordingId) -> int:
        """After a crash: remove segments that were not finished. How many there were."""
