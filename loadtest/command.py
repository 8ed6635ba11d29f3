"""What `teleconsult loadtest` is, for the command line that has it among its commands."""

from collections.abc import Sequence
from typing import NoReturn

from loadtest.tool import MakeMint, Mint, main

__all__ = ["MakeMint", "Mint", "run"]


def run(arguments: Sequence[str], make_mint: MakeMint) -> NoReturn:
    """`make_mint` opens a deployment's keys, and gives what signs tickets with them."""
    main(arguments, make_mint)
