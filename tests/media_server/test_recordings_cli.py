"""`teleconsult recordings` and `keys generate`: what they print, and that bad input costs only a line."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from media_server.cli import app
from media_server.recording.catalogue import Catalogue, Entry
from media_server.recording.erasure import verify_receipt
from media_server.recording.identity import load_identity, make_identity_file
from media_server.records import open_records, sqlite_url
from tests.age_tool import opened_with_age
from tests.media_server.recording.builders import BEGAN_US, NODE, Made, a_whole_one, begun


@dataclass
class House:
    """A data folder with one recording that has ended, and its custodian's identity beside it."""

    data: Path
    identity: Path
    made: Made

    def run(self, *arguments: str) -> Result:
        environment = {name: None for name in os.environ if name.startswith("TELECONSULT_")}
        return CliRunner().invoke(
            app, ["recordings", *arguments], env=environment | {"TELECONSULT_DATA_DIR": str(self.data)}
        )

    @property
    def id(self) -> str:
        return self.made.id

    def catalogue(self) -> Catalogue:
        return Catalogue(open_records(sqlite_url(self.data / "records.sqlite")))

    def files(self) -> dict[Path, bytes]:
        """Of recordings; the database keeps house by itself."""
        return {path: path.read_bytes() for path in self.data.rglob("*.a*") if path.is_file()}


