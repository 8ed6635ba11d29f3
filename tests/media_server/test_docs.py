"""What the documents list is all that there is: commands, and the codes of refusals."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from media_server import problems
from media_server.cli import app

DOCS = Path(__file__).parents[2] / "docs"
COMMAND: Any = typer.main.get_command(app)


def commands(of: Any, *name: str) -> Iterator[tuple[str, ...]]:
    """The words of each, without those of groups."""
    within = getattr(of, "commands", None)
    if within is None:
        yield name
    for key, each in (within or {}).items():
        yield from commands(each, *name, key)


def test_every_command_is_in_the_operators_table() -> None:
    chapter = (DOCS / "operations.md").read_text("utf-8").partition("## Commands")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `teleconsult .*$", chapter, re.MULTILINE)
    named = [set(re.findall(r"[a-z][a-z-]+", row)) for row in rows]
    assert [name for name in commands(COMMAND) if not any(set(name) <= row for row in named)] == []


def test_the_help_of_recordings_names_all_that_is_done_with_them() -> None:
    recordings = COMMAND.commands["recordings"]
    assert [name for name in recordings.commands if name not in recordings.help] == []


def test_every_code_of_a_refusal_is_in_the_documents_table() -> None:
    ours = {wire.code for _, wire in problems._TABLE} | set(problems._CODES.values())
    rows = re.findall(r"^\| [0-9o].*$", (DOCS / "api.md").read_text("utf-8"), re.MULTILINE)
    assert ours | {"http-error", "internal"} <= set(re.findall(r"`([a-z-]+)`", "\n".join(rows)))
