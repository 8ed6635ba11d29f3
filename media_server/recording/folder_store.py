"""Recordings in a local folder: `<root>/<recording>/manifest.jsonl` and `000001.age`, `000002.age`, ….

Folders are 0700, files 0600. A segment is written under a hidden name, fsynced, renamed, and its folder
fsynced; the manifest is fsynced after each addition. Ids and names that are not of our own making never
become a path.
"""

import errno
import fcntl
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from media_server.recording.ids import RecordingId, is_recording_id
from media_server.recording.store import Sealed, StoreFailed, StoreTrouble

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MANIFEST = "manifest.jsonl"

_SEGMENT = re.compile(r"[0-9]{6}\.age")
_DRAFT = re.compile(r"\.[0-9]{6}\.age\.draft")
_LOCK = ".lock"
_CHUNK = 64 << 10

_REASONS = {
    errno.ENOSPC: StoreTrouble.DISK_FULL,
    errno.EDQUOT: StoreTrouble.DISK_FULL,
    errno.EROFS: StoreTrouble.READ_ONLY,
    errno.EACCES: StoreTrouble.READ_ONLY,
    errno.EPERM: StoreTrouble.READ_ONLY,
    errno.ENOENT: StoreTrouble.MISSING,
    errno.ENOTDIR: StoreTrouble.MISSING,
}


