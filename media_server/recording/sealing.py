"""Sealing with age (C2SP age.md): whoever records can write what it cannot read.

Each recording has an X25519 key pair of its own. Segments are sealed to its public half; its private half is
sealed to the custodians and then dropped, so that it exists in clear nowhere but in their hands. Python
cannot overwrite the memory it stood in for that moment; it is freed with the call.
"""

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, NamedTuple, NewType

import pyrage
from pyrage import x25519

from media_server.recording.errors import BadIdentity, BadRecipient, SealBroken, WrongIdentity
from media_server.recording.identity import Identity, check_recipient

RecordingIdentity = NewType("RecordingIdentity", Identity)
"""The private half of one recording's key pair: opens its segments, and no custodian's envelope."""

# What pyrage says when a file is in order, but sealed to others; all else is damage.
_FOR_OTHERS = "No matching keys found"


class RecordingKey(NamedTuple):
    """A fresh key pair: `recipient` (age1…) to seal to, `sealed` the private half as only custodians open it.

    Opened, `sealed` is a complete identity file: `age -d -i custodian sealed | age -d -i - 000001.age`.
    """

    recipient: str
    sealed: bytes

    @staticmethod
    def generate(custodians: Sequence[str]) -> "RecordingKey":
        """Raises BadRecipient, also when there is no custodian."""
        if not custodians:
            raise BadRecipient("a recording's key needs a custodian to be sealed to")
        # In a dictionary, because a recipient named twice would get two envelopes.
        recipients = [_recipient(text) for text in dict.fromkeys(map(check_recipient, custodians))]
        private = x25519.Identity.generate()
        sealed: bytes = pyrage.encrypt(f"{private}\n".encode("ascii"), recipients)
        return RecordingKey(str(private.to_public()), sealed)


class Sealer:
    """Seals to one recipient, any number of times. Not bound to a thread. Made by `seal`."""

    def __init__(self, recipient: str) -> None:
        self._recipient = _recipient(recipient)

    def write(self, chunks: Iterable[bytes], out: BinaryIO) -> None:
        """Write one age file with the chunks as its content. What `out` raises comes through as it is.

        It is in memory twice for a moment: `pyrage.encrypt_io` would not need that, but overlooks failures of
        what it writes to, so that a full disk would pass for a sealed segment.
        """
        sealed = memoryview(pyrage.encrypt(b"".join(chunks), [self._recipient]))
        while sealed:
            sealed = sealed[out.write(sealed) :]


def seal(recipient: str) -> Sealer:
    """Raises BadRecipient."""
    return Sealer(recipient)


def open_key(sealed: bytes, identities: Sequence[Identity]) -> RecordingIdentity:
    """The recording's private half. Raises WrongIdentity, SealBroken."""
    opened = _decrypted(sealed, identities, "the recording's key")
    try:
        return RecordingIdentity(Identity.parse(opened.decode("ascii").strip()))
    except (UnicodeDecodeError, BadIdentity):
        raise SealBroken("what was sealed as the recording's key is no identity") from None


def decrypt(identity: RecordingIdentity, file: BinaryIO) -> bytes:
    """A sealed segment's content, checked to its last byte. Raises WrongIdentity, SealBroken; OSError."""
    return _decrypted(file.read(), [identity], "the segment")


def _decrypted(sealed: bytes, identities: Sequence[Identity], what: str) -> bytes:
    try:
        opened: bytes = pyrage.decrypt(sealed, [identity.key for identity in identities])
    except pyrage.DecryptError as error:
        if str(error) == _FOR_OTHERS:
            raise WrongIdentity(f"{what} was sealed to another identity than this") from None
        raise SealBroken(f"{what} is damaged, or was never sealed with age") from None
    return opened


def _recipient(text: str) -> Any:
    return x25519.Recipient.from_str(check_recipient(text))
