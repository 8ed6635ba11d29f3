"""The relying party's RSA keys: one kind signs what we send, the other decrypts what we are sent.

One file per key in one folder, `<created, Unix ms>.<sig or enc>.<kid>.pem`; `kid` is the JWK thumbprint
(RFC 7638). The provider keeps a copy of our published keys for as long as Cache-Control says, half an hour at
least and a day at most. So a new signing key is published for a while before anything is signed with it, and
an old decryption key, no longer published, goes on decrypting for a day. Several processes may share the
folder.
"""

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from joserfc.jwk import RSAKey

from auth.errors import KeysUnusable
from auth.key_files import files_in, locked, make_folder, read_key, write_key
from auth.keyring import Kid

log = logging.getLogger(__name__)

PUBLISHED_MAX_AGE_S: Final = 1800
"""What the published keys' Cache-Control says."""
PUBLISHED_BEFORE_USE_S: Final = 2.0 * PUBLISHED_MAX_AGE_S
PUBLISHED_AFTER_USE_S: Final = 2.0 * PUBLISHED_MAX_AGE_S
DECRYPTS_AFTER_PUBLISHED_S: Final = 24 * 3600.0 + 60.0  # and until every node has seen the new one

REREAD_S: Final = 30.0
REREAD_FOR_UNKNOWN_S: Final = 1.0
_BITS: Final = 2048
_FILE_NAME = re.compile(r"(?P<created>\d{1,15})\.(?P<use>sig|enc)\.(?P<kid>[A-Za-z0-9_-]{43})\.pem")


class KeyUse(Enum):
    """JWK's `use` (RFC 7517 §4.2)."""

    SIGNING = "sig"
    DECRYPTION = "enc"


_ALGORITHMS = {KeyUse.SIGNING: "RS256", KeyUse.DECRYPTION: "RSA-OAEP-256"}


