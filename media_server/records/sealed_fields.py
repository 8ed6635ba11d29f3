"""Fields about people and their health, encrypted before they reach SQL: AES-256-GCM (NIST SP 800-38D).

A sealed field is `version ‖ key id ‖ nonce ‖ ciphertext and tag`. It is bound to its place (table, column,
row) as associated data, so that nobody with access to the database alone can put one person's field into
another's row. The newest key seals, every key in the folder opens: `rotate` makes a new one, `resealing`
seals rows with it again, and then an old one may be deleted. Several nodes share the folder, as they share
the keys for tickets; a running one seals with a new key at most `NOTICED_S` after it was made, by whichever
process.

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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media_server.errors import ApplicationError

_VERSION = b"\x01"
_KID_BYTES = 8
_NONCE_BYTES = 12
MARK_BYTES = len(_VERSION) + _KID_BYTES
_KEY_BYTES = 32
_OVERHEAD = len(_VERSION) + _KID_BYTES + _NONCE_BYTES + 16

_FILE_NAME = re.compile(r"(?P<created>\d{1,15})\.(?P<kid>[0-9a-f]{16})\.key")
_INDEX_FILE = "index.key"
# How long the keys in memory are trusted to be those of the folder.
NOTICED_S = 1.0


class FieldKeysUnusable(ApplicationError):
    """The folder of keys cannot be read, written or trusted."""


class CannotOpen(ApplicationError):
    """A sealed field does not open: its key is gone, or it is not what was sealed in that place."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The folder as it was at one moment, oldest first; replaced as a whole: several threads look at it."""

    read_at: float = float("-inf")
    sealing: Mapping[bytes, AESGCM] = field(default_factory=dict)
    made_ms: Mapping[bytes, int] = field(default_factory=dict)
    newest: bytes = b""
    index: bytes = b""


class FieldKeys:
    """The keys of one folder. Made by `open`, which creates the folder and its first keys."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._keys = _Keys()

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = time.time) -> "FieldKeys":
        """Raises FieldKeysUnusable."""
        keys = cls(folder, clock)
        with _usable(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(folder):
                if not (folder / _INDEX_FILE).exists() and not _files(folder):
                    _write(folder / _INDEX_FILE, secrets.token_bytes(_KEY_BYTES))
                if not keys._read().newest:
                    keys._add()
        return keys

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self._keys.newest.hex()

    def known(self) -> tuple[str, ...]:
        """All ids, oldest first."""
        return tuple(kid.hex() for kid in self._keys.sealing)

    def age_s(self, kid: str) -> float:
        """How long ago a key that is known was made."""
        return max(0.0, self._clock() - self._keys.made_ms[bytes.fromhex(kid)] / 1000)

    def rotate(self) -> str:
        """Make the key that seals from now on; returns its id. Raises FieldKeysUnusable."""
        with _usable(self._folder), _locked(self._folder):
            self._read()
            self._add()
        return self.newest

    def delete(self, kid: str) -> None:
        """An old key: what it sealed can never be opened again, wherever a copy lies. Raises
        FieldKeysUnusable, also for the newest.
        """
        with _usable(self._folder), _locked(self._folder):
            if bytes.fromhex(kid) == self._read().newest:
                raise FieldKeysUnusable("the newest field key cannot be deleted; rotate first")
            for _, path in _files(self._folder):
                if path.name.endswith(f".{kid}.key"):
                    path.unlink(missing_ok=True)
            _sync(self._folder)
            self._read()

    def seal(self, place: str, content: bytes) -> bytes:
        """`place`: table, column and row, such as `patients/sealed/p-1`. Raises FieldKeysUnusable when the
        folder cannot be read any more: then nobody knows whether our newest key is about to be deleted.
        """
        keys = self._keys
        if not 0 <= self._clock() - keys.read_at < NOTICED_S:
            with _usable(self._folder):
                keys = self._read()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return (
            _VERSION + keys.newest + nonce + keys.sealing[keys.newest].encrypt(nonce, content, place.encode())
        )

    def open_sealed(self, place: str, sealed: bytes) -> bytes:
        """Raises CannotOpen, and FieldKeysUnusable when a key that is not known yet cannot be looked for."""
        if len(sealed) < _OVERHEAD or sealed[:1] != _VERSION:
            raise CannotOpen("a sealed field was cut short, or was never one")
        kid = _kid(sealed)
        key = self._keys.sealing.get(kid) or self._look_for(kid)
        if key is None:
            raise CannotOpen("the key of a sealed field is not in the folder of field keys")
        nonce = sealed[1 + _KID_BYTES :][:_NONCE_BYTES]
        try:
            return key.decrypt(nonce, sealed[1 + _KID_BYTES + _NONCE_BYTES :], place.encode())
        except InvalidTag:
            raise CannotOpen("a sealed field is not what was sealed in its place") from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return _kid(sealed) == self._keys.newest

    def index(self, kind: str, value: str) -> bytes:
        """The blind index of a value, 32 bytes. `kind` keeps equal values of two columns apart."""
        return hmac.digest(self._keys.index, f"{kind}\0{value}".encode(), "sha256")

    def _look_for(self, kid: bytes) -> AESGCM | None:
        """Another node may have made it."""
        if 0 <= self._clock() - self._keys.read_at < NOTICED_S:
            return None
        with _usable(self._folder):
            return self._read().sealing.get(kid)

    def _add(self) -> None:
        newest_ms = max(self._keys.made_ms.values(), default=0)
        made_ms = max(int(self._clock() * 1000), newest_ms + 1)
        content = secrets.token_bytes(_KEY_BYTES)
        _write(self._folder / f"{made_ms}.{sha256(content).hexdigest()[:16]}.key", content)
        self._read()

    def _read(self) -> _Keys:
        now, sealing, made = self._clock(), {}, {}
        if _files(self._folder) and not (self._folder / _INDEX_FILE).exists():
            # A new one would find nobody any more.
            raise FieldKeysUnusable(f"{self._folder / _INDEX_FILE} is missing; put it back from the backup")
        index = _load(self._folder / _INDEX_FILE)
        for made_ms, path in sorted(_files(self._folder)):
            try:
                content = _load(path)
            except FileNotFoundError:  # deleted meanwhile
                continue
            kid = sha256(content).digest()[:_KID_BYTES]
            if kid.hex() not in path.name:
                raise FieldKeysUnusable(f"{path} holds another key than its name says")
            sealing[kid], made[kid] = AESGCM(content), made_ms
        self._keys = _Keys(now, sealing, made, next(reversed(sealing), b""), index)
        return self._keys


def key_mark(kid: str) -> bytes:
    """How a field that this key sealed begins; `MARK_BYTES` long."""
    return _VERSION + bytes.fromhex(kid)


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
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """What was put into it, or taken out, stays so after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FieldKeysUnusable(f"cannot use the field keys in {folder}: {error.strerror}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
