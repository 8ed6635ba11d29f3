"""The service's Ed25519 signing keys (RFC 8032), kept as PEM files in one folder; rotation without a restart.

One file per key, `<created, Unix ms>.<kid>.pem`, PKCS #8, mode 0600; `kid` is the JWK thumbprint (RFC 7638,
with the members of RFC 8037 appendix A.3). The newest key signs. A key that was superseded goes on
verifying until nothing it may have signed can still be valid, and is then deleted. Several processes may
share the folder: changes happen under a file lock, and a file appears under its name only when it is whole.
"""

import logging
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, NewType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.errors import KeysUnusable
from auth.key_files import files_in, locked, make_folder, read_key, write_key

log = logging.getLogger(__name__)

Kid = NewType("Kid", str)

_FILE_NAME = re.compile(r"(?P<created>\d{1,15})\.(?P<kid>[A-Za-z0-9_-]{43})\.pem")

# A running server re-reads the folder at most this often for key ids that it does not know: anybody may
# send those.
REREAD_INTERVAL_S = 1.0
# A process that signs looks for a newer key this often, so this long may an old key still sign after a
# rotation.
SIGNER_REFRESH_S = 30.0
_MOST_REMEMBERED = 2048  # some 2 MB


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key. `created_s` is Unix time."""

    kid: Kid
    created_s: float
    private: Ed25519PrivateKey = field(repr=False, compare=False)
    public: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "public", self.private.public_key())


@dataclass(frozen=True, slots=True)
class Signed:
    """What a token says that a ring signed."""

    kid: Kid
    type: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeyState:
    """What `teleconsult keys list` tells of a key. `verifies_until_s` is None for the key that signs."""

    kid: Kid
    created_s: float
    verifies_until_s: float | None


def thumbprint(key: Ed25519PublicKey) -> Kid:
    """SHA-256 over the key's required JWK members in lexicographic order (RFC 7638 §3, RFC 8037 §2),
    base64url.
    """
    x = _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return Kid(_base64url(sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()))


def states(keys: list[Key], longest_use_s: float) -> list[KeyState]:
    """Oldest first. A key verifies for `longest_use_s` after the next one was made; nothing it signed lives
    longer.
    """
    ordered = sorted(keys, key=lambda key: (key.created_s, key.kid))
    ends = [successor.created_s + longest_use_s for successor in ordered[1:]]
    return [KeyState(key.kid, key.created_s, end) for key, end in zip_longest(ordered, ends)]


class KeyRing:
    """The keys of one folder. Made by `open`; the folder and a first key are created when there is none.

    `longest_life_s`: the longest life of anything signed, clock leeway included.
    """

    def __init__(
        self, folder: Path, *, longest_life_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._longest_use_s = longest_life_s + SIGNER_REFRESH_S
        self._clock = clock
        self._keys: dict[Kid, Key] = {}
        self._states: dict[Kid, KeyState] = {}
        self._signer: Key | None = None
        self._read_at = float("-inf")
        self._signed: dict[str, Signed] = {}
        self._signed_lock = threading.Lock()

    @classmethod
    def open(
        cls, folder: Path, *, longest_life_s: float, clock: Callable[[], float] = time.time
    ) -> "KeyRing":
        """Read the folder's keys and make the first one if need be. Raises KeysUnusable."""
        ring = cls(folder, longest_life_s=longest_life_s, clock=clock)
        make_folder(folder)
        ring._read()
        if ring._signer is None:
            with locked(ring._folder):
                ring._read()  # another process may have been first
                if ring._signer is None:
                    ring._add()
        return ring

    def signing_key(self) -> Key:
        """The newest key."""
        if not 0 <= self._clock() - self._read_at < SIGNER_REFRESH_S:
            self._reread()
        if self._signer is None:
            raise KeysUnusable(f"no key is left in {self._folder}")
        return self._signer

    def verifying_key(self, kid: str) -> Key | None:
        """The key of that id if it still verifies, or None. Looks for unknown ids in the folder,
        rate-limited.
        """
        now = self._clock()
        if kid not in self._keys and not 0 <= now - self._read_at < REREAD_INTERVAL_S:
            self._reread()
        key = self._keys.get(Kid(kid))
        if key is None:
            return None
        until = self._states[key.kid].verifies_until_s
        return key if until is None or now < until else None

    def remember(self, token: str, signed: Signed) -> None:
        """What was signed just now: most tickets come back to the process that signed them, and the very same
        characters need no second proof.
        """
        with self._signed_lock:
            while len(self._signed) >= _MOST_REMEMBERED:
                del self._signed[next(iter(self._signed))]  # the oldest
            self._signed[token] = signed

    def remembered(self, token: str) -> Signed | None:
        """Only if its key still verifies."""
        signed = self._signed.get(token)
        return signed if signed is not None and self.verifying_key(signed.kid) is not None else None

    def rotate(self) -> Kid:
        """Make a key that signs from now on, delete those that verify no longer; returns the new key's id."""
        with locked(self._folder):
            self._read()
            kid = self._add()
            self._prune()
        return kid

    def prune(self) -> list[Kid]:
        """Delete the keys that verify no longer; returns their ids."""
        with locked(self._folder):
            self._read()
            return self._prune()

    def described(self) -> list[KeyState]:
        """Every key in the folder, oldest first; the last one signs."""
        self._read()
        return states([*self._keys.values()], self._longest_use_s)

    def _add(self) -> Kid:
        private = Ed25519PrivateKey.generate()
        kid = thumbprint(private.public_key())
        # A clock that was set back must not make the new key older than the one it replaces.
        newest_ms = max((round(key.created_s * 1000) for key in self._keys.values()), default=0)
        created_ms = max(int(self._clock() * 1000), newest_ms + 1)
        write_key(self._folder / f"{created_ms}.{kid}.pem", private)
        self._read()
        return kid

    def _prune(self) -> list[Kid]:
        now = self._clock()
        gone = [
            state
            for state in self._states.values()
            if state.verifies_until_s is not None and state.verifies_until_s <= now
        ]
        for state in gone:
            for path in self._folder.glob(f"*.{state.kid}.pem"):
                path.unlink(missing_ok=True)
        if gone:
            self._read()
        return [state.kid for state in gone]

    def _reread(self) -> None:
        """Look again while running: a folder spoilt meanwhile is the operator's to mend, calls go on."""
        try:
            self._read()
        except KeysUnusable:
            log.error("keys.unusable", extra={"known": len(self._keys)})

    def _read(self) -> None:
        """Take the folder's keys over; on an error the keys known so far stay in use. Raises KeysUnusable."""
        self._read_at = self._clock()
        paths = files_in(self._folder)
        loaded = [_load(path, match) for path in paths if (match := _FILE_NAME.fullmatch(path.name))]
        keys = [key for key in loaded if key is not None]
        described = states(keys, self._longest_use_s)
        self._keys = {key.kid: key for key in keys}
        self._states = {state.kid: state for state in described}
        self._signer = self._keys[described[-1].kid] if described else None


def _load(path: Path, match: re.Match[str]) -> Key | None:
    """The key in a file; None when another process has just pruned it."""
    private = read_key(path, Ed25519PrivateKey, "Ed25519")  # type: ignore[type-abstract]  # for isinstance
    if private is None:
        return None
    if thumbprint(private.public_key()) != match["kid"]:
        raise KeysUnusable(f"{path} holds another key than its name says")
    return Key(Kid(match["kid"]), int(match["created"]) / 1000, private)


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
