"""`teleconsult keys`, `itsme` and `sessions` beside people who are logged in."""

import os
import time
from pathlib import Path

from typer.testing import CliRunner, Result

from auth import (
    LONGEST_SESSION_S,
    KeyRing,
    PersonId,
    Role,
    RsaKeyRing,
    SessionKind,
    SessionTokens,
    new_session_id,
)
from media_server.cli import app


def test_rotating_keys_twice_logs_nobody_out(tmp_path: Path) -> None:
    hours_ago = time.time() - 6 * 3600
    ring = KeyRing.open(tmp_path / "keys", longest_life_s=LONGEST_SESSION_S, clock=lambda: hours_ago)
    token, _ = SessionTokens(ring, clock=lambda: hours_ago).issue(
        session=new_session_id(),
        person=PersonId("dr-1"),
        role=Role.DOCTOR,
        kind=SessionKind.PAGE,
        ends_at=hours_ago + 12 * 3600,
    )
    ring.rotate()
    assert run(tmp_path, "keys", "rotate").exit_code == 0
    now = KeyRing.open(tmp_path / "keys", longest_life_s=LONGEST_SESSION_S)
    assert SessionTokens(now).read(token.reveal()).person == "dr-1"


def test_a_new_key_for_itsme_stands_beside_the_old_one(tmp_path: Path) -> None:
    ring = RsaKeyRing.open(tmp_path / "keys" / "itsme")
    old = {key["use"]: key["kid"] for key in ring.jwks()["keys"]}
    ran = run(tmp_path, "itsme", "rotate-key")
    assert ran.exit_code == 0, ran.output
    new = {use: kid for kid, use in (line.split() for line in ran.stdout.splitlines())}
    assert set(new) == {"sig", "enc"}
    now = RsaKeyRing.open(tmp_path / "keys" / "itsme")
    published = {key["kid"] for key in now.jwks()["keys"]}
    assert published == {old["sig"], new["sig"], new["enc"]}
    assert now.signing().kid == old["sig"], "itsme has yet to learn of the new one"
    for kid in (old["enc"], new["enc"]):
        assert now.decrypting(kid) is not None
    listed = run(tmp_path, "itsme", "keys").stdout.splitlines()
    assert sorted(line.split()[0] for line in listed) == sorted([*old.values(), *new.values()])
    assert [line.split("  ")[-1] for line in listed if old["enc"] in line] == ["decrypts"]


def test_one_use_is_rotated_alone(tmp_path: Path) -> None:
    RsaKeyRing.open(tmp_path / "keys" / "itsme")
    ran = run(tmp_path, "itsme", "rotate-key", "--use", "enc")
    assert [line.split()[1] for line in ran.stdout.splitlines()] == ["enc"]


def test_whose_sessions_are_to_end_has_to_be_said(tmp_path: Path) -> None:
    for arguments in ([], ["--person", "pt-1", "--all"]):
        assert run(tmp_path, "sessions", "revoke", *arguments).exit_code == 2
    nobody = run(tmp_path, "sessions", "revoke", "--all")
    assert (nobody.exit_code, nobody.stdout) == (0, "0 sessions ended\n")


def run(folder: Path, *arguments: str) -> Result:
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("TELECONSULT_")
    }
    return CliRunner().invoke(app, arguments, env=environment | {"TELECONSULT_DATA_DIR": str(folder)})
