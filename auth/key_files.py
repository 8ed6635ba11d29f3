"""Private keys as PEM files in a folder that several processes may share.

PKCS #8, mode 0600. Changes happen under a file lock, and a file appears under its name only when it is whole.
"""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from auth.errors import KeysUnusable

K = TypeVar("K", bound=PrivateKeyTypes)

_LOCK = ".lock"
_MOST_BYTES = 16_384


def make_folder(folder: Path) -> None:
    """Raises KeysUnusable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeysUnusable(f"cannot create the key folder {folder}: {error.strerror}") from error


def files_in(folder: Path) -> list[Path]:
    """Whatever lies in it. Raises KeysUnusable."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise KeysUnusable(f"cannot read the key folder {folder}: {error.strerror}") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time. Raises KeysUnusable."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeysUnusable(f"cannot lock the key folder {folder}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_key(path: Path, kind: type[K], name: str) -> K | None:
    """The key of that kind in a file; None when another process has just deleted it. Raises KeysUnusable."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeysUnusable(f"cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise KeysUnusable(f"{path} is open to other users (mode {mode:04o}); run: chmod 600 {path}")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    # The parser's own message is left out: it may quote what it read.
    if not isinstance(key, kind):
        raise KeysUnusable(f"{path} holds no {name} private key in PEM") from None
    return key


def write_key(path: Path, key: PrivateKeyTypes) -> None:
    """There whole or not at all, also after a power cut. Raises KeysUnusable."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{secrets.token_hex(8)}.draft")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeysUnusable(f"cannot write {path}: {error.strerror}") from error
