"""`teleconsult doctors`: what it prints, and that a mistake in the file costs nothing but words."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from media_server.cli import app
from media_server.records import FieldKeys, open_records
from tests.media_server.people import builders
from tests.media_server.people.builders import House, a_file

# The command line goes by the real clock: verified ten days ago, whenever that is.
RECENTLY = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
PEETERS, DUBOIS = (
    doctor | {"registry_verified_at": RECENTLY, "training_completed_on": RECENTLY}
    for doctor in (builders.PEETERS, builders.DUBOIS)
)


@dataclass
class Office:
    """An operator with a data folder and a file."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "doctors.csv"

    def run(self, *arguments: str, content: bytes | None = None) -> Result:
        if content is not None:
            self.file.write_bytes(content)
        environment: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("TELECONSULT_")
        }
        environment["TELECONSULT_DATA_DIR"] = str(self.folder)
        return CliRunner().invoke(app, ["doctors", *arguments], env=environment)

    def imported(self, content: bytes, *options: str) -> Result:
        return self.run("import", str(self.file), *options, content=content)

    def names(self) -> list[str]:
        return [doctor["name"] for doctor in json.loads(self.run("list", "--json").stdout)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 1, (result.exit_code, result.output)
    assert isinstance(result.exception, SystemExit)
    for word in words:
        assert word in result.stderr
    assert result.stdout == ""


def test_a_file_is_imported_and_listed(office: Office) -> None:
    result = office.imported(a_file(PEETERS, DUBOIS))
    assert (result.exit_code, result.stdout) == (0, "2 added, 0 updated, 0 unchanged\n")
    again = office.imported(a_file(PEETERS | {"languages": "nl"}, DUBOIS))
    assert again.stdout == "0 added, 1 updated, 1 unchanged\n"
    listed = office.run("list")
    assert listed.exit_code == 0
    assert "1-08290-59-004" in listed.stdout
    assert "Zoé Dubois" in listed.stdout
    assert "80010100107" not in listed.stdout


def test_the_list_says_who_may_not_go_on_duty_and_why(office: Office) -> None:
    office.imported(a_file(PEETERS, DUBOIS | {"training_completed_on": ""}))
    peeters, dubois = json.loads(office.run("list", "--json").stdout)
    assert peeters == {
        "id": peeters["id"],
        "nihdi": "10829059004",
        "name": "Jan Peeters",
        "languages": ["nl", "fr"],
        "registry_verified_at": RECENTLY,
        "verified_by": "A. Janssens",
        "training_completed_on": RECENTLY,
        "on_duty": False,
        "why_not": [],
        "has_logged_in": False,
    }
    assert dubois["why_not"] == ["training-not-completed"]
    assert "may not go on duty: training-not-completed" in office.run("list").stdout


def test_a_dry_run_changes_nothing(office: Office) -> None:
    result = office.imported(a_file(PEETERS), "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "1 would be added, 0 would be updated, 0 unchanged\n")
    assert office.names() == []


def test_with_one_mistake_nothing_is_changed_and_every_mistake_is_told(office: Office) -> None:
    office.imported(a_file(PEETERS))
    wrong = DUBOIS | {"nihdi": "19234012004", "languages": "xx"}
    result = office.imported(a_file(PEETERS | {"given_name": "Johan"}, wrong))
    refused(result, "line 3: nihdi: ", "line 3: languages: ", "2 errors; nothing was changed")
    for quoted in ("19234012004", "Dubois", "xx"):
        assert quoted not in result.stderr
    assert office.names() == ["Jan Peeters"]


def test_many_mistakes_are_counted(office: Office) -> None:
    wrong = [DUBOIS | {"nihdi": "x"} for _ in range(200)]
    refused(office.imported(a_file(*wrong)), "100 errors and 299 more; nothing was changed")


def test_a_contradiction_to_who_is_here_is_told(office: Office) -> None:
    office.imported(a_file(PEETERS))
    twin = DUBOIS | {"national_number": PEETERS["national_number"]}
    refused(office.imported(a_file(twin)), "line 2: national_number: belongs to another doctor here")
    assert office.names() == ["Jan Peeters"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1: the header has to be nihdi,"),
        (a_file(PEETERS).replace(b"Peeters", b"Pe\xe9ters"), "line 2: is not UTF-8"),
        (a_file(PEETERS).decode().encode("utf-16"), "UTF-16"),
        (bytes(range(128, 256)) * 4, "line 1: is not UTF-8"),
        (b"x" * 1_000_000, "line 1: is longer than"),
    ],
    ids=["empty", "latin-1", "utf-16", "binary", "no line ends"],
)
def test_another_file_is_refused_in_one_line(office: Office, content: bytes, words: str) -> None:
    result = office.imported(content)
    refused(result, words)
    assert len(result.stderr.strip().splitlines()) == 1
    assert office.names() == []


def test_a_file_that_is_not_there_or_a_folder_is_wrong_usage(office: Office) -> None:
    for path in (office.folder / "nowhere.csv", office.folder):
        result = office.run("import", str(path))
        assert (result.exit_code, result.stdout) == (2, "")
        assert str(path) in result.stderr


def test_what_it_wrote_a_node_of_the_same_settings_reads(office: Office) -> None:
    office.imported(a_file(PEETERS))
    engine = open_records(f"sqlite:///{office.folder / 'records.sqlite'}")
    (doctor,) = House(engine, office.folder / "keys" / "fields").doctors.all()
    engine.dispose()
    assert doctor.details.name.reveal() == "Jan Peeters"
    assert FieldKeys.open(office.folder / "keys" / "fields").known()


def test_nothing_of_a_person_lies_readable_in_the_folder(office: Office) -> None:
    office.imported(a_file(PEETERS))
    office.file.unlink()
    content = b"".join(path.read_bytes() for path in office.folder.rglob("*") if path.is_file())
    assert b"10829059004" in content, "the number by which the public registry knows the doctor"
    for word in (b"Peeters", b"80010100107"):
        assert word not in content


def test_it_starts_without_the_media_plane(office: Office) -> None:
    office.file.write_bytes(a_file(PEETERS))
    watched = "aiortc", "sfu", "av"
    program = f"""
import sys
from media_server.cli import app
try:
    app(["doctors", "import", {str(office.file)!r}])
finally:
    print([name for name in {watched} if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TELECONSULT_DATA_DIR": str(office.folder)},
    )
    assert ran.stdout.splitlines() == ["1 added, 0 updated, 0 unchanged", "[]"]
