"""`teleconsult doctors …`: which doctors there are. They come from a file alone, never from a login.

What a script reads goes to standard output, words for people and progress to standard error. No error quotes
what stands in the file.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from media_server.cli_parts import Config, load_settings, moment, progress_bar, reporting, wrong_usage

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from media_server.people import Doctor, Doctors
    from media_server.people.doctors_file import DoctorsFile, LineError
    from media_server.records import FieldKeys

doctors_app = typer.Typer(help="Doctors: import them, list them.", no_args_is_help=True)

# Of the work as the bar shows it: reading the file, and the rest.
_READING = 0.4


@doctors_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header, UTF-8; see below.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
    config: Config = None,
) -> None:
    """Add the doctors of a file and update those who are here already; all of it or nothing.

    Columns: nihdi, national_number, family_name, given_name, languages (nl fr de en), registry_verified_at,
    verified_by, training_completed_on. Dates are YYYY-MM-DD. A doctor goes on duty only with the last three.
    Who is not in the file stays as they are.
    """
    with reporting(), _opened(config) as (engine, keys), progress_bar("Importing") as progress:
        from media_server.people.doctors_import import ConflictsWithRecords, import_doctors

        found = _read(file, lambda share: progress(share * _READING))
        if found.errors:
            _refuse(found.errors, found.unlisted)
        try:
            done = import_doctors(
                engine,
                keys,
                found.doctors,
                _now_us(),
                dry_run=dry_run,
                progress=lambda share: progress(_READING + share * (1 - _READING)),
            )
        except ConflictsWithRecords as conflict:
            _refuse(conflict.errors, 0)
    would = "would be " if dry_run else ""
    typer.echo(f"{done.added} {would}added, {done.updated} {would}updated, {done.unchanged} unchanged")


@doctors_app.command("list")
def list_doctors(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: Config = None,
) -> None:
    """Show all doctors: id, RIZIV/INAMI number, name, languages, whether on duty or why they may not be."""
    with reporting(), _opened(config) as (engine, keys):
        from media_server.people import Doctors

        doctors = Doctors(engine, keys, _now_us)
        everybody = doctors.all()
        if as_json:
            typer.echo(json.dumps([_fields(doctors, doctor) for doctor in everybody], ensure_ascii=False))
        else:
            for doctor in everybody:
                typer.echo(_row(doctors, doctor))


@contextmanager
def _opened(config: Path | None) -> "Iterator[tuple[Engine, FieldKeys]]":
    from media_server.records import FieldKeys, open_records

    settings = load_settings(config)
    engine = open_records(settings.records_url)
    try:
        yield engine, FieldKeys.open(settings.field_keys_folder)
    finally:
        engine.dispose()


def _read(path: Path, progress: Callable[[float], None]) -> "DoctorsFile":
    from media_server.people.doctors_file import read_doctors_file

    try:
        with path.open("rb") as file:
            return read_doctors_file(_lines(file, path.stat().st_size, progress), _today())
    except OSError as error:
        wrong_usage(f"{path}: {error.strerror}")


def _lines(file: BinaryIO, size: int, progress: Callable[[float], None]) -> Iterator[bytes]:
    """No longer than the reader takes, so that a file without line ends does not fill the memory."""
    from media_server.people.doctors_file import MOST_LINE_BYTES

    read = 0
    while line := file.readline(MOST_LINE_BYTES + 1):
        read += len(line)
        if size:
            progress(min(read / size, 1.0))
        yield line


def _refuse(errors: "list[LineError] | tuple[LineError, ...]", unlisted: int) -> None:
    for error in errors:
        typer.echo(str(error), err=True)
    more = f" and {unlisted} more" if unlisted else ""
    typer.echo(f"teleconsult: {len(errors)} errors{more}; nothing was changed", err=True)
    raise typer.Exit(1)


def _fields(doctors: "Doctors", doctor: "Doctor") -> dict[str, Any]:
    return {
        "id": doctor.id,
        "nihdi": doctor.nihdi.digits.reveal(),
        "name": doctor.details.name.reveal(),
        "languages": [language.value for language in doctor.languages],
        "registry_verified_at": _day(doctor.registry_verified_at_us),
        "verified_by": doctor.registry_verified_by,
        "training_completed_on": _day(doctor.training_completed_at_us),
        "on_duty": doctors.is_on_duty(doctor),
        "why_not": [reason.value for reason in doctors.may_go_on_duty(doctor)],
        "has_logged_in": doctor.has_logged_in,
    }


def _row(doctors: "Doctors", doctor: "Doctor") -> str:
    reasons = ", ".join(reason.value for reason in doctors.may_go_on_duty(doctor))
    duty = "on duty" if doctors.is_on_duty(doctor) else "off duty"
    parts = (
        doctor.id,
        doctor.nihdi.formatted.reveal(),
        f"{doctor.details.name.reveal():30}",
        f"{' '.join(language.value for language in doctor.languages):11}",
        f"may not go on duty: {reasons}" if reasons else duty,
    )
    return "  ".join(parts)


def _day(at_us: int | None) -> str | None:
    return None if at_us is None else moment(at_us / 1e6)[:10]


def _now_us() -> int:
    return time.time_ns() // 1000


def _today() -> date:
    return datetime.now(UTC).date()
