"""A server that records, calls of synthetic participants on it, and what a custodian finds on its disk.

async with a_recording_server(folder) as server:
    async with server.call() as call:
        await call.record()
        ...
        recording = await call.stop()
    assert server.verify(recording).returncode == 0
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from loadtest.bench.sending import Sending
from loadtest.lean import LeanParticipant
from loadtest.media_socket import Traffic
from loadtest.server_process import SERVE, ServerProcess, running_server
from media_server.cli import app
from media_server.recording import Gap, Segment, SignedLine, Stop, parse_line, parse_manifest
from media_server.recording.format import Record, read_segment

PATIENCE_S = 60.0  # on a busy machine
LOOK_S = 0.02
# Enough to see whole pictures lost and found, little enough for two cores.
TRAFFIC = Traffic(video_bps=400_000, frames_per_s=15)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command ended with."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server keeps its things, and the identity of who may open its recordings."""

    data: Path
    identity: Path
    recipient: str

    @classmethod
    def make(cls, folder: Path) -> "Place":
        identity = folder / "custodian.key"
        made = _run("keys", "generate", "-o", str(identity))
        assert made.returncode == 0, made.stderr
        return cls(folder / "data", identity, made.stdout.strip())

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DATA_DIR": str(self.data),
            "POLICY": "consented-recording",
            "RECORDING_CUSTODIANS": self.recipient,
            "NODE_ID": "node-under-test",
        }

    def teleconsult(self, *arguments: str) -> Said:
        """The command line with this place's settings."""
        return _run(*arguments, settings=self.settings)

    def recordings(self) -> list[str]:
        """Ids, oldest first."""
        listed = self.teleconsult("recordings", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return [entry["id"] for entry in json.loads(listed.stdout)]

    def lines(self, recording: str) -> list[SignedLine]:
        return parse_manifest((self.data / "recordings" / recording / "manifest.jsonl").read_bytes())

    def whole_lines(self, recording: str) -> list[SignedLine]:
        """Those of a manifest that is being written: the last one may not be there yet as a whole."""
        *whole, _ = (self.data / "recordings" / recording / "manifest.jsonl").read_bytes().split(b"\n")
        return [parse_line(raw, position) for position, raw in enumerate(whole, 1)]

    def segments(self, recording: str) -> list[Segment]:
        return [line.line for line in self.whole_lines(recording) if isinstance(line.line, Segment)]

    def gaps(self, recording: str) -> list[Gap]:
        return [line.line for line in self.whole_lines(recording) if isinstance(line.line, Gap)]

    async def until_ended(self, recording: str) -> None:
        await until(lambda: isinstance(self.whole_lines(recording)[-1].line, Stop))

    def stop(self, recording: str) -> Stop:
        last = self.lines(recording)[-1].line
        assert isinstance(last, Stop), last
        return last

    def opened(self, recording: str) -> Iterator[tuple[Path, bytes]]:
        """Every sealed segment and what Debian's age finds in it."""
        folder = self.data / "recordings" / recording
        sealed = folder.parent.parent / f"{recording}.key.age"
        taken = self.teleconsult("recordings", "key", recording, "-o", str(sealed))
        assert taken.returncode == 0, taken.stderr
        opened = _age(["-d", "-i", str(self.identity), str(sealed)])
        for segment in sorted(folder.glob("*.age")):
            yield segment, _age(["-d", "-i", "-", str(segment)], opened)

    def records(self, recording: str) -> list[Record]:
        return [record for _, clear in self.opened(recording) for record in read_segment(clear)[1]]


def _age(arguments: list[str], given: bytes | None = None) -> bytes:
    return subprocess.run(["age", *arguments], input=given, check=True, capture_output=True).stdout


def _run(*arguments: str, settings: Mapping[str, str] | None = None) -> Said:
    """The command line in this process: a process for each command would cost more than what it does."""
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("TELECONSULT_")
    }
    environment |= {f"TELECONSULT_{name}": value for name, value in (settings or {}).items()}
    with ThreadPoolExecutor(1) as thread:  # a command may have an event loop of its own
        ended = thread.submit(CliRunner().invoke, app, arguments, env=environment).result()
    return Said(ended.exit_code, ended.stdout, ended.stderr)


class Call:
    """A doctor and a patient, both sending."""

    def __init__(self, place: Place, doctor: LeanParticipant, patient: LeanParticipant) -> None:
        self._place = place
        self.doctor = doctor
        self.patient = patient

    async def record(self) -> None:
        """Both agree; returns when it is being recorded."""
        await self.doctor.consent("recording", "granted")
        await self.patient.consent("recording", "granted")
        await self.doctor.recording("start")
        await self.until_recording("on")

    async def stop(self) -> str:
        """Returns the recording's id once it is whole on disk."""
        await self.doctor.recording("stop")
        await self.until_recording("off")
        return self._place.recordings()[-1]

    async def until_recording(self, state: str) -> None:
        await until(lambda: all(p.room.recording == state for p in (self.doctor, self.patient)))


async def until(true: Any, patience_s: float = PATIENCE_S) -> None:
    """Look again and again, until it is so. Raises TimeoutError."""
    async with asyncio.timeout(patience_s):
        while not true():  # noqa: ASYNC110  what is looked at tells nobody
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def a_recording_server(
    place: Place, settings: Mapping[str, str] | None = None, command: tuple[str, ...] = SERVE
) -> AsyncIterator[ServerProcess]:
    async with running_server(place.settings | dict(settings or {}), command=command) as server:
        yield server


@asynccontextmanager
async def a_call(
    server: ServerProcess, place: Place, *, room: str = "recorded", traffic: Traffic = TRAFFIC
) -> AsyncIterator[Call]:
    """Left also when the server is gone."""
    async with AsyncExitStack() as stack:
        people = []
        for role in ("doctor", "patient"):
            ticket = await server.ticket(role, room)
            participant = LeanParticipant(ticket.url, ticket.ticket, traffic=traffic)
            await participant.join()
            stack.push_async_callback(participant.close)
            people.append(participant)
        sending = await stack.enter_async_context(Sending())
        for participant in people:
            sending.start(participant)
        for participant in people:
            await participant.first_packet()
        yield Call(place, people[0], people[1])


def unix_us() -> int:
    return time.time_ns() // 1000
