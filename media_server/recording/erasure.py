"""Erasing a recording: its sealed key is destroyed, so that no copy of its segments, wherever it lies, can be
opened any more; and a signed receipt says so.

A receipt is one line of canonical JSON, spelt and signed as a manifest's lines are, with no word about
people.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, TypeAdapter, ValidationError

from media_server.recording.catalogue import Catalogue
from media_server.recording.errors import BadReceipt
from media_server.recording.ids import RecordingId
from media_server.recording.lines import Hash, Text, Time
from media_server.recording.manifest import Signer, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was erased, and when (Unix µs). `sealed_key_sha256` is of the destroyed value: whoever still holds
    a copy of it can be shown that it had to go. `key` is the id of the node's key that signed.
    """

    recording: Text
    erased_at_us: Time
    recipient: Text
    sealed_key_sha256: Hash
    key: Text
    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]
    format: Literal["teleconsult-erasure"] = "teleconsult-erasure"
    version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Erased:
    """`again`: it had been erased before, and `receipt` is from then."""

    receipt: str
    again: bool


def erase(catalogue: Catalogue, signer: Signer, recording: RecordingId, now_us: int) -> Erased:
    """Destroy the sealed key; idempotent. Raises UnknownRecording, and CatalogueError when it is not certain
    that no copy is left in the catalogue's files: then try again.
    """
    entry = catalogue.get(recording)
    if entry.sealed_key is None:
        return Erased(catalogue.destroy_key(recording, str(entry.receipt)), again=True)
    fields = {
        "format": "teleconsult-erasure",
        "version": 1,
        "recording": recording,
        "erased_at_us": now_us,
        "recipient": entry.recipient,
        "sealed_key_sha256": sha256(entry.sealed_key).hexdigest(),
        "key": signer.kid,
    }
    signature = encoded(signer.sign(_canonical(fields)))
    receipt = _canonical(fields | {"signature": signature}).decode()
    standing = catalogue.destroy_key(recording, receipt)
    return Erased(standing, again=standing != receipt)


def verify_receipt(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Receipt:
    """Raises BadReceipt for what is malformed, of an unknown key, or not signed by the key that it names."""
    try:
        receipt = _RECEIPT.validate_json(text, strict=True)
    except ValidationError:
        raise BadReceipt("not an erasure receipt of this version") from None
    signature = urlsafe_b64decode(receipt.signature + "==")
    fields = asdict(receipt)
    # One spelling only, so that no bit can change unseen: base64url's last digit has four spare ones.
    if _canonical(fields | {"signature": encoded(signature)}) != text.encode():
        raise BadReceipt("not written as a receipt is (unknown fields, order, spacing)")
    key = keys.get(receipt.key)
    if key is None:
        raise BadReceipt("signed by a key that is not known here")
    del fields["signature"]
    try:
        key.verify(signature, _canonical(fields))
    except InvalidSignature:
        raise BadReceipt("its signature does not hold") from None
    return receipt


_RECEIPT = TypeAdapter(Receipt)


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
