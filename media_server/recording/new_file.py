"""A file made at a person's wish: whole, durable, readable by its owner alone, never in another's place."""

import os
from contextlib import suppress
from pathlib import Path

from media_server.recording.errors import OutputRefused


def write_new_file(path: Path, content: bytes) -> None:
    """Raises OutputRefused, also when something of that name exists; nothing half-written stays behind."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise OutputRefused(f"{path} exists already; nothing was written") from None
    except OSError as error:
        raise OutputRefused(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise OutputRefused(f"cannot write {path}: {error.strerror}") from error
