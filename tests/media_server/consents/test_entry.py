"""One entry of the ledger: what it says, how it hangs on the one before, and what its receipt proves."""

import json
from dataclasses import dataclass, replace
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from media_server.consents import ConsentKind, ConsentState, Word
from media_server.consents.entry import SCHEMA, read_receipt, receipt, write

WORD = Word(
    consultation="c-1",
    participant="p-1",
    kind=ConsentKind.REPORT_TO_GP,
    state=ConsentState.GRANTED,
    actor="pt-1",
    role="patient",
    text_version="1",
    text_hash="ab" * 32,
    language="nl",
    recipient="10829059004",
    expires_at_us=2_000,
)


@dataclass(frozen=True)
class ASigner:
    kid: str
    private: Ed25519PrivateKey


def test_an_entry_says_everything_in_canonical_json_and_holds_the_hash_before() -> None:
    first = write(WORD, "k-1", 1, 1_000, None, "belgium")
    second = write(WORD, "k-2", 2, 1_001, first.hash, "belgium")
    said = json.loads(second.text)
    assert said["previous_hash"] == first.hash == sha256(first.text.encode()).hexdigest()
    assert (said["schema"], said["policy"], said["jurisdiction"]) == (SCHEMA, "belgium", "BE")
    assert (said["kind"], said["state"], said["recipient"]) == ("report_to_gp", "granted", "10829059004")
    assert second.text == json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": ConsentState.REFUSED},
        {"participant": "p-2"},
        {"recipient": "10829059103"},
        {"expires_at_us": None},
        {"text_hash": None},
    ],
)
def test_whatever_is_changed_changes_the_hash(changed: dict[str, object]) -> None:
    entry = write(WORD, "k-1", 1, 1_000, None, "belgium")
    other = write(replace(WORD, **changed), "k-1", 1, 1_000, None, "belgium")  # type: ignore[arg-type]
    assert entry.hash != other.hash


@pytest.mark.parametrize(
    ("state", "now_us", "holds"),
    [
        (ConsentState.GRANTED, 1_999, True),
        (ConsentState.GRANTED, 2_000, False),
        (ConsentState.REQUESTED, 1_000, False),
        (ConsentState.REFUSED, 1_000, False),
        (ConsentState.WITHDRAWN, 1_000, False),
    ],
)
def test_only_a_grant_holds_and_only_until_its_time(state: ConsentState, now_us: int, holds: bool) -> None:
    assert write(replace(WORD, state=state), "k-1", 1, 1_000, None, "belgium").holds(now_us) is holds


def test_a_receipt_is_the_entry_signed_and_proves_itself_with_our_key_only() -> None:
    signer = ASigner("key-1", Ed25519PrivateKey.generate())
    entry = write(WORD, "k-1", 1, 1_000, None, "belgium")
    signed = receipt(entry, signer)
    assert jwt.get_unverified_header(signed) == {
        "alg": "EdDSA",
        "kid": "key-1",
        "typ": "teleconsult-consent+jws",
    }
    assert read_receipt(signed, signer.private.public_key()) == json.loads(entry.text)
    with pytest.raises(jwt.InvalidSignatureError):
        read_receipt(signed, Ed25519PrivateKey.generate().public_key())
    head, body, signature = signed.split(".")
    forged = jwt.utils.base64url_encode(entry.text.replace("granted", "refused").encode()).decode()
    with pytest.raises(jwt.InvalidSignatureError):
        read_receipt(".".join((head, forged, signature)), signer.private.public_key())
    assert body != forged
