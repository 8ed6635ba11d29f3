"""What all commands have in common: the option for settings, and how an error becomes an exit status."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from auth import AuthError
from media_server.errors import ApplicationError, BadSettings
from media_server.settings import Settings, load, unknown_variables

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="TOML file of settings; else TELECONSULT_CONFIG, else ./teleconsult.toml if there is one.",
        show_default=False,
    ),
]


def load_settings(config: Path | None, **overrides: Any) -> Settings:
    settings = load(config, **overrides)
    for name in unknown_variables(os.environ):
        typer.echo(f"teleconsult: warning: {name} sets nothing", err=True)
    return settings


@contextmanager
def reporting() -> Iterator[None]:
    """Errors made on purpose become one line and an exit status; others are bugs and keep their trace."""
    try:
        yield
    except BadSettings as error:
        wrong_usage(str(error))
    except (ApplicationError, AuthError) as error:
        typer.echo(f"teleconsult: {error}", err=True)
        raise typer.Exit(1) from None


def wrong_usage(text: str) -> NoReturn:
    typer.echo(f"teleconsult: {text}", err=True)
    raise typer.Exit(2) from None


def counted(count: int, one: str, several: str | None = None) -> str:
    """Such as "1 field" and "2 fields"; `several` where that is more than an s."""
    return f"{count} {one}" if count == 1 else f"{count} {several or one + 's'}"


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere; what is yielded takes shares from 0 to 1."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def moment(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