class FolderStore:
    """A `RecordingStore`. Making one touches nothing; the folder is made with the first recording.

    `fsync` makes an open file or folder durable, and raises OSError.
    """

    def __init__(self, root: Path, fsync: Callable[[int], None] = os.fsync) -> None:
        self._root = root
        self._fsync = fsync
        # Until the next `sync`: what it has to make durable, in this order; where manifests ended before; and
        # segments that were given their name.
        self._dirty: dict[Path, None] = {}
        self._ends: dict[Path, int] = {}
        self._named: set[Path] = set()
        # What was told to have failed and is there all the same, however many other recordings are made
        # durable meanwhile: where manifests have to be cut before anything is added, segments that may be
        # written over.
        self._cuts: dict[Path, int] = {}
        self._failed: set[Path] = set()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one process that records here; readers need none. Raises StoreFailed when it is
        taken.
        """
        with _told("cannot lock the folder of recordings"):
            self._make_root()
            # For reading: a file open for writing keeps a file system from being remounted read-only.
            flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(self._root / _LOCK, flags, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreFailed(StoreTrouble.OTHER, "another server records in this folder") from error
            yield
        finally:
            os.close(handle)

    def create(self, recording: RecordingId) -> None:
        folder = self._folder(recording)
        with _told("cannot make a folder for the recording"):
            self._make_root()
            os.mkdir(folder, 0o700)
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                handle = os.open(folder / MANIFEST, flags, 0o600)
                os.close(handle)
                _sync_folder(folder)
                _sync_folder(self._root)
            except BaseException:
                with suppress(OSError):
                    os.unlink(folder / MANIFEST)
                with suppress(OSError):
                    os.rmdir(folder)
                raise

    def draft_segment(self, recording: RecordingId, name: str, write: Callable[[BinaryIO], None]) -> Sealed:
        path, draft = self._segment_paths(recording, name)
        with _told(f"cannot keep {name}"):
            if path not in self._failed and os.path.lexists(path):
                raise StoreFailed(StoreTrouble.OTHER, f"cannot keep {name}: it is there already")
            try:
                with _opened(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as handle:
                    file = _Draft(handle)
                    write(cast(BinaryIO, file))
                self._dirty[draft] = None
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft)
                raise
        return file.sealed()

    def keep_segment(self, recording: RecordingId, name: str) -> None:
        path, draft = self._segment_paths(recording, name)
        with _told(f"cannot keep {name}"):
            os.rename(draft, path)
            self._named.add(path)
            self._failed.discard(path)
            self._dirty[path.parent] = None

    def append(self, recording: RecordingId, lines: bytes) -> None:
        path = self._folder(recording) / MANIFEST
        with _told("cannot add to the manifest"), _opened(path, os.O_WRONLY | os.O_APPEND) as handle:
            self._cut_back(path, handle)
            end = os.fstat(handle).st_size
            try:
                _write(handle, lines)
            except BaseException:
                self._cuts[path] = end
                with suppress(OSError):
                    self._cut_back(path, handle)
                raise
            self._ends.setdefault(path, end)
            self._dirty[path] = None

    def sync(self) -> None:
        try:
            with _told("cannot make the recordings durable"):
                for path in self._dirty:
                    _begin_to_write_out(path)
                for path in self._dirty:
                    with suppress(FileNotFoundError), _opened(path, os.O_RDONLY) as handle:
                        self._fsync(handle)
        except StoreFailed:
            self._cuts |= self._ends
            self._failed |= self._named
            raise
        finally:
            self._ends.clear()
            self._named.clear()
        self._dirty.clear()

    def manifest(self, recording: RecordingId) -> bytes:
        with self.open_manifest(recording) as file, _told("cannot read the manifest"):
            return file.read()

    def open_manifest(self, recording: RecordingId) -> BinaryIO:
        with _told("cannot read the manifest"):
            return _reader(self._folder(recording) / MANIFEST)

    def open_segment(self, recording: RecordingId, name: str) -> BinaryIO:
        with _told(f"cannot read {_segment(name)}"):
            return _reader(self._folder(recording) / name)

    def segments(self, recording: RecordingId) -> list[str]:
        with _told("cannot list the segments"):
            names = os.listdir(self._folder(recording))
        return sorted(name for name in names if name.endswith(".age") and not name.startswith("."))

    def recordings(self) -> list[RecordingId]:
        with _told("cannot list the recordings"):
            try:
                with os.scandir(self._root) as entries:
                    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except FileNotFoundError:
                return []
        return [RecordingId(name) for name in sorted(names) if is_recording_id(name)]

    def cut_torn_line(self, recording: RecordingId) -> int:
        path = self._folder(recording) / MANIFEST
        with _told("cannot mend the manifest"), _opened(path, os.O_RDWR) as handle:
            size = os.fstat(handle).st_size
            end = _end_of_last_line(handle, size)
            if end < size:
                os.ftruncate(handle, end)
                os.fsync(handle)
        return size - end

    def clear_drafts(self, recording: RecordingId) -> int:
        folder = self._folder(recording)
        with _told("cannot remove unfinished segments"):
            drafts = [name for name in os.listdir(folder) if _DRAFT.fullmatch(name)]
            for name in drafts:
                os.unlink(folder / name)
            if drafts:
                _sync_folder(folder)
        return len(drafts)

    def _folder(self, recording: RecordingId) -> Path:
        if not is_recording_id(recording):
            raise StoreFailed(StoreTrouble.MISSING, "not the id of a recording")
        return self._root / recording

    def _segment_paths(self, recording: RecordingId, name: str) -> tuple[Path, Path]:
        """Of the segment and of its draft."""
        folder = self._folder(recording)
        return folder / _segment(name), folder / f".{name}.draft"

    def _make_root(self) -> None:
        if not self._root.is_dir():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self._root.parent)

    def _cut_back(self, path: Path, handle: int) -> None:
        """Undo what failed, now or before the next addition."""
        if path in self._cuts:
            os.ftruncate(handle, self._cuts[path])
            del self._cuts[path]


class _Draft(io.RawIOBase):
    """Hashes and counts what it is given. Nothing is held back: a full disk is met by the write that fills
    it.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._hash = sha256()
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        with memoryview(data).cast("B") as view:
            _write(self._handle, view)
            self._hash.update(view)
            self._size += len(view)
            return len(view)

    def sealed(self) -> Sealed:
        return Sealed(self._hash.hexdigest(), self._size)


def _write(handle: int, data: "bytes | memoryview") -> None:
    with memoryview(data) as rest:
        done = 0
        while done < len(rest):
            done += os.write(handle, rest[done:])


def _end_of_last_line(handle: int, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - _CHUNK)
        newline = os.pread(handle, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _segment(name: str) -> str:
    if not _SEGMENT.fullmatch(name):
        raise StoreFailed(StoreTrouble.MISSING, "not the name of a segment")
    return name


def _reader(path: Path) -> BinaryIO:
    # Somebody else's pipe in the place of a file must not hold us up for ever.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise StoreFailed(StoreTrouble.OTHER, f"{path.name} is not a file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _begin_to_write_out(path: Path) -> None:
    """Without waiting, so that one commit of the file system's journal serves all files that follow."""
    with suppress(OSError), _opened(path, os.O_RDONLY) as handle:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync_folder(path: Path) -> None:
    with _opened(path, os.O_RDONLY | os.O_DIRECTORY) as handle:
        os.fsync(handle)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The system's refusal as ours. Its own text names paths; only the bare reason is taken over."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, StoreTrouble.OTHER)
        raise StoreFailed(reason, f"{what}: {error.strerror or type(error).__name__}") from error
