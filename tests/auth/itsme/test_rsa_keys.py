"""The relying party's RSA keys: made once, published before they are used, remembered after they were."""

import json
import stat
import threading
from pathlib import Path

import pytest

from auth import KeysUnusable, KeyUse, RsaKeyRing
from auth.itsme.rsa_keys import (
    DECRYPTS_AFTER_PUBLISHED_S,
    PUBLISHED_AFTER_USE_S,
    PUBLISHED_BEFORE_USE_S,
    REREAD_S,
    RsaKey,
    plan,
)
from auth.keyring import Kid
from tests.auth.builders import NOON, HandClock


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RsaKey:
    return RsaKeyRing.open(tmp_path_factory.mktemp("keys"), clock=HandClock()).signing()


def a_key(made: RsaKey, kid: str, use: KeyUse, created_s: float) -> RsaKey:
    return RsaKey(Kid(kid), use, created_s, made.jwk)


def kids(keys: tuple[RsaKey, ...]) -> list[str]:
    return [key.kid for key in keys]


# --- On disk ---


def test_the_first_use_makes_a_key_of_each_use_that_only_the_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "itsme"
    ring = RsaKeyRing.open(folder, clock=HandClock())
    paths = sorted(folder.glob("*.pem"))
    assert [path.name.split(".")[1] for path in paths] in (["enc", "sig"], ["sig", "enc"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ring.signing().kid in {path.name.split(".")[2] for path in paths}


def test_many_starting_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    found: list[str] = []
    together = threading.Barrier(3)

    def start() -> None:
        together.wait()
        found.append(json.dumps(RsaKeyRing.open(tmp_path, clock=HandClock()).jwks()))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


def test_what_others_may_read_or_is_no_such_key_is_refused(tmp_path: Path) -> None:
    RsaKeyRing.open(tmp_path, clock=HandClock())
    first, second = sorted(tmp_path.glob("*.pem"))
    first.chmod(0o640)
    with pytest.raises(KeysUnusable, match="open to other users"):
        RsaKeyRing.open(tmp_path, clock=HandClock())
    first.chmod(0o600)
    first.write_bytes(second.read_bytes())
    with pytest.raises(KeysUnusable, match="another key than its name says"):
        RsaKeyRing.open(tmp_path, clock=HandClock())
    first.write_text("no key")
    with pytest.raises(KeysUnusable, match="no RSA private key"):
        RsaKeyRing.open(tmp_path, clock=HandClock())


# --- What is published ---


def test_public_halves_are_published_with_id_use_and_algorithm_and_nothing_else(tmp_path: Path) -> None:
    keys = RsaKeyRing.open(tmp_path, clock=HandClock()).jwks()["keys"]
    assert {(key["use"], key["alg"]) for key in keys} == {("sig", "RS256"), ("enc", "RSA-OAEP-256")}
    assert all(set(key) == {"kty", "n", "e", "kid", "use", "alg"} for key in keys)


# --- Rotation ---


def test_a_new_signing_key_is_published_at_once_and_signs_when_everybody_has_it(made: RsaKey) -> None:
    old = a_key(made, "old", KeyUse.SIGNING, NOON - 1_000_000)
    new = a_key(made, "new", KeyUse.SIGNING, NOON)
    just_before = plan([new, old], NOON + PUBLISHED_BEFORE_USE_S - 1)
    assert just_before.signing == old
    assert kids(just_before.published) == ["old", "new"]
    then = plan([new, old], NOON + PUBLISHED_BEFORE_USE_S)
    assert then.signing == new
    assert kids(then.published) == ["old", "new"]
    later = plan([new, old], NOON + PUBLISHED_BEFORE_USE_S + PUBLISHED_AFTER_USE_S)
    assert kids(later.published) == ["new"]
    assert kids(later.over) == ["old"]


def test_the_very_first_signing_key_need_not_wait(made: RsaKey) -> None:
    first, second = (a_key(made, str(n), KeyUse.SIGNING, NOON + n) for n in range(2))
    assert plan([first], NOON).signing == first
    assert plan([first, second], NOON + 2).signing == first


def test_an_old_encryption_key_is_published_no_longer_and_decrypts_for_a_day(made: RsaKey) -> None:
    old = a_key(made, "old", KeyUse.DECRYPTION, NOON - 1_000_000)
    new = a_key(made, "new", KeyUse.DECRYPTION, NOON)
    now = plan([new, old], NOON)
    assert kids(now.published) == ["new"]
    assert kids(now.decrypting) == ["old", "new"]
    day_after = plan([new, old], NOON + DECRYPTS_AFTER_PUBLISHED_S)
    assert DECRYPTS_AFTER_PUBLISHED_S >= 24 * 3600
    assert kids(day_after.decrypting) == ["new"]
    assert kids(day_after.over) == ["old"]


def test_a_running_server_sees_what_another_process_rotates(tmp_path: Path) -> None:
    clock = HandClock()
    running = RsaKeyRing.open(tmp_path, clock=clock)
    before = running.jwks()
    clock.now += 1
    kid = RsaKeyRing.open(tmp_path, clock=clock).rotate(KeyUse.DECRYPTION)
    assert running.decrypting(kid) is not None  # asked for by id it is found at once
    clock.now += REREAD_S
    assert kid in {key["kid"] for key in running.jwks()["keys"]}
    assert running.jwks() != before


def test_rotating_deletes_what_is_over(tmp_path: Path) -> None:
    clock = HandClock()
    ring = RsaKeyRing.open(tmp_path, clock=clock)
    first = next(key["kid"] for key in ring.jwks()["keys"] if key["use"] == "enc")
    ring.rotate(KeyUse.DECRYPTION)
    clock.now += DECRYPTS_AFTER_PUBLISHED_S + 1
    assert ring.prune() == [first]
    assert not list(tmp_path.glob(f"*{first}*"))
    assert ring.decrypting(first) is None


def test_a_folder_that_is_spoilt_while_running_ends_no_login(tmp_path: Path) -> None:
    clock = HandClock()
    ring = RsaKeyRing.open(tmp_path, clock=clock)
    signing = ring.signing()
    (tmp_path / f"1.sig.{'x' * 43}.pem").write_text("no key")
    clock.now += REREAD_S
    assert ring.signing() == signing