@dataclass(frozen=True, slots=True)
class RsaKey:
    """`created_s` is Unix time."""

    kid: Kid
    use: KeyUse
    created_s: float
    jwk: RSAKey = field(repr=False, compare=False)

    def published(self) -> dict[str, Any]:
        """Its public half as a JWK."""
        return dict(
            self.jwk.as_dict(private=False, kid=self.kid, use=self.use.value, alg=_ALGORITHMS[self.use])
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What each key is for at a moment."""

    signing: RsaKey | None
    published: tuple[RsaKey, ...]
    decrypting: tuple[RsaKey, ...]
    over: tuple[RsaKey, ...]


@dataclass(frozen=True, slots=True)
class RsaKeyState:
    """`does`: signs, decrypts, published; nothing when it is over."""

    key: RsaKey
    does: tuple[str, ...]


def plan(keys: Sequence[RsaKey], now: float) -> Plan:
    """Pure; `now` is Unix time."""
    ordered = sorted(keys, key=lambda key: (key.created_s, key.kid))
    signers = [key for key in ordered if key.use is KeyUse.SIGNING]
    known = [key for key in signers if key.created_s + PUBLISHED_BEFORE_USE_S <= now]
    signing = known[-1] if known else signers[0] if signers else None  # the very first need not wait
    gone = PUBLISHED_BEFORE_USE_S + PUBLISHED_AFTER_USE_S
    over = [old for old, new in pairwise(signers) if new.created_s + gone <= now]

    decrypting = [key for key in ordered if key.use is KeyUse.DECRYPTION]
    forgotten = [
        old for old, new in pairwise(decrypting) if new.created_s + DECRYPTS_AFTER_PUBLISHED_S <= now
    ]
    return Plan(
        signing=signing,
        published=(*(key for key in signers if key not in over), *decrypting[-1:]),
        decrypting=tuple(key for key in decrypting if key not in forgotten),
        over=(*over, *forgotten),
    )


class RsaKeyRing:
    """The keys of one folder. Made by `open`, which makes the folder and first keys where there are none."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._keys: tuple[RsaKey, ...] = ()
        self._read_at = float("-inf")

    @classmethod
    def open(cls, folder: Path, *, clock: Callable[[], float] = time.time) -> "RsaKeyRing":
        """Raises KeysUnusable."""
        ring = cls(folder, clock)
        make_folder(folder)
        ring._read()
        if ring._missing():
            with locked(folder):
                ring._read()  # another process may have been first
                for use in ring._missing():
                    ring._add(use)
        return ring

    def signing(self) -> RsaKey:
        """Raises KeysUnusable."""
        key = self._plan().signing
        if key is None:
            raise KeysUnusable(f"no signing key is left in {self._folder}")
        return key

    def decrypting(self, kid: str) -> RsaKey | None:
        """The key of that id, if what was encrypted for it is still to be read."""
        if all(key.kid != kid for key in self._keys):
            self._reread(REREAD_FOR_UNKNOWN_S)
        return next((key for key in self._plan().decrypting if key.kid == kid), None)

    def jwks(self) -> dict[str, Any]:
        """The document that the provider fetches (RFC 7517 §5)."""
        return {"keys": [key.published() for key in self._plan().published]}

    def described(self) -> list[RsaKeyState]:
        """Oldest first."""
        now = self._plan()

        def does(key: RsaKey) -> tuple[str, ...]:
            decrypts, published = key in now.decrypting, key in now.published
            said = {"signs": key == now.signing, "decrypts": decrypts, "published": published}
            return tuple(word for word, so in said.items() if so)

        ordered = sorted(self._keys, key=lambda key: (key.created_s, key.kid))
        return [RsaKeyState(key, does(key)) for key in ordered]

    def rotate(self, use: KeyUse) -> Kid:
        """Make a new key of that use, and delete the keys that are over."""
        with locked(self._folder):
            self._read()
            kid = self._add(use)
            self._prune()
        return kid

    def prune(self) -> list[Kid]:
        """Delete the keys that are for nothing any more; returns their ids."""
        with locked(self._folder):
            self._read()
            return self._prune()

    def _plan(self) -> Plan:
        self._reread(REREAD_S)
        return plan(self._keys, self._clock())

    def _missing(self) -> list[KeyUse]:
        return [use for use in KeyUse if all(key.use is not use for key in self._keys)]

    def _add(self, use: KeyUse) -> Kid:
        private = generate_private_key(public_exponent=65537, key_size=_BITS)
        kid = _thumbprint(private)
        # A clock that was set back must not make the new key older than the one it replaces.
        newest_ms = max((round(key.created_s * 1000) for key in self._keys), default=0)
        created_ms = max(int(self._clock() * 1000), newest_ms + 1)
        write_key(self._folder / f"{created_ms}.{use.value}.{kid}.pem", private)
        self._read()
        return kid

    def _prune(self) -> list[Kid]:
        over = plan(self._keys, self._clock()).over
        for key in over:
            for path in self._folder.glob(f"*.{key.kid}.pem"):
                path.unlink(missing_ok=True)
        if over:
            self._read()
        return [key.kid for key in over]

    def _reread(self, interval_s: float) -> None:
        """Look again while running: a folder spoilt meanwhile is the operator's to mend, logins go on."""
        if 0 <= self._clock() - self._read_at < interval_s:
            return
        try:
            self._read()
        except KeysUnusable:
            log.error("itsme.keys_unusable", extra={"known": len(self._keys)})

    def _read(self) -> None:
        """On an error the keys known so far stay in use. Raises KeysUnusable."""
        self._read_at = self._clock()
        known = {key.kid: key for key in self._keys}
        found = [
            known.get(Kid(match["kid"])) or _load(path, match)
            for path in files_in(self._folder)
            if (match := _FILE_NAME.fullmatch(path.name))
        ]
        self._keys = tuple(key for key in found if key is not None)


def _load(path: Path, match: re.Match[str]) -> RsaKey | None:
    """The key in a file; None when another process has just pruned it."""
    private = read_key(path, RSAPrivateKey, "RSA")  # type: ignore[type-abstract]  # for isinstance
    if private is None:
        return None
    if private.key_size < _BITS:
        raise KeysUnusable(f"{path} holds an RSA key of less than {_BITS} bits")
    if _thumbprint(private) != match["kid"]:
        raise KeysUnusable(f"{path} holds another key than its name says")
    return RsaKey(
        Kid(match["kid"]), KeyUse(match["use"]), int(match["created"]) / 1000, RSAKey.import_key(private)
    )


def _thumbprint(private: RSAPrivateKey) -> Kid:
    return Kid(RSAKey.import_key(private).thumbprint())
