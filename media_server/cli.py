"""The command line: `teleconsult serve | demo | drain | ticket | keys | recordings | doctors | sessions |
itsme | records | purge | check-config`.

Exit status: 0 done, 1 refused or failed, 2 wrong usage, which includes settings that cannot be read. What a
script reads goes to standard output alone; logs and words for people go to standard error.
"""

import gc
import json
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from auth import (
    LONGEST_SESSION_S,
    LONGEST_TICKET_S,
    BadGrant,
    KeyRing,
    Private,
    Role,
    TicketIssuer,
)
from media_server.cli_parts import Config, load_settings, moment, reporting, wrong_usage
from media_server.doctors_cli import doctors_app
from media_server.loadtest_cli import loadtest
from media_server.login.settings import ItsmeEnvironment
from media_server.operations_cli import itsme_app, sessions_app
from media_server.recordings_cli import recordings_app
from media_server.records_cli import purge, records_app
from media_server.settings import Policy, Settings, effective

app = typer.Typer(
    name="teleconsult",
    help="Video consultations between patients and doctors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its pretty traces show local variables
)
keys_app = typer.Typer(
    help="The keys that sign tickets, and those that open recordings.", no_args_is_help=True
)
app.add_typer(keys_app, name="keys")
app.add_typer(recordings_app, name="recordings")
app.add_typer(records_app, name="records")
app.command("purge")(purge)
# The load tester reads its own options, and is imported only where somebody asks for it.
app.command(
    "loadtest",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(loadtest)
app.add_typer(doctors_app, name="doctors")
app.add_typer(sessions_app, name="sessions")
app.add_typer(itsme_app, name="itsme")


@app.callback(invoke_without_command=True)
def teleconsult(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    if show_version:
        typer.echo(f"teleconsult {_version()}")
        raise typer.Exit


@app.command()
def serve(
    config: Config = None,
    walk_in: Annotated[
        bool, typer.Option("--walk-in", help="Tickets without a login, for trying out; on loopback only.")
    ] = False,
    development: Annotated[
        bool,
        typer.Option("--development", help="Log in as test persons instead of with itsme; on loopback only."),
    ] = False,
) -> None:
    """Run the server until it is told to stop (SIGTERM, Ctrl-C)."""
    with reporting():
        chosen: dict[str, Any] = {"walk_in": True} if walk_in else {}
        if development:
            chosen["itsme_environment"] = ItsmeEnvironment.DEVELOPMENT
        settings = load_settings(config, **chosen)
        if settings.policy is Policy.CONSENTED_RECORDING and settings.recording_refused is not None:
            typer.echo(f"teleconsult: recording is off: {settings.recording_refused}", err=True)
        _run(settings)


@app.command()
def demo(
    config: Config = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", help="End after playing for so long.", min=1, show_default="never"),
    ] = None,
) -> None:
    """Run a server with a call on it between two built-in participants, who send a film; for a machine
    without a camera.
    """
    with reporting():
        settings = _demo_custodian(load_settings(config, walk_in=True, policy=Policy.CONSENTED_RECORDING))
        _run(settings, demo_s=seconds if seconds is not None else float("inf"))


@app.command()
def drain(config: Config = None) -> None:
    """Tell the server of this data folder to hand its rooms to other nodes and stop (SIGTERM)."""
    with reporting():
        from media_server.running import tell_to_drain

        typer.echo(f"told process {tell_to_drain(load_settings(config).data_dir)} to drain", err=True)


@app.command()
def ticket(
    room: Annotated[str, typer.Option("--room", help="The room's id.")],
    role: Annotated[Role, typer.Option("--role", help="What the participant may do.")],
    name: Annotated[str, typer.Option("--name", help="The name the others see.")],
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Has to be admitted by a doctor before any media flows.")
    ] = False,
    config: Config = None,
) -> None:
    """Print a ticket: the right to join one room once, within a minute."""
    with reporting():
        issuer = TicketIssuer(_keys(load_settings(config)))
        try:
            made = issuer.issue(room=room, role=role, name=Private(name), admitted=not waiting)
        except BadGrant as error:
            wrong_usage(str(error))
        typer.echo(made)


