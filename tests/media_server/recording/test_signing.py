"""The keys of manifests and receipts: superseded they verify for ever."""

import math
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auth import KeyRing, KeysUnusable
from media_server.recording.signing import manifest_keys, newest_signer
from tests.auth.builders import HandClock

A_CENTURY_S = 100 * 366 * 86_400.0


def test_what_is_signed_verifies_with_the_public_key_and_nothing_else_does(tmp_path: Path) -> None:
    signer = newest_signer(manifest_keys(tmp_path / "manifest-keys"))
    public = Ed25519PublicKey.from_public_bytes(signer.public_key)
    public.verify(signer.sign(b"a line"), b"a line")
    with pytest.raises(InvalidSignature):
        public.verify(signer.sign(b"a line"), b"another line")


def test_a_process_started_later_signs_with_the_same_key(tmp_path: Path) -> None:
    first = newest_signer(manifest_keys(tmp_path))
    assert newest_signer(manifest_keys(tmp_path)) == first


def test_a_superseded_key_verifies_a_century_later_and_is_never_deleted(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, longest_life_s=math.inf, clock=clock)
    old = newest_signer(ring)
    clock.now += 1000
    new = ring.rotate()
    clock.now += A_CENTURY_S
    assert ring.prune() == []
    assert ring.verifying_key(old.kid) is not None
    assert [state.kid for state in ring.described()] == [old.kid, new]
    assert ring.described()[0].verifies_until_s == math.inf
    ring.rotate()
    assert ring.verifying_key(old.kid) is not None


def test_a_signer_keeps_its_key_when_the_ring_rotates(tmp_path: Path) -> None:
    ring = manifest_keys(tmp_path)
    before = newest_signer(ring)
    ring.rotate()
    assert newest_signer(ring).kid != before.kid
    Ed25519PublicKey.from_public_bytes(before.public_key).verify(before.sign(b"x"), b"x")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    manifest_keys(tmp_path)
    next(tmp_path.glob("*.pem")).chmod(0o644)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        manifest_keys(tmp_path)


def test_a_signer_does_not_show_its_key(tmp_path: Path) -> None:
    assert "private" not in repr(newest_signer(manifest_keys(tmp_path))).lower()
