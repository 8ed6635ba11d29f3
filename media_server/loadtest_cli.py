"""`teleconsult loadtest`: the load tester's own command, and what signs tickets of a deployment for it."""

from pathlib import Path

import typer

from auth import LONGEST_SESSION_S, LONGEST_TICKET_S, AuthError, KeyRing, Private, Role, TicketIssuer


def loadtest(context: typer.Context) -> None:
    """Hold calls on a server as patients and doctors do, and report what they felt."""
    # It stands outside the server, and takes a second to import.
    from loadtest import command

    def make_mint(folder: Path) -> command.Mint:
        issuer = TicketIssuer(_keys(folder))

        def mint(room: str, role: str, name: str, waiting: bool) -> str:
            return issuer.issue(room=room, role=Role(role), name=Private(name), admitted=not waiting)

        return mint

    command.run(context.args, make_mint)


def _keys(folder: Path) -> KeyRing:
    """Those of a data folder, or of its `keys` folder. Raises ValueError: a load test makes no keys."""
    keys = folder / "keys" if (folder / "keys").is_dir() else folder
    if not any(keys.glob("*.pem")):
        raise ValueError(f"there are no keys in {keys}; give the deployment's DATA_DIR")
    try:
        return KeyRing.open(keys, longest_life_s=max(LONGEST_TICKET_S, LONGEST_SESSION_S))
    except (AuthError, OSError):
        raise ValueError(f"the keys in {keys} cannot be read") from None