@keys_app.command("rotate")
def rotate_keys(config: Config = None) -> None:
    """Make a new key for tickets. Tickets signed before stay valid; a running server notices by itself."""
    with reporting():
        typer.echo(_keys(load_settings(config)).rotate())


@keys_app.command("list")
def list_keys(config: Config = None) -> None:
    """Show the keys for tickets, oldest first: id, when made, whether it signs or until when it verifies."""
    with reporting():
        for state in _keys(load_settings(config)).described():
            until = state.verifies_until_s
            use = "signs" if until is None else f"verifies until {moment(until)}"
            typer.echo(f"{state.kid}  made {moment(state.created_s)}  {use}")


@keys_app.command("generate")
def generate_identity(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to be made; keep it safe.")],
) -> None:
    """Make the identity of a custodian, who can open recordings; print its recipient for
    RECORDING_CUSTODIANS.

    Keep the file anywhere but on the server. Any `age` reads it.
    """
    with reporting():
        from media_server.recording.identity import make_identity_file

        typer.echo(make_identity_file(output))


@app.command("check-config")
def check_config(config: Config = None) -> None:
    """Check the settings and print the effective ones as TOML, with secrets hidden."""
    with reporting():
        settings = load_settings(config)
        for name, value in effective(settings).items():
            typer.echo(f"# {name} is not set" if value is None else f"{name} = {_toml(value)}")


def main() -> NoReturn:
    """The console script."""
    app()
    raise SystemExit(0)  # not reached: typer leaves by itself


def _run(settings: Settings, *, demo_s: float | None = None) -> None:
    gc.disable()  # nothing that is made until the node is ready is garbage
    # The media plane and its libraries take half a second to import: not for `ticket` or `--help`.
    from media_server import logs
    from media_server.app import serve_until_stopped

    logs.configure(settings.log_level)
    companion = None
    if demo_s is not None:
        from media_server.demo import companion_for

        companion = companion_for(demo_s)
    announce = _announcer(settings)

    def started(origin: str) -> None:
        gc.freeze()  # what is there now stays: no collection need look at it
        gc.enable()
        announce(origin)

    serve_until_stopped(settings, started=started, companion=companion)


def _demo_custodian(settings: Settings) -> Settings:
    """With somebody who can open what is recorded: an identity in the demo's folder, unless one is set."""
    if settings.recording_custodians:
        return settings
    from media_server.recording.identity import load_identity, make_identity_file

    path = settings.data_dir / "custodian.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_identity_file(path)
    typer.echo(f"recordings made here open with {path}")
    return settings.model_copy(update={"recording_custodians": (load_identity(path)[0].recipient,)})


def _announcer(settings: Settings) -> Callable[[str], None]:
    """What to do once the server is there, given its origin: say where to go, on a terminal in large."""

    def announce(origin: str) -> None:
        if not settings.walk_in and settings.itsme_environment is not ItsmeEnvironment.DEVELOPMENT:
            return
        if not sys.stdout.isatty():
            print(f"patient  {origin}/patient\ndoctor   {origin}/doctor", flush=True)  # noqa: T201
            return
        from rich.console import Console
        from rich.panel import Panel

        Console().print(
            Panel(
                f"  patient   [bold link={origin}/patient]{origin}/patient[/]\n"
                f"  doctor    [bold link={origin}/doctor]{origin}/doctor[/]",
                title="Teleconsult: open these in two tabs",
                subtitle="Ctrl-C ends it",
                expand=False,
                padding=(1, 3),
            )
        )

    return announce


def _keys(settings: Settings) -> KeyRing:
    # As the server has it: by a shorter life, a rotation would delete keys that people are logged in by.
    longest_s = max(LONGEST_TICKET_S, LONGEST_SESSION_S)
    return KeyRing.open(settings.keys_folder, longest_life_s=longest_s)


def _toml(value: Any) -> str:
    """A value as TOML writes it on one line; JSON's strings, numbers, booleans and arrays are TOML too."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(each)}" for key, each in value.items() if each is not None)
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _version() -> str:
    try:
        return version("teleconsult")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    main()
