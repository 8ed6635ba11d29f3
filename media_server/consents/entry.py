"""One entry of the ledger: what was said, and how it is hashed, chained and signed. Pure.

Its fields follow ISO/IEC TS 27560 (records and receipts of consent) as far as they mean something here. An
entry names nobody: `participant` and `actor` are ids of ours, and what a grant is about is in the text of
that version.
"""

import json
from dataclasses import asdict, dataclass
from enum import Enum
from hashlib import sha256
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SCHEMA = "teleconsult-consent-1"
_TYPE = "teleconsult-consent+jws"


class ConsentKind(Enum):
    """The protocol's five (§3)."""

    TELECONSULTATION = "teleconsultation"
    RECORDING = "recording"
    MEDICAL_FILE_ACCESS = "medical_file_access"
    REPORT_TO_GP = "report_to_gp"
    THIRD_PARTY_PRESENCE = "third_party_presence"


class ConsentState(Enum):
    """What is written; that a grant has expired follows from its time and is not."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said. `participant`: whose consent it is; `actor`: who said it, who differs for a
    request; `text_hash`: SHA-256, hexadecimal, of the text in that version and language; `recipient`: of a
    report, the GP's RIZIV/INAMI number; of presence, the guest as `guest_recipient` writes it.
    """

    consultation: str
    participant: str
    kind: ConsentKind
    state: ConsentState
    actor: str
    role: str
    text_version: str | None = None
    text_hash: str | None = None
    language: str | None = None
    recipient: str | None = None
    expires_at_us: int | None = None

    @property
    def about(self) -> tuple[ConsentKind, str, str | None]:
        """A later word on the same takes the place of this one. Each guest is a matter of its own."""
        one_by_one = self.kind is ConsentKind.THIRD_PARTY_PRESENCE
        return self.kind, self.participant, self.recipient if one_by_one else None


def guest_recipient(label: str, invitation: str) -> str:
    """Who came by an invitation, as a recipient. The label outlives the invitation, which is purged."""
    return f"{label}:{invitation}"


def read_guest_recipient(recipient: str) -> tuple[str, str]:
    """(label, invitation)."""
    label, _, invitation = recipient.rpartition(":")
    return label, invitation


@dataclass(frozen=True, slots=True)
class Entry:
    """A word as it stands in the ledger. Times are Unix microseconds; `hash` is the SHA-256, hexadecimal, of
    `text`, which is canonical JSON and holds the hash of the entry before.
    """

    id: str
    number: int
    at_us: int
    word: Word
    text: str
    previous_hash: str | None
    hash: str

    def holds(self, now_us: int) -> bool:
        """Whether it is a grant that has not expired."""
        expires = self.word.expires_at_us
        return self.word.state is ConsentState.GRANTED and (expires is None or now_us < expires)


class Signer(Protocol):
    @property
    def kid(self) -> str: ...

    @property
    def private(self) -> Ed25519PrivateKey: ...


def write(word: Word, id: str, number: int, at_us: int, previous_hash: str | None, policy: str) -> Entry:
    """The entry that follows the one of `previous_hash` in its consultation."""
    said = asdict(word) | {
        "kind": word.kind.value,
        "state": word.state.value,
        "schema": SCHEMA,
        "id": id,
        "number": number,
        "at_us": at_us,
        "previous_hash": previous_hash,
        "policy": policy,
        "jurisdiction": "BE",
        "method": "ui-click",
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Entry(id, number, at_us, word, text, previous_hash, sha256(text.encode()).hexdigest())


def receipt(entry: Entry, signer: Signer) -> str:
    """The entry signed, for the person to keep (JWS compact serialization, RFC 7515 §3.1; RFC 8037)."""
    headers = {"kid": signer.kid, "typ": _TYPE}
    return jwt.PyJWS().encode(entry.text.encode(), signer.private, algorithm="EdDSA", headers=headers)


def read_receipt(text: str, key: Ed25519PublicKey) -> dict[str, object]:
    """What a receipt says. Raises jwt.InvalidTokenError unless the key signed it."""
    content: dict[str, object] = json.loads(jwt.PyJWS().decode(text, key, algorithms=["EdDSA"]))
    return content
