"""`teleconsult loadtest`: the load tester's own command, and what signs tickets of a deployment for it."""

import os
from collections.abc import Callable
from pathlib import Path

import typer

from auth import LONGEST_SESSION_S, LONGEST_TICKET_S, AuthError, KeyRing, Private, Role, TicketIssuer


def loadtest(context: typer.Context) -> None:
    """Hold calls on a server as patients and doctors do, and report what they felt."""
    # It stands outside the server, and takes a second to import.
    try:
        from loadtest import command
    except KeyboardInterrupt:
        typer.echo("teleconsult: It was stopped by Ctrl-C before it had begun.", err=True)
        raise typer.Exit(1) from None

    command.run(context.args, mint_from)


def mint_from(folder: Path) -> Callable[[str, str, str, bool], str]:
    """What signs tickets (room, role, name, waiting) with the keys of a data folder, or of its `keys` folder.

    Raises ValueError, whose text is a sentence, where there are none: a load test makes no keys.
    """
    issuer = TicketIssuer(_keys(folder))

    def mint(room: str, role: str, name: str, waiting: bool) -> str:
        admitted = not waiting or Role(role) is Role.DOCTOR
        return issuer.issue(room=room, role=Role(role), name=Private(name), admitted=admitted)

    return mint


def _keys(folder: Path) -> KeyRing:
    keys = folder
    try:
        keys = folder / "keys" if (folder / "keys").is_dir() else folder
        names = os.listdir(keys)
    except FileNotFoundError:
        raise ValueError(f"there is no folder {keys}") from None
    except NotADirectoryError:
        raise ValueError(f"{keys} is no folder") from None
    except OSError:
        raise ValueError(f"{keys} cannot be read") from None
    if not any(name.endswith(".pem") for name in names):
        raise ValueError(f"there are no keys in {keys}; give the deployment's DATA_DIR")
    try:
        return KeyRing.open(keys, longest_life_s=max(LONGEST_TICKET_S, LONGEST_SESSION_S))
    except (AuthError, OSError):
        raise ValueError(f"the keys in {keys} cannot be read") from None
