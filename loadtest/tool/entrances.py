"""Where a load test's tickets come from: the walk-in entrance, the deployment's own keys, or a command."""

import asyncio
import json
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import aiohttp
from yarl import URL

from loadtest.errors import code_of
from loadtest.tickets import Ticket
from loadtest.tool.errors import TicketFailed

SLOWEST_S = 10.0
LONGEST_LINE = 300
"""Of what a command says on standard error, in characters: a longer one is not shown."""
SECRET = re.compile(r"[\w\-.+/=~]{24,}|pass(?:word|phrase|wd)|secret|token|bearer|private key", re.IGNORECASE)
"""What looks like a ticket or a key, or speaks of one."""
PLACEHOLDER = re.compile(r"(?<![${])\{[a-z_]+\}")
NAMES = {"doctor": "Load test doctor", "patient": "Load test patient", "guest": "Load test guest"}
FILLED_IN = ("room", "role", "name", "url")

Mint = Callable[[str, str, str, bool], str]
"""(room, role, name, waiting) to a ticket, signed with the deployment's keys."""

MakeMint = Callable[[Path], Mint]
"""Opens the keys of a folder. Raises ValueError, whose text is a sentence, when there are none."""


@dataclass(frozen=True, slots=True)
class OneTicket:
    url: str
    ticket: str


class Entrance(Protocol):
    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        """For one join, at the server that this entrance is for. Raises TicketFailed."""
        ...


def signal_url(origin: str) -> str:
    """The signalling WebSocket of a server (protocol §2)."""
    url = URL(origin)
    return str(url.with_scheme("wss" if url.scheme == "https" else "ws").with_path("/v1/signal"))


class WalkIn:
    """Asks the server itself, where it lets people in without a login."""

    def __init__(self, http: aiohttp.ClientSession, origin: str) -> None:
        self._http = http
        self._url = f"{origin}/v1/walk-in/ticket"

    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        """Whether who comes waits is the server's setting (WALK_IN_ADMITTED), not ours."""
        body = {"role": role, "room": room, "name": NAMES[role]}
        try:
            async with asyncio.timeout(SLOWEST_S), self._http.post(self._url, json=body) as response:
                if response.status != 200:
                    raise TicketFailed(f"http {response.status}")
                fields = await response.json()
            return OneTicket(str(fields["url"]), str(fields["ticket"]))
        except TimeoutError as error:
            raise TicketFailed("not in time") from error
        except (aiohttp.ClientError, ValueError, KeyError, TypeError) as error:
            raise TicketFailed(code_of(error)) from error


class Minted:
    """Signs them here, as `teleconsult ticket` does."""

    def __init__(self, mint: Mint, origin: str) -> None:
        self._mint = mint
        self._url = signal_url(origin)

    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        return OneTicket(self._url, self._mint(room, role, NAMES[role], waiting))


class Command:
    """Runs a command for each; it prints the bare ticket, or JSON with `ticket` and `url`.

    In its words `{room}`, `{role}`, `{name}` and `{url}` are replaced; no shell reads them.
    """

    def __init__(self, command: str, origin: str) -> None:
        """Raises ValueError for unbalanced quotes, nothing, or an unknown placeholder."""
        self._words: Sequence[str] = shlex.split(command)
        if not self._words:
            raise ValueError("an empty command")
        known = [f"{{{name}}}" for name in FILLED_IN]
        unknown = [each for each in PLACEHOLDER.findall(command) if each not in known]
        if unknown:
            raise ValueError(f"{unknown[0]} is not filled in, only {', '.join(known)}")
        self._origin = origin

    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        given = dict(zip(FILLED_IN, (room, role, NAMES[role], self._origin), strict=True))
        words = []
        for word in self._words:
            for name, value in given.items():
                word = word.replace(f"{{{name}}}", value)
            words.append(word)
        if waiting:
            words.append("--waiting")
        return self._read(await _output(words))

    def _read(self, printed: str) -> Ticket:
        if not printed.startswith("{"):
            return OneTicket(signal_url(self._origin), printed)
        try:
            fields = json.loads(printed)
            return OneTicket(str(fields.get("url", signal_url(self._origin))), str(fields["ticket"]))
        except (ValueError, KeyError) as error:
            raise TicketFailed("the command printed neither a ticket nor JSON with one") from error


async def _output(words: Sequence[str]) -> str:
    with tempfile.TemporaryFile() as aside:  # no pipe: what stays in the background may hold it open
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=aside,
            )
        except OSError as error:
            why = (error.strerror or "no process").lower()
            raise TicketFailed(f"the command does not start: {why}") from error
        try:
            async with asyncio.timeout(SLOWEST_S):
                printed, _ = await process.communicate()
        except TimeoutError as error:
            raise TicketFailed("the command took too long", _told(aside)) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise TicketFailed(f"the command ended with {process.returncode}", _told(aside))
        if not printed.strip():
            raise TicketFailed("the command printed nothing", _told(aside))
    return printed.decode(errors="replace").strip()


def _told(aside: IO[bytes]) -> str:
    """The last that a command wrote on standard error, as a sentence; nothing of it that may be a secret."""
    size = aside.seek(0, os.SEEK_END)
    aside.seek(max(0, size - 10 * LONGEST_LINE))
    lines = aside.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    said = "".join(character for character in last if character.isprintable())
    if not said:
        return ""
    if len(said) > LONGEST_LINE or SECRET.search(said):
        return f" It wrote {size} bytes on standard error: run it by hand to see them."
    return f" On standard error it wrote: {said}"
