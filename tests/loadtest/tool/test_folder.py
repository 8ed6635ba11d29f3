"""Where a report goes: whole or not at all, and nothing is left of a test that did not begin."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtest.results import read_report
from loadtest.tool.errors import WrongUsage
from loadtest.tool.folder import out_folder, write_report
from tests.loadtest.report.reports import a_report


@contextmanager
def files_no_longer_than(length: int) -> Iterator[None]:
    """As on a disk that is full: what is longer can be written up to there only."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_report_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("before")
    assert write_report(a_report(), None, tmp_path) is None
    assert read_report((tmp_path / "report.json").read_text()) == a_report()
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
    assert len(contents(tmp_path)) == 2


@pytest.mark.parametrize("first", ["report.json", "report.html"])
def test_on_a_full_disk_the_report_before_stays_whole(tmp_path: Path, first: str) -> None:
    """Whichever of the two files it is that does not fit."""
    assert write_report(a_report(), None, tmp_path) is None
    before = contents(tmp_path)
    fits = 0 if first == "report.json" else len(before["report.json"].encode())
    assert fits < len(before[first].encode())
    with files_no_longer_than(fits):
        error = write_report(a_report(), None, tmp_path)
    assert error is not None
    assert contents(tmp_path) == before


def test_folders_are_made_and_what_stays_empty_goes_again(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"

    def interrupted() -> None:
        with out_folder(out):
            assert out.is_dir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert contents(tmp_path) == {}
    with out_folder(out):
        (out / "report.json").write_text("{}")
    assert contents(out) == {"report.json": "{}"}


def test_a_folder_that_was_there_before_stays(tmp_path: Path) -> None:
    with out_folder(tmp_path):
        pass
    assert tmp_path.is_dir()


@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_a_folder_in_the_place_of_a_report_is_told_before_the_test(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(WrongUsage, match=f"{name} is a folder there"), out_folder(tmp_path):
        pytest.fail("nothing may begin")


def test_a_file_in_the_place_of_the_folder_is_told_before_the_test(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(WrongUsage, match="nothing can be written there"), out_folder(tmp_path / "out"):
        pytest.fail("nothing may begin")
