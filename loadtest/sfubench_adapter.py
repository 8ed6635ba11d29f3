"""Teleconsult as one of the servers of `sfubench`, which holds several to the same clients and packets.

It runs inside that harness: copied beside the harness's own adapters as `sfubench/adapters/teleconsult.py`,
and run by an interpreter that has Teleconsult's dependencies. Options (`--opt KEY=VALUE`): repository=FOLDER
(else TELECONSULT_REPOSITORY, else the current folder), and any setting of the server by its name, for example
WORKERS=1.
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from sfubench import sdp
from sfubench.adapters.base import Base

READY_TIMEOUT_S = 60.0
POLL_S = 0.05
REQUEST_TIMEOUT_S = 20.0
SUBPROTOCOL = "teleconsult.v1.json"
SOURCES = {"audio": "microphone", "video": "camera"}

Stream = dict[str, Any]
Message = dict[str, Any]


class Refused(RuntimeError):
    """The server answered a request with an error."""


class Peer:
    """One participant: its WebSocket, its one transport for both directions, and what it published."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.transport: Any = None
        self.sections: list[list[str]] = []
        self.tracks: list[tuple[str, str]] = []  # (kind, track id)
        self.pending: dict[int, asyncio.Future[Message]] = {}
        self.ids = itertools.count(1)
        self.reader = asyncio.create_task(self._read())

    async def request(self, type_: str, **fields: object) -> Message:
        number = next(self.ids)
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.pending[number] = reply
        await self.socket.send_json({"type": type_, "id": number, **fields})
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            message = await reply
        if message["type"] == "error":
            raise Refused(f"{type_}: {message['code']}")
        return message

    async def close(self) -> None:
        with suppress(Refused, ConnectionError, TimeoutError):
            await self.request("leave")
        self.reader.cancel()
        await self.socket.close()

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            fields = message.json()
            reply = self.pending.pop(fields.get("id", 0), None)
            if reply is not None and not reply.done():
                reply.set_result(fields)


class Adapter(Base):  # type: ignore[misc]  # the harness has no types
    name = "teleconsult"

    async def start(self) -> list[int]:
        options = dict(self.opts)
        repository = options.pop("repository", os.environ.get("TELECONSULT_REPOSITORY", "."))
        self.settings = {key: value for key, value in options.items() if key.isupper()}
        values = {
            "HTTP_HOST": self.server_ip,
            "HTTP_PORT": "0",
            "METRICS_PORT": "0",
            "MEDIA_PORT": "0",
            "MEDIA_HOST": self.server_ip,
            "DATA_DIR": str(self.tmp / "data"),
            "WALK_IN_ADMITTED": "true",
            **self.settings,
        }
        log = self.tmp / "teleconsult.log"
        environment = {f"TELECONSULT_{name}": value for name, value in values.items()}
        environment["PYTHONPATH"] = os.path.join(os.getcwd(), repository)
        command = [sys.executable, "-m", "media_server.cli", "serve", "--walk-in"]
        process = self.spawn(command, log, environment)
        self.rooms = itertools.count(1)
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self.origin = f"http://{self.server_ip}:{await self._http_port(process, log)}"
        return [process.pid]

    async def new_room(self, max_publishers: int) -> str:
        return f"sfubench-{next(self.rooms)}"

    async def connect(self, room: str, name: str) -> Peer:
        body = {"role": "doctor", "room": room, "name": name}
        async with self.http.post(f"{self.origin}/v1/walk-in/ticket", json=body) as response:
            response.raise_for_status()
            ticket = await response.json()
        peer = Peer(await self.http.ws_connect(ticket["url"], protocols=[SUBPROTOCOL], max_msg_size=0))
        client = {"name": "sfubench", "version": "1", "platform": "bench"}
        await peer.request("join", ticket=ticket["ticket"], client=client)
        return peer

    async def publish(self, peer: Peer, streams: Sequence[Stream]) -> tuple[Any, dict[str, int]]:
        offered = sdp.publish_offer(peer.transport or await self._transport(peer), streams)
        wishes = {
            str(number): {
                "publish": {"source": SOURCES[stream["kind"]], "muted": False, "encryption": "none"}
            }
            for number, stream in enumerate(streams)
        }
        reply = await self._negotiate(peer, _sections(offered), wishes)
        peer.tracks = [(stream["kind"], reply["tracks"][str(n)]) for n, stream in enumerate(streams)]
        return peer.transport, {"audio": sdp.AUDIO_PT, "video": sdp.VIDEO_PT}

    async def subscribe(self, peer: Peer, feeds: Iterable[Peer]) -> Any:
        transport = peer.transport or await self._transport(peer)
        tracks = [track for feed in feeds for track in feed.tracks]
        first = len(peer.sections)
        streams = [{"kind": kind, "ssrc": 0} for kind, _ in tracks]
        added = [_receiving(lines) for lines in _sections(sdp.publish_offer(transport, streams), first)]
        wishes = {str(first + n): {"subscribe": track} for n, (_, track) in enumerate(tracks)}
        await self._negotiate(peer, added, wishes)
        return transport

    async def leave(self, peer: Peer) -> None:
        await peer.close()

    async def stop(self) -> None:
        with suppress(AttributeError):  # where it did not start
            await self.http.close()
        await super().stop()

    def describe(self) -> str:
        settings = " ".join(f"{name}={value}" for name, value in sorted(self.settings.items()))
        return f"Teleconsult, WebSocket API, one transport for each participant, {settings or 'as it is'}"

    async def _transport(self, peer: Peer) -> Any:
        peer.transport = await self.engine.transport()
        return peer.transport

    async def _negotiate(self, peer: Peer, added: list[list[str]], wishes: dict[str, Any]) -> Message:
        connected = bool(peer.sections)
        peer.sections += added
        mids = " ".join(str(number) for number in range(len(peer.sections)))
        head = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
        lines = [*head, *(line for section in peer.sections for line in section)]
        reply = await peer.request("offer", sdp="\r\n".join(lines) + "\r\n", tracks=wishes)
        if not connected:
            await sdp.connect_remote(peer.transport, sdp.parse(reply["sdp"]), we_offered=True)
        return reply

    async def _http_port(self, process: Any, log: Path) -> int:
        """Where it answers, once its log says that it is ready."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while True:
                port = _told_port(log)
                if port is not None:
                    return port
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                await asyncio.sleep(POLL_S)


def _told_port(log: Path) -> int | None:
    for line in log.read_bytes().splitlines(keepends=True):
        if b'"server.ready"' in line and line.endswith(b"\n"):
            return int(json.loads(line)["http_port"])
    return None


def _sections(offer: str, first: int = 0) -> list[list[str]]:
    """The m-sections of the harness's offer, numbered from `first`."""
    sections: list[list[str]] = []
    for line in offer.splitlines():
        if line.startswith("m="):
            sections.append([])
        if sections:
            sections[-1].append(f"a=mid:{first + len(sections) - 1}" if line.startswith("a=mid:") else line)
    return sections


def _receiving(section: list[str]) -> list[str]:
    kept = (line for line in section if not line.startswith(("a=ssrc:", "a=msid:")))
    return ["a=recvonly" if line == "a=sendonly" else line for line in kept]
