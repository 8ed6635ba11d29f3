"""`teleconsult records …` and `teleconsult purge`: what an operator does with the records.

What a script reads goes to standard output, words for people and progress to standard error. The libraries
are imported where a command begins: most of the command line needs none of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from media_server.cli_parts import Config, counted, load_settings, reporting
from media_server.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from media_server.records import FieldKeys
    from media_server.records.resealing import Resealed

records_app = typer.Typer(help="Records: check them, and rotate their keys.", no_args_is_help=True)


@records_app.command()
def verify(config: Config = None) -> None:
    """Check that nothing in the records was tampered with: audit log, consents, sealed fields."""
    with reporting(), _opened(config) as (engine, keys):
        from media_server.integrity import check

        with _progress("Opening sealed fields") as progress:
            found = check(engine, keys, progress)
        for finding in found.findings:
            typer.echo(finding)
        entries, consents = counted(found.entries, "audit entry", "audit entries"), found.consents
        typer.echo(f"{entries}, {counted(consents, 'consent')}; newest audit hash {found.newest}")
        if found.findings:
            raise typer.Exit(1)
        typer.echo("sound")


@records_app.command("rotate-key")
def rotate_key(
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Don't wait, and don't delete keys that seal nothing any more.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Make no new key: go on with a rotation that was broken off.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            "--settle", help="Seconds that running servers have to notice a new key; 0 if none runs.", min=0
        ),
    ] = 90.0,
    config: Config = None,
) -> None:
    """Make a new key for sealed fields, seal all of them with it, and delete the keys before it.

    Safe while servers run. What older copies of the records hold cannot be opened any more, once the keys are
    deleted: backups of both have to be younger, or kept with their keys.
    """
    with reporting(), _opened(config) as (engine, keys):
        from media_server.records import exclusively

        with exclusively(engine, "resealing") as ours:
            if not ours:
                typer.echo("teleconsult: somebody else is rotating the key just now", err=True)
                raise typer.Exit(1)
            _rotate(engine, keys, resume, None if keep_old else settle)


def purge(
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Write PostgreSQL's tables anew, too; nobody uses them meanwhile."),
    ] = False,
    config: Config = None,
) -> None:
    """Remove all content whose time has come, as the server does by itself every few minutes.

    Exit status 1 when the content of a consultation stays because its report has not reached the GP.
    """
    with reporting(), _records(config) as engine:
        reports_kept_us = int(load_settings(config).report_kept_days * 86_400e6)
        from media_server.purge import CONTENT, PURGING
        from media_server.purge import purge as remove
        from media_server.records import exclusively, scrub, tidy

        with exclusively(engine, PURGING) as ours:
            if not ours:
                typer.echo("teleconsult: a server is purging just now", err=True)
                raise typer.Exit(1)
            purged = remove(engine, _now_us(), reports_kept_us)
            (scrub if rewrite else tidy)(engine, CONTENT)
        for name, count in sorted(purged.counts.items()):
            typer.echo(f"{name.replace('_', ' ')} {count}")
        for consultation in purged.blocked:
            typer.echo(f"blocked by its report: {consultation}")
        if not (purged.counts or purged.blocked):
            typer.echo("nothing to remove: no content's time has come", err=True)
        if purged.blocked:
            raise typer.Exit(1)


def _rotate(engine: "Engine", keys: "FieldKeys", resume: bool, settle_s: float | None) -> None:
    from media_server.records.resealing import delete_unused

    if not resume:
        keys.rotate()
    typer.echo(f"key {keys.newest} seals")
    done = _reseal(engine, keys)
    fields, deleted = done.fields, tuple[str, ...]()
    if settle_s is not None:
        _wait("Waiting for running servers to notice", settle_s - keys.age_s(keys.newest))
        done = _reseal(engine, keys)
        fields += done.fields
        deleted = delete_unused(engine, keys, 0.0)  # we have waited
    _note(engine, fields, len(deleted))
    typer.echo(f"{counted(fields, 'field')} sealed again")
    for kid in deleted:
        typer.echo(f"key {kid} deleted")
    if done.unopened:
        unopened = counted(done.unopened, "field does", "fields do")
        typer.echo(f"{unopened} not open; `teleconsult records verify` names them")
        raise typer.Exit(1)


def _reseal(engine: "Engine", keys: "FieldKeys") -> "Resealed":
    from media_server.records.resealing import reseal

    with _progress("Sealing") as progress:
        return reseal(engine, keys, progress)


def _note(engine: "Engine", fields: int, deleted: int) -> None:
    from media_server.records import AuditEntry, append_audit, writing

    details = {"resealed": fields, "deleted_keys": deleted}
    with writing(engine) as connection:
        append_audit(
            connection,
            AuditEntry(_now_us(), "operator", "operator", "records.key-rotated", details=details),
        )


@contextmanager
def _opened(config: Path | None) -> "Iterator[tuple[Engine, FieldKeys]]":
    from media_server.records import FieldKeys

    settings = load_settings(config)
    with _records_of(settings) as engine:
        yield engine, FieldKeys.open(settings.field_keys_folder)


def _records(config: Path | None) -> "AbstractContextManager[Engine]":
    return _records_of(load_settings(config))


@contextmanager
def _records_of(settings: Settings) -> "Iterator[Engine]":
    from media_server.records import RecordsUnusable, open_records

    if settings.database_url is None and not settings.records_file.exists():
        raise RecordsUnusable(f"there are no records in {settings.data_dir}")  # looking must not make any
    engine = open_records(settings.records_url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _progress(what: str) -> "Iterator[Callable[[int, int], None]]":
    """A bar on a terminal, nothing elsewhere; what is yielded takes how many of how many."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _wait(what: str, seconds: float) -> None:
    ends = time.monotonic() + seconds
    with _progress(what) as progress:
        while (left := ends - time.monotonic()) > 0:
            progress(round(seconds - left), round(seconds))
            time.sleep(min(0.5, left))


def _now_us() -> int:
    return time.time_ns() // 1000
