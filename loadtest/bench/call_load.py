"""The seam to a native traffic generator: who joined here hands over socket and keys, it does the rest.

`call_load` gets one line of JSON on stdin (keys never in arguments), with inherited sockets by number:

    {"warm_up_s": 2, "window_s": 10, "participants": [
      {"fd": 7, "profile": "SRTP_AEAD_AES_128_GCM", "send_key": "<hex, key and salt>", "receive_key": "<hex>",
       "stun_username": "server:client", "stun_password": "…", "video_bps": 1200000, "frames_per_s": 30,
       "streams": [{"kind": "video", "ssrc": 1, "payload_type": 96, "mid": "1"}]}]}

It sends audio (50 packets/s, 100 bytes of payload), video (bursts of 1150 bytes) and header extensions mid
(1), audio level (2) and transport-wide numbers (3), stamped as loadtest/synthetic_media.py does; a binding
request each 4 s; a key frame on PLI. It prints three lines of JSON: {"window": "open"}, {"window": "closed"},
and its figures {"p50_ms": …, "p99_ms": …, "sent": …, "received": …, "lost": …, "busy": share of its core}.
It ends with stdin.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtest.bench.forwarding import CRATE, Unavailable
from loadtest.media_socket import Handover

LINE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    p50_ms: float
    p99_ms: float
    received: int
    lost: int
    busy: float


def program() -> Path | None:
    """Where the native generator is, if it is: TELECONSULT_CALL_LOAD, or beside the data plane's programs."""
    path = Path(os.environ.get("TELECONSULT_CALL_LOAD", CRATE / "target" / "release" / "call_load"))
    return path if path.exists() else None


class CallLoad:
    """A run of the program; an async context manager that starts and ends it."""

    def __init__(
        self,
        program: str,
        participants: Sequence[Handover],
        *,
        warm_up_s: float = 2.0,
        window_s: float = 10.0,
    ) -> None:
        self._program = program
        self._participants = participants
        self._order = {"warm_up_s": warm_up_s, "window_s": window_s}
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[participant.fd for participant in self._participants],
        )
        assert self._process.stdin is not None
        order = {
            **self._order,
            "participants": [participant.described() for participant in self._participants],
        }
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def window_opened(self) -> None:
        await self._line()

    async def window_closed(self) -> Result:
        """The figures of the window; returns as soon as it has closed. Raises Unavailable."""
        await self._line()
        figures = await self._line()
        try:
            return Result(
                figures["p50_ms"], figures["p99_ms"], figures["received"], figures["lost"], figures["busy"]
            )
        except KeyError as error:
            raise Unavailable("call_load printed no figures") from error

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(LINE_TIMEOUT_S):
                line = await self._process.stdout.readline()
            parsed: dict[str, Any] = json.loads(line)
        except (TimeoutError, ValueError) as error:
            raise Unavailable("call_load said nothing that can be read") from error
        return parsed
