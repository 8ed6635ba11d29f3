"""age X25519 identities and recipients (C2SP age.md), and files that hold identities.

An identity file is what `age-keygen` writes and `age -i` reads: a line for each identity, comments after `#`.
"""

import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyrage import IdentityError, RecipientError, x25519

from media_server.recording.errors import BadIdentity, BadRecipient
from media_server.recording.new_file import write_new_file

_SECRET_PREFIX = "AGE-SECRET-KEY-"
_ENCRYPTED = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
# A thousand identities; whatever is larger is no identity file.
_LARGEST_FILE = 1 << 17


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key, shown by its public half only."""

    recipient: str
    key: Any = field(repr=False, compare=False)  # pyrage's, which has no types

    @classmethod
    def generate(cls) -> "Identity":
        key = x25519.Identity.generate()
        return cls(str(key.to_public()), key)

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """From `AGE-SECRET-KEY-1…`. Raises BadIdentity."""
        try:
            key = x25519.Identity.from_str(text)
        except IdentityError:
            raise BadIdentity("not an age X25519 identity (AGE-SECRET-KEY-1…)") from None
        return cls(str(key.to_public()), key)


def check_recipient(text: str) -> str:
    """The recipient as it is written canonically. Raises BadRecipient, which never quotes the text: a secret
    key may have been pasted here.
    """
    if text.strip().upper().startswith(_SECRET_PREFIX):
        raise BadRecipient(
            "this is a secret key; only the recipient (age1…) belongs here, and the key has to be replaced "
            "if others may have seen it"
        )
    try:
        return str(x25519.Recipient.from_str(text))
    except RecipientError:
        raise BadRecipient("has to be an age X25519 recipient (age1…, 62 characters)") from None


def load_identity(path: Path) -> tuple[Identity, ...]:
    """The identities in a file that only its owner can read, one at least. Raises BadIdentity."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise BadIdentity(f"cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise BadIdentity(f"{path} is open to other users (mode {mode:04o}); run: chmod 600 {path}")
    if content.startswith(_ENCRYPTED):
        raise BadIdentity(f"{path} is itself encrypted; decrypt it with age first")
    if len(content) > _LARGEST_FILE:
        raise BadIdentity(f"{path} is too large to be an identity file")
    return _identities(path, content)


def make_identity_file(path: Path) -> str:
    """Make an identity in a new file of mode 0600, laid out as by age-keygen; returns its recipient.

    Raises OutputRefused, also when the file exists.
    """
    made = Identity.generate()
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    write_new_file(
        path, f"# created: {created}\n# public key: {made.recipient}\n{made.key}\n".encode("ascii")
    )
    return made.recipient


def _identities(path: Path, content: bytes) -> tuple[Identity, ...]:
    found: list[Identity] = []
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.decode("ascii", "replace").strip()
        if not text or text.startswith("#"):
            continue
        try:
            found.append(Identity.parse(text))
        except BadIdentity as error:
            raise BadIdentity(f"{path}, line {number}: {error}") from None
    if not found:
        raise BadIdentity(f"{path} holds no identity")
    return tuple(found)
