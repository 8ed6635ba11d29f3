"""Keys: made once, safe on disk, rotated under a running server."""

import logging
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auth import LONGEST_TICKET_S, Key, KeysUnusable, Kid
from auth.keyring import REREAD_INTERVAL_S, SIGNER_REFRESH_S, thumbprint
from tests.auth.builders import HandClock, a_ring

LONGEST_USE_S = LONGEST_TICKET_S + SIGNER_REFRESH_S


def the_pem_files(folder: Path) -> list[Path]:
    return sorted((folder / "keys").glob("*.pem"))


def test_the_first_use_makes_one_key_that_only_the_owner_can_read(tmp_path: Path) -> None:
    ring = a_ring(tmp_path, HandClock())
    [path] = the_pem_files(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert ring.signing_key().kid in path.name
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_a_second_use_finds_the_same_key(tmp_path: Path) -> None:
    first = a_ring(tmp_path, HandClock()).signing_key()
    assert a_ring(tmp_path, HandClock()).signing_key() == first


def test_many_starting_at_once_agree_on_one_key(tmp_path: Path) -> None:
    kids: list[str] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        kids.append(a_ring(tmp_path, HandClock()).signing_key().kid)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kids) == 8
    assert len(set(kids)) == 1


def test_the_key_id_is_the_thumbprint_of_rfc_8037_appendix_a_3() -> None:
    x = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert thumbprint(Ed25519PublicKey.from_public_bytes(x)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(tmp_path: Path) -> None:
    ring = a_ring(tmp_path, HandClock())
    old = ring.signing_key()
    new = ring.rotate()
    assert ring.signing_key().kid == new != old.kid
    assert ring.verifying_key(old.kid) == old


def test_an_old_key_verifies_until_the_longest_ticket_it_signed_has_ended_and_no_longer(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    ring = a_ring(tmp_path, clock)
    old = ring.signing_key().kid
    clock.now += 1000
    ring.rotate()
    clock.now += LONGEST_USE_S - 0.001
    assert ring.verifying_key(old) is not None
    clock.now += 0.001
    assert ring.verifying_key(old) is None


def test_pruning_deletes_what_verifies_no_longer_and_nothing_else(tmp_path: Path) -> None:
    clock = HandClock()
    ring = a_ring(tmp_path, clock)
    old = ring.signing_key().kid
    new = ring.rotate()
    assert ring.prune() == []
    clock.now += LONGEST_USE_S + 1
    assert ring.prune() == [old]
    assert [path.name.split(".")[1] for path in the_pem_files(tmp_path)] == [new]


def test_a_clock_set_back_does_not_bring_the_old_key_back(tmp_path: Path) -> None:
    clock = HandClock()
    ring = a_ring(tmp_path, clock)
    clock.now -= 86_400
    assert ring.rotate() == ring.signing_key().kid


def test_a_running_server_notices_a_key_that_another_process_made(tmp_path: Path) -> None:
    clock = HandClock()
    server = a_ring(tmp_path, clock)
    new = a_ring(tmp_path, clock).rotate()
    clock.now += REREAD_INTERVAL_S
    assert server.verifying_key(new) is not None


def test_unknown_key_ids_do_not_make_it_read_the_folder_over_and_over(tmp_path: Path) -> None:
    clock = HandClock()
    server = a_ring(tmp_path, clock)
    clock.now += REREAD_INTERVAL_S
    assert server.verifying_key("x" * 43) is None  # reads
    new = a_ring(tmp_path, clock).rotate()
    clock.now += REREAD_INTERVAL_S / 2
    assert server.verifying_key(new) is None  # too soon
    clock.now += REREAD_INTERVAL_S / 2
    assert server.verifying_key(new) is not None


def test_a_running_signer_changes_to_the_new_key_within_its_refresh_time(tmp_path: Path) -> None:
    clock = HandClock()
    server = a_ring(tmp_path, clock)
    new = a_ring(tmp_path, clock).rotate()
    clock.now += SIGNER_REFRESH_S
    assert server.signing_key().kid == new


def test_a_key_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    a_ring(tmp_path, HandClock())
    the_pem_files(tmp_path)[0].chmod(0o640)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        a_ring(tmp_path, HandClock())


def test_a_file_that_is_no_ed25519_key_is_refused_without_quoting_it(tmp_path: Path) -> None:
    a_ring(tmp_path, HandClock())
    [path] = the_pem_files(tmp_path)
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"", b"TOP SECRET", other):
        path.write_bytes(content)
        with pytest.raises(KeysUnusable, match="holds no Ed25519") as refused:
            a_ring(tmp_path, HandClock())
        assert "SECRET" not in str(refused.value)


def test_a_key_under_another_keys_name_is_refused(tmp_path: Path) -> None:
    a_ring(tmp_path, HandClock())
    [path] = the_pem_files(tmp_path)
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(other)
    with pytest.raises(KeysUnusable, match="another key"):
        a_ring(tmp_path, HandClock())


def test_a_folder_spoilt_while_running_is_reported_and_the_known_keys_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HandClock()
    server = a_ring(tmp_path, clock)
    kid = server.signing_key().kid
    the_pem_files(tmp_path)[0].chmod(0o644)
    clock.now += SIGNER_REFRESH_S
    with caplog.at_level(logging.ERROR):
        assert server.signing_key().kid == kid
    assert [record.message for record in caplog.records] == ["keys.unusable"]


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    ring = a_ring(tmp_path, HandClock())
    (tmp_path / "keys" / "README").write_text("hands off")
    (tmp_path / "keys" / ".0123456789abcdef.draft").write_text("a write that a crash cut short")
    assert len(ring.described()) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(KeysUnusable, match="keys"):
        a_ring(tmp_path, HandClock())


def test_described_tells_which_key_signs_and_how_long_the_others_verify(tmp_path: Path) -> None:
    clock = HandClock()
    ring = a_ring(tmp_path, clock)
    clock.now += 1000
    new = ring.rotate()
    old_state, new_state = ring.described()
    assert old_state.verifies_until_s == clock.now + LONGEST_USE_S
    assert (new_state.kid, new_state.verifies_until_s) == (new, None)


def test_a_key_never_shows_its_secret() -> None:
    shown = repr(Key(Kid("k"), 1.0, Ed25519PrivateKey.generate()))
    assert shown == "Key(kid='k', created_s=1.0)"
