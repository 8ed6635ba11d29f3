"""The node's Ed25519 key for manifests and receipts (RFC 8032). Its keys are another ring than the tickets':
what they signed is looked at years later, so a superseded one verifies for ever and is never deleted.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth import KeyRing


@dataclass(frozen=True, slots=True)
class KeySigner:
    """One key of the ring; what is begun with it is ended with it, whatever rotates meanwhile.

    `public_key` is raw, 32 bytes; `kid` its JWK thumbprint (RFC 7638).
    """

    kid: str
    public_key: bytes
    private: Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


def manifest_keys(folder: Path) -> KeyRing:
    """The ring in that folder; folder and first key are made when there is none. Raises auth.KeysUnusable."""
    return KeyRing.open(folder, longest_life_s=math.inf)


def newest_signer(ring: KeyRing) -> KeySigner:
    """The key that signs now. Raises auth.KeysUnusable."""
    key = ring.signing_key()
    return KeySigner(key.kid, key.public.public_bytes(Encoding.Raw, PublicFormat.Raw), key.private)
