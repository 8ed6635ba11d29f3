"""`teleconsult loadtest`: the load tester's own command, and what signs tickets of a deployment for it."""

from collections.abc import Callable
from pathlib import Path

import typer

from auth import LONGEST_SESSION_S, LONGEST_TICKET_S, AuthError, KeyRing, Private, Role, TicketIssuer


def loadtest(context: typer.Context) -> None:
    """Hold calls on a server as patients and doctors do, and report what they felt."""
    # It stands outside the server, and takes a second to import.
    from loadtest import command

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
    keys = folder / "keys" if (folder / "keys").is_dir() else folder
    if not any(keys.glob("*.pem")):
        raise ValueError(f"there are no keys in {keys}; give the deployment's DATA_DIR")
    try:
        return KeyRing.open(keys, longest_life_s=max(LONGEST_TICKET_S, LONGEST_SESSION_S))
    except (AuthError, OSError):
        raise ValueError(f"the keys in {keys} cannot be read") from None
