"""Which process serves from a data folder: written down while it runs, for `teleconsult drain`."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from media_server.errors import CannotStart, Failed

_FILE = "server.pid"


@contextmanager
def as_running(data_dir: Path) -> Iterator[None]:
    """Hold the file and a lock on it, which ends with the process however that ends.

    Raises CannotStart when another server runs with this folder, or it cannot be written to.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotStart(f"DATA_DIR: cannot write to {data_dir}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"DATA_DIR: another server runs with {data_dir}") from error
        # In one write, over whatever a longer number left behind.
        os.pwrite(handle, f"{os.getpid():<10}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def tell_to_drain(data_dir: Path) -> int:
    """Send SIGTERM to the server that runs with this folder; its pid. Raises Failed when there is none."""
    nobody = Failed(f"no server runs with the data folder {data_dir}")
    try:
        handle = os.open(data_dir / _FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise nobody from error
    try:
        # Whoever gets the lock has found a file that nobody holds: its pid may be somebody else's by now.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.read(handle, 32).strip()
        if not text.isdigit() or int(text) == 0:
            raise nobody from None
        pid = int(text)
    else:
        raise nobody
    finally:
        os.close(handle)
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        raise nobody from None
    except PermissionError as error:
        raise Failed(f"the server (pid {pid}) belongs to another user") from error
    return pid
