"""`teleconsult recordings …`: what an operator and a custodian do with recordings. Starts and stops none.

What a script reads goes to standard output, words for people and progress to standard error. The libraries
are imported where a command begins: most of the command line needs none of them.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from media_server.cli_parts import Config, load_settings, moment, progress_bar, reporting

if TYPE_CHECKING:
    from media_server.recording.catalogue import Entry
    from media_server.recording.lines import Gap
    from media_server.recording.vault import Vault
    from media_server.recording.verification import Report

recordings_app = typer.Typer(
    help="Recordings: list, verify, export, erase, and the key that opens one.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The recording, as `recordings list` names it.")]
Identity = Annotated[
    Path, typer.Option("--identity", help="A custodian's identity file, as `keys generate` makes it.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to be made; never one that exists.")]


class Layout(Enum):
    TRACKS = "tracks"
    SIDE_BY_SIDE = "side-by-side"


@recordings_app.command("list")
def list_recordings(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: Config = None,
) -> None:
    """Show all recordings, oldest first: id, beginning, length, state, why it ended, packets, bytes."""
    with reporting():
        from media_server.recording.vault import recorded

        entries = recorded(load_settings(config))
        if as_json:
            typer.echo(json.dumps([_fields(entry) for entry in entries]))
        else:
            for entry in entries:
                typer.echo(_row(entry))


@recordings_app.command()
def verify(recording: Id, config: Config = None) -> None:
    """Check that a recording is complete and untouched. Needs no private key."""
    with reporting(), _vault(config) as vault:
        from media_server.recording.catalogue import NEVER_BEGUN
        from media_server.recording.verification import State

        entry = vault.entry(recording)
        if entry.reason == NEVER_BEGUN and vault.is_empty(entry):
            typer.echo("never begun: its server crashed before anything was recorded")
            return
        report = vault.report(entry)
        for gap in report.gaps:
            typer.echo(_gap(gap))
        for finding in report.findings:
            typer.echo(f"WRONG  {finding.place}: {finding.problem}")
        if report.state is State.OPEN:
            typer.echo(
                "OPEN   no stop: it is being recorded, or its server crashed and has not started again"
            )
        typer.echo(_sum(report))
        if report.findings or report.state is State.OPEN:
            raise typer.Exit(1)


@recordings_app.command()
def export(
    recording: Id,
    identity: Identity,
    output: Output,
    layout: Annotated[
        Layout, typer.Option("--layout", help="Every track as sent (Matroska), or one picture (MP4).")
    ] = Layout.TRACKS,
    config: Config = None,
) -> None:
    """Open a recording and make a film of it. Verifies it first."""
    with reporting(), _vault(config) as vault:
        from media_server.recording.export import export_matroska, export_side_by_side, open_recording

        entry = vault.entry(recording)
        opened = open_recording(
            vault.store, entry.id, vault.sound_lines(entry), vault.identity(entry, identity)
        )
        make = export_matroska if layout is Layout.TRACKS else export_side_by_side
        with progress_bar("Exporting") as progress:
            summary = make(opened, output, progress)
        for line in summary.lines():
            typer.echo(line)


@recordings_app.command()
def erase(
    recording: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    config: Config = None,
) -> None:
    """Destroy a recording's key, so that no copy can be opened any more, and print a signed receipt."""
    with reporting(), _vault(config) as vault:
        entry = vault.entry(recording)
        if not yes and entry.sealed_key is not None:
            typer.confirm("Nobody will ever be able to open it again. Erase it?", abort=True, err=True)
        erased = vault.erase(entry, time.time_ns() // 1000)
        if erased.again:
            typer.echo("It had been erased before; this is the receipt of then.", err=True)
        if entry.ended_at_us is None:
            typer.echo("It has not ended: what is still recorded of it cannot be opened either.", err=True)
        typer.echo(erased.receipt)


@recordings_app.command()
def key(recording: Id, output: Output, config: Config = None) -> None:
    """Write a recording's key, sealed to the custodians, so that any `age` can open its segments.

    `age -d -i custodian.key FILE | age -d -i - SEGMENT`
    """
    with reporting(), _vault(config) as vault:
        from media_server.recording.new_file import write_new_file

        write_new_file(output, vault.sealed_key(vault.entry(recording)))


@contextmanager
def _vault(config: Path | None) -> "Iterator[Vault]":
    from media_server.recording.vault import Vault

    with Vault.opened(load_settings(config)) as vault:
        yield vault


def _fields(entry: "Entry") -> dict[str, Any]:
    return {
        "id": entry.id,
        "room": entry.room,
        "node": entry.node,
        "policy": entry.policy,
        "state": entry.state.value,
        "reason": entry.reason,
        "started_at": entry.started_at_us / 1e6,
        "ended_at": None if entry.ended_at_us is None else entry.ended_at_us / 1e6,
        "recipient": entry.recipient,
        "custodians": list(entry.custodians),
        "segments": entry.segments,
        "packets": entry.packets,
        "bytes": entry.bytes,
    }


def _row(entry: "Entry") -> str:
    length = "" if entry.ended_at_us is None else _length((entry.ended_at_us - entry.started_at_us) / 1e6)
    parts = (
        entry.id,
        moment(entry.started_at_us / 1e6),
        f"{length:>8}",
        f"{entry.state.value:9}",
        f"{entry.reason or '':22}",
        f"{entry.packets:>9} packets",
        f"{entry.bytes / 2**20:8.1f} MiB",
    )
    return "  ".join(parts)


def _sum(report: "Report") -> str:
    parts = [f"{report.segments} segments", f"{report.packets} packets", f"{report.bytes} bytes"]
    parts.append(f"{len(report.gaps)} gaps")
    wrong = len(report.findings)
    verdict = "sound" if not wrong else f"{wrong} findings"
    return f"{report.state.value}, {', '.join(parts)}: {verdict}"


def _gap(gap: "Gap") -> str:
    who = "all tracks" if gap.label is None else f"track {gap.label}"
    until = "the end" if gap.until_us is None else f"{(gap.until_us - gap.from_us) / 1e6:.1f} s later"
    packets = "packets unknown" if gap.packets is None else f"{gap.packets} packets"
    return f"gap    {gap.cause.value}, {who}, from {moment(gap.from_us / 1e6)} to {until}, {packets}"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
