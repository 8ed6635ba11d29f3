"""`teleconsult keys` beside people who are logged in."""

import os
import time
from pathlib import Path

from typer.testing import CliRunner

from auth import LONGEST_SESSION_S, KeyRing, PersonId, Role, SessionKind, SessionTokens, new_session_id
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
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("TELECONSULT_")
    }
    ran = CliRunner().invoke(
        app, ["keys", "rotate"], env=environment | {"TELECONSULT_DATA_DIR": str(tmp_path)}
    )
    assert ran.exit_code == 0
    now = KeyRing.open(tmp_path / "keys", longest_life_s=LONGEST_SESSION_S)
    assert SessionTokens(now).read(token.reveal()).person == "dr-1"
