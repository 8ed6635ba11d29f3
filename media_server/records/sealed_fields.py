"""Fields about people and their health, encrypted before they reach SQL: AES-256-GCM (NIST SP 800-38D).

A sealed field is `version ‖ key id ‖ nonce ‖ ciphertext and tag`. It is bound to its place (table, column,
row) as associated data, so that nobody with access to the database alone can put one person's field into
another's row. The newest key seals, every key in the folder opens: `rotate` makes a new one, `resealing`
rows to it, and then an old one may be deleted. Several nodes share the folder, as they share the keys for
tickets.

A blind index is an HMAC-SHA-256 of a value that has to be found again without being readable. Its key does
not rotate: that would need every value at once.
"""

import fcntl
import hmac
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media_server.errors import ApplicationError

_VERSION = b"\x01"
_KID_BYTES = 8
_NONCE_BYTES = 12
_KEY_BYTES = 32
_OVERHEAD = len(_VERSION) + _KID_BYTES + _NONCE_BYTES + 16

_FILE_NAME = re.compile(r"(?P<created>\d{1,15})\.(?P<kid>[0-9a-f]{16})\.key")
_INDEX_FILE = "index.key"
# A running node looks at most this often for a key that another has made.
_REREAD_S = 1.0


class FieldKeysUnusable(ApplicationError):
    """The folder of keys cannot be read, written or trusted."""


class CannotOpen(ApplicationError):
    """A sealed field does not open: its key is gone, or it is not what was sealed in that place."""


class FieldKeys:
    """The keys of one folder. Made by `open`, which creates the folder and its first keys."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._keys: dict[bytes, AESGCM] = {}
        self._newest = b""
        self._index_key = b""
        self._read_at = float("-inf")

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = time.time) -> "FieldKeys":
        """Raises FieldKeysUnusable."""
        keys = cls(folder, clock)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(folder):
                if not (folder / _INDEX_FILE).exists():
                    _write(folder / _INDEX_FILE, secrets.token_bytes(_KEY_BYTES))
                keys._read()
                if not keys._newest:
                    keys._add()
        except OSError as error:
            raise FieldKeysUnusable(f"cannot use the field keys in {folder}: {error.strerror}") from error
        return keys

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self._newest.hex()

    def known(self) -> tuple[str, ...]:
        """All ids, oldest first."""
        return tuple(kid.hex() for kid in self._keys)

    def rotate(self) -> str:
        """Make the key that seals from now on; returns its id. Raises FieldKeysUnusable."""
        try:
            with _locked(self._folder):
                self._read()
                self._add()
        except OSError as error:
            raise FieldKeysUnusable(
                f"cannot write the field keys in {self._folder}: {error.strerror}"
            ) from error
        return self.newest

    def seal(self, place: str, content: bytes) -> bytes:
        """`place`: table, column and row, such as `patients/sealed/p-1`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[self._newest].encrypt(nonce, content, place.encode())
        return _VERSION + self._newest + nonce + sealed

    def open_sealed(self, place: str, sealed: bytes) -> bytes:
        """Raises CannotOpen."""
        kid = _kid(sealed)
        key = self._keys.get(kid) or self._look_for(kid)
        if key is None or len(sealed) < _OVERHEAD:
            raise CannotOpen("the key of a sealed field is not in the folder of field keys")
        nonce = sealed[1 + _KID_BYTES :][:_NONCE_BYTES]
        try:
            return key.decrypt(nonce, sealed[1 + _KID_BYTES + _NONCE_BYTES :], place.encode())
        except InvalidTag:
            raise CannotOpen("a sealed field is not what was sealed in its place") from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return _kid(sealed) == self._newest

    def index(self, kind: str, value: str) -> bytes:
        """The blind index of a value, 32 bytes. `kind` keeps equal values of two columns apart."""
        return hmac.digest(self._index_key, f"{kind}\0{value}".encode(), "sha256")

    def _look_for(self, kid: bytes) -> AESGCM | None:
        """Another node may have made it."""
        if 0 <= self._clock() - self._read_at < _REREAD_S:
            return None
        try:
            self._read()
        except OSError:
            return None
        return self._keys.get(kid)

    def _add(self) -> None:
        newest_ms = max((created for created, _ in _files(self._folder)), default=0)
        created_ms = max(int(self._clock() * 1000), newest_ms + 1)
        content = secrets.token_bytes(_KEY_BYTES)
        _write(self._folder / f"{created_ms}.{sha256(content).hexdigest()[:16]}.key", content)
        self._read()

    def _read(self) -> None:
        self._read_at = self._clock()
        index_key = _load(self._folder / _INDEX_FILE)
        keys = {}
        for _, path in sorted(_files(self._folder)):
            content = _load(path)
            kid = sha256(content).digest()[:_KID_BYTES]
            if kid.hex() not in path.name:
                raise FieldKeysUnusable(f"{path} holds another key than its name says")
            keys[kid] = AESGCM(content)
        self._index_key, self._keys = index_key, keys
        self._newest = next(reversed(keys), b"")


def _kid(sealed: bytes) -> bytes:
    return sealed[1 : 1 + _KID_BYTES] if sealed[:1] == _VERSION else b""


def _files(folder: Path) -> list[tuple[int, Path]]:
    matches = ((_FILE_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return [(int(match["created"]), path) for match, path in matches if match]


def _load(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        content = file.read(_KEY_BYTES + 1)
    if mode & 0o077:
        raise FieldKeysUnusable(f"{path} is open to other users (mode {mode:04o}); run: chmod 600 {path}")
    if len(content) != _KEY_BYTES:
        raise FieldKeysUnusable(f"{path} holds no key of {_KEY_BYTES} bytes")
    return content


def _write(path: Path, content: bytes) -> None:
    """There whole, with mode 0600, or not at all."""
    draft = path.with_name(f".{secrets.token_hex(8)}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
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


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