def enter(house: House, made: Made, head: str | None) -> None:
    """Put a recording into the catalogue as the recorder does."""
    catalogue = house.catalogue()
    catalogue.register_key(made.signer.kid, made.signer.public_key, NODE)
    catalogue.add(
        Entry(
            id=made.id,
            room="room-1",
            node=NODE,
            policy="consented-recording",
            recipient="age1…",
            custodians=(),
            sealed_key=made.sealed_key,
            started_at_us=BEGAN_US,
        )
    )
    if head is not None:
        totals = made.journal.totals
        catalogue.close(
            made.id, BEGAN_US + 9_000_000, "stopped", head, totals.segments, totals.packets, totals.bytes
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    identity = tmp_path / "custodian.key"
    make_identity_file(identity)
    data = tmp_path / "data"
    made, head = a_whole_one(data / "recordings", load_identity(identity)[0])
    house = House(data, identity, made)
    enter(house, made, head)
    return house


def refused(result: Result, *words: str) -> None:
    """Status 1, one line that says why, and no trace of a bug."""
    assert result.exit_code == 1, (result.exit_code, result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


# --- What they are for ---


def test_list_shows_what_there_is(house: House) -> None:
    result = house.run("list")
    assert result.exit_code == 0
    assert house.id in result.stdout
    assert "closed" in result.stdout
    (entry,) = json.loads(house.run("list", "--json").stdout)
    assert (entry["id"], entry["state"], entry["segments"], entry["packets"]) == (house.id, "closed", 4, 35)
    assert "sealed_key" not in entry


def test_where_nothing_was_recorded_there_is_nothing_to_list(house: House, tmp_path: Path) -> None:
    empty = replace(house, data=tmp_path / "empty")
    assert (empty.run("list").exit_code, empty.run("list").stdout) == (0, "")
    assert not empty.data.exists()
    refused(empty.run("verify", house.id), "nothing has been recorded")


def test_verify_says_that_it_is_sound_and_which_gaps_there_are(house: House) -> None:
    result = house.run("verify", house.id)
    assert result.exit_code == 0
    assert "sound" in result.stdout
    assert "mute, track 1" in result.stdout


def test_verify_names_what_is_wrong_and_where(house: House) -> None:
    segment = house.made.folder / "000002.age"
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    result = house.run("verify", house.id)
    assert result.exit_code == 1
    assert "segment 000002.age" in result.stdout


def test_a_recording_under_way_is_open(house: House) -> None:
    running = begun(house.data / "recordings")
    enter(house, running, None)
    result = house.run("verify", running.id)
    assert result.exit_code == 1
    assert "OPEN" in result.stdout


def test_key_lets_any_age_open_a_segment(house: House, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed.age"
    assert house.run("key", house.id, "-o", str(sealed)).exit_code == 0
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    opened = opened_with_age(opened_with_age(house.identity, sealed), house.made.folder / "000001.age")
    assert b"payload 0" in opened


def test_erase_prints_a_receipt_and_then_nothing_opens_it(house: House, tmp_path: Path) -> None:
    result = house.run("erase", house.id, "--yes")
    assert result.exit_code == 0
    receipt = result.stdout.strip()
    assert verify_receipt(receipt, house.catalogue().verifying_keys()).recording == house.id
    for path in house.data.rglob("*"):
        assert not path.is_file() or house.made.sealed_key not in path.read_bytes()
    film = tmp_path / "film.mkv"
    refused(house.run("export", house.id, "--identity", str(house.identity), "-o", str(film)), "erased")
    refused(house.run("key", house.id, "-o", str(film)), "erased")
    assert not film.exists()
    assert house.run("verify", house.id).exit_code == 0  # still nobody has touched it
    assert house.run("erase", house.id, "--yes").stdout.strip() == receipt


def test_erasing_one_under_way_says_that_it_goes_on(house: House) -> None:
    running = begun(house.data / "recordings")
    enter(house, running, None)
    result = house.run("erase", running.id, "--yes")
    assert (result.exit_code, "has not ended" in result.stderr) == (0, True)
    assert house.catalogue().get(running.id).sealed_key is None
    assert "has not ended" not in house.run("erase", house.id, "--yes").stderr


def test_erase_asks_first(house: House) -> None:
    result = house.run("erase", house.id)
    assert result.exit_code == 1
    assert house.catalogue().get(house.made.id).sealed_key is not None


def test_generate_makes_an_identity_that_age_reads_and_prints_its_recipient(tmp_path: Path) -> None:
    path = tmp_path / "custodian.key"
    result = CliRunner().invoke(app, ["keys", "generate", "-o", str(path)])
    assert result.exit_code == 0
    assert load_identity(path)[0].recipient == result.stdout.strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    refused(CliRunner().invoke(app, ["keys", "generate", "-o", str(path)]), "exists already")
    assert path.read_bytes() == before


# --- Bad input ---


@pytest.mark.parametrize(
    "id_", ["../../etc/passwd", "x", "unknown-unknown-unknown", "", "é" * 20, "a\0b" * 6]
)
@pytest.mark.parametrize("command", ["verify", "export", "erase", "key"])
def test_an_unknown_or_hostile_id_is_refused(house: House, tmp_path: Path, command: str, id_: str) -> None:
    out = tmp_path / "out"
    options = {
        "verify": [],
        "export": ["--identity", str(house.identity), "-o", str(out)],
        "erase": ["--yes"],
        "key": ["-o", str(out)],
    }[command]
    before = house.files()
    refused(house.run(command, id_, *options), "recording")
    assert house.files() == before
    assert not out.exists()


def export(house: House, out: Path, identity: Path | None = None) -> Result:
    return house.run("export", house.id, "--identity", str(identity or house.identity), "-o", str(out))


def test_a_wrong_identity_opens_nothing(house: House, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    make_identity_file(other)
    refused(export(house, tmp_path / "film.mkv", other), "another identity")
    assert not (tmp_path / "film.mkv").exists()


def test_an_identity_that_others_can_read_is_refused(house: House, tmp_path: Path) -> None:
    house.identity.chmod(0o644)
    refused(export(house, tmp_path / "film.mkv"), "chmod 600")


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff\x00", b"AGE-SECRET-KEY-1WRONG\n"])
def test_a_file_without_an_identity_is_refused_and_not_quoted(
    house: House, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "bad.key"
    bad.write_bytes(content)
    bad.chmod(0o600)
    result = export(house, tmp_path / "film.mkv", bad)
    refused(result, "bad.key")
    assert "WRONG" not in result.stderr
    refused(export(house, tmp_path / "film.mkv", tmp_path / "missing.key"), "missing.key")


def test_an_output_that_exists_is_not_overwritten(house: House, tmp_path: Path) -> None:
    out = tmp_path / "film.mkv"
    out.write_bytes(b"somebody else's")
    refused(house.run("key", house.id, "-o", str(out)), "exists")
    refused(export(house, out), "exists")
    refused(
        house.run(
            "export", house.id, "--identity", str(house.identity), "-o", str(out), "--layout=side-by-side"
        ),
        "exists",
    )
    assert out.read_bytes() == b"somebody else's"


def test_a_damaged_or_half_written_manifest_is_not_exported(house: House, tmp_path: Path) -> None:
    content = house.made.manifest.read_bytes()
    for spoilt in (content[:-30], content[: len(content) // 2], b"", b"{}\n" + content):
        house.made.manifest.write_bytes(spoilt)
        refused(export(house, tmp_path / "film.mkv"), "does not verify")
    assert not (tmp_path / "film.mkv").exists()


def test_another_recording_s_manifest_is_refused(house: House, tmp_path: Path) -> None:
    foreign, _ = a_whole_one(tmp_path / "foreign")
    house.made.manifest.write_bytes(foreign.manifest.read_bytes())
    refused(export(house, tmp_path / "film.mkv"), "does not verify")


def test_a_database_that_is_none_is_named(house: House) -> None:
    for path in house.data.glob("records.sqlite*"):
        path.unlink()
    (house.data / "records.sqlite").write_bytes(b"no database at all" * 100)
    refused(house.run("list"), "records")


def test_the_commands_start_without_the_media_plane(house: House) -> None:
    watched = "aiortc", "sfu", "av"
    program = f"""
import sys
from media_server.cli import app
try:
    app(["recordings", "verify", {house.id!r}])
finally:
    print([name for name in {watched} if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TELECONSULT_DATA_DIR": str(house.data)},
    )
    assert "sound" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "[]"
