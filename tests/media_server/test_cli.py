"""The command line: what it prints, and how it ends."""

import tomllib
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner, Result

from auth import LONGEST_TICKET_S, KeyRing, TicketVerifier
from media_server.cli import app


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TELECONSULT_DATA_DIR", str(tmp_path / "data"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


async def test_ticket_prints_the_bare_ticket_signed_with_the_data_folders_key(tmp_path: Path) -> None:
    result = run("ticket", "--room", "r-1", "--role", "doctor", "--name", "Dr. A")
    assert (result.exit_code, result.stderr) == (0, "")
    ring = KeyRing.open(tmp_path / "data" / "keys", longest_life_s=LONGEST_TICKET_S)
    ticket = TicketVerifier(ring).verify(result.stdout.removesuffix("\n"))
    assert (ticket.room, ticket.role.value, ticket.admitted) == ("r-1", "doctor", True)


def test_a_waiting_ticket_is_not_admitted() -> None:
    made = run("ticket", "--room", "r", "--role", "patient", "--name", "A", "--waiting").stdout.strip()
    assert jwt.decode(made, options={"verify_signature": False})["admitted"] is False


@pytest.mark.parametrize(
    "words",
    [
        ["ticket"],
        ["ticket", "--room", "r", "--role", "king", "--name", "A"],
        ["ticket", "--room", "a b", "--role", "doctor", "--name", "A"],
        ["ticket", "--room", "r", "--role", "doctor", "--name", ""],
        ["ticket", "--room", "r", "--role", "doctor", "--name", "A", "--waiting"],
        ["serve", "--nonsense"],
        ["keys", "lose"],
        ["nonsense"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [[], ["serve"], ["demo"], ["ticket"], ["keys"], ["keys", "rotate"], ["check-config"]],
    ids=" ".join,
)
def test_there_is_help_everywhere(words: list[str]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


@pytest.mark.parametrize("command", ["serve", "demo", "check-config"])
@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("HTTP_PORT", "eighty", 2),
        ("CONFIG", "nowhere.toml", 2),
        ("REDIS_URL", "http://:hunter2@cache", 1),
        ("HTTP_HOST", "0.0.0.0", 1),
    ],
)
def test_bad_settings_are_named_and_end_with_a_status(
    monkeypatch: pytest.MonkeyPatch, command: str, name: str, value: str, status: int
) -> None:
    monkeypatch.setenv(f"TELECONSULT_{name}", value)
    result = run(command)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.startswith("teleconsult: ")
    assert (value if name == "CONFIG" else name) in result.stderr
    assert "hunter2" not in result.stderr


def test_walk_in_is_refused_off_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECONSULT_HTTP_HOST", "0.0.0.0")
    monkeypatch.setenv("TELECONSULT_BEHIND_TLS_PROXY", "true")
    result = run("serve", "--walk-in")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "WALK_IN" in result.stderr


def test_check_config_prints_toml_that_it_reads_again(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('http_port = 1\nnode_id = "n"\nannounced_addresses = ["203.0.113.1"]\n')
    first = run("check-config", "--config", str(path)).stdout
    path.write_text(first)
    assert tomllib.loads(first)["ANNOUNCED_ADDRESSES"] == ["203.0.113.1"]
    assert run("check-config", "--config", str(path)).stdout == first


def test_check_config_hides_secrets(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[ice_servers]]\nurls = ["turn:t.example"]\nusername = "u"\ncredential = "hunter2"\n')
    result = run("check-config", "--config", str(path))
    assert result.exit_code == 0
    assert "turn:t.example" in result.stdout
    assert "hunter2" not in result.output


def test_a_variable_that_sets_nothing_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECONSULT_HTP_PORT", "1")
    result = run("check-config")
    assert (result.exit_code, "TELECONSULT_HTP_PORT sets nothing" in result.stderr) == (0, True)


def test_keys_are_rotated_and_listed() -> None:
    run("ticket", "--room", "r", "--role", "doctor", "--name", "A")
    new = run("keys", "rotate").stdout.strip()
    old_line, new_line = run("keys", "list").stdout.splitlines()
    assert "verifies until" in old_line
    assert new_line.startswith(new)
    assert new_line.endswith("signs")


def test_unusable_keys_end_with_1(tmp_path: Path) -> None:
    run("keys", "rotate")
    next((tmp_path / "data" / "keys").glob("*.pem")).chmod(0o644)
    result = run("ticket", "--room", "r", "--role", "doctor", "--name", "A")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "chmod 600" in result.stderr


def test_the_version_is_told() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "teleconsult")
