"""The folder that a report is written to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loadtest.report import html_of
from loadtest.results import Report
from loadtest.tool.errors import WrongUsage

JSON, HTML = "report.json", "report.html"


@contextmanager
def out_folder(folder: Path | None) -> Iterator[None]:
    """Made and tried before the test, not after it; what of it is empty in the end goes again.

    Raises WrongUsage.
    """
    if folder is None:
        yield
        return
    missing = [each for each in (folder, *folder.parents) if not os.path.exists(each)]
    try:
        _make(folder)
        yield
    finally:
        for each in missing:
            with suppress(OSError):  # not empty, or never made
                each.rmdir()


def write_report(report: Report, earlier: Report | None, folder: Path) -> OSError | None:
    """Both files or neither, so that what was there before stays whole. Why not; None: they are."""
    contents = {JSON: report.to_json(), HTML: html_of(report, earlier)}
    fresh = {name: _beside(folder, name) for name in contents}
    try:
        for name, content in contents.items():
            with fresh[name].open("w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name, path in fresh.items():
            path.replace(folder / name)
    except OSError as error:
        return error
    finally:
        for path in fresh.values():
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return None


def _make(folder: Path) -> None:
    """Raises WrongUsage."""
    trial = _beside(folder, JSON)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_text("")
    except OSError as error:
        raise WrongUsage(f"--out {folder}: nothing can be written there ({error.strerror})") from None
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)
    for name in (JSON, HTML):
        if (folder / name).is_dir():
            raise WrongUsage(f"--out {folder}: {name} is a folder there")


def _beside(folder: Path, name: str) -> Path:
    """Where a file is written before it takes its place; two load testers may share the folder."""
    return folder / f".{name}.{os.getpid()}"
