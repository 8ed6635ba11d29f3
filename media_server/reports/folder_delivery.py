"""Reports as files, for a GP's software or a mailbox program to fetch.

They are `<root>/<RIZIV/INAMI number>/<key>.json`; sealed ones end in `.age`. A file is written under a hidden
name, fsynced, renamed, and its folder fsynced: whoever looks sees all of it or nothing. Folders are 0700,
files 0600; the root may be a link, what is in it may not. Whether a key was delivered is told by its file, so
whoever fetches one leaves it there until the report counts as delivered.
"""

import asyncio
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from media_server.reports.delivery import FHIR_JSON, IdempotencyKey, Receipt, Report, check_address
from media_server.reports.errors import Trouble, TryLater, Undeliverable

_SUFFIXES: Final = {FHIR_JSON: ".json"}
_SEALED: Final = ".age"
_DRAFT: Final = ".draft"


class FolderDelivery:
    """A `ReportDelivery`. Making one touches nothing. `fsync` makes an open file or folder durable."""

    def __init__(self, root: Path, fsync: Callable[[int], None] = os.fsync) -> None:
        self._root = root
        self._fsync = fsync

    async def deliver(self, report: Report, idempotency_key: IdempotencyKey) -> Receipt:
        """Raises Undeliverable, TryLater: a folder that cannot be written to is for the operator to mend."""
        check_address(report, idempotency_key)
        try:
            return await asyncio.to_thread(self._deliver, report, idempotency_key)
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "an error")
            raise TryLater(Trouble.STORAGE, f"the folder of reports answers {code}") from None

    def _deliver(self, report: Report, key: IdempotencyKey) -> Receipt:
        name = key + _SUFFIXES.get(report.media_type, _SEALED)
        receipt = Receipt(name, sha256(report.body).hexdigest())
        with self._folder(report.recipient.reveal()) as folder:
            existing = _read(folder, name, len(report.body) + 1)
            if existing is None:
                self._write(folder, name, report.body)
            elif existing != report.body:
                raise Undeliverable(Trouble.KEY_REUSED, "under this key another report was delivered")
            # Also for a file that was there: a crash may have come between its renaming and this.
            self._fsync(folder)
            for draft in os.listdir(folder):
                if draft.startswith(f".{name}.") and draft.endswith(_DRAFT):  # what a crash left behind
                    with suppress(FileNotFoundError):
                        os.unlink(draft, dir_fd=folder)
        return receipt

    @contextmanager
    def _folder(self, nihdi: str) -> Iterator[int]:
        """The open folder of a GP, made when there is none. No link leads a report anywhere else."""
        with suppress(FileExistsError):
            self._root.mkdir(mode=0o700)
            with _opened(self._root.parent) as parent:
                self._fsync(parent)
        with _opened(self._root) as root:
            with suppress(FileExistsError):
                os.mkdir(nihdi, 0o700, dir_fd=root)
                self._fsync(root)
            with _opened(nihdi, os.O_NOFOLLOW, root) as folder:
                yield folder

    def _write(self, folder: int, name: str, body: bytes) -> None:
        draft = f".{name}.{secrets.token_hex(8)}{_DRAFT}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(body)
                file.flush()
                self._fsync(file.fileno())
            os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)
            raise


@contextmanager
def _opened(folder: Path | str, flags: int = 0, parent: int | None = None) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | flags, dir_fd=parent)
    try:
        yield handle
    finally:
        os.close(handle)


def _read(folder: int, name: str, most: int) -> bytes | None:
    """The first `most` bytes of a plain file; None when there is none of that name."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Undeliverable(Trouble.KEY_REUSED, "something else than a report has its name")
        return file.read(most)
