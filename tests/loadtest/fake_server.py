"""A signalling server small enough to trust: it says what a test tells it to, and aiortc answers offers.

It follows the public contract where the client under test looks; it has one room, and no rules of its own.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgpack
from aiohttp import WSMsgType, web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import AudioStreamTrack

Fields = dict[str, Any]
Answer = Callable[[Fields], Fields]


def a_track(id_: str = "t1", participant: str = "other", kind: str = "video", **changed: object) -> Fields:
    source = "camera" if kind == "video" else "microphone"
    codec = "vp8" if kind == "video" else "opus"
    return {
        "id": id_,
        "participant": participant,
        "kind": kind,
        "source": source,
        "muted": False,
        "encryption": "none",
        "codec": codec,
    } | changed


def a_participant(id_: str = "other", **changed: object) -> Fields:
    return {"id": id_, "role": "doctor", "name": "N", "admitted": True, "tracks": []} | changed


def a_joined_state(**changed: object) -> Fields:
    return {
        "session": "s",
        "resume_token": "r",
        "resume_window_s": 5,
        "ping_interval_s": 10,
        "participant": {"id": "me", "role": "doctor", "name": "Me", "grants": []},
        "room": {
            "id": "room",
            "state": "open",
            "encryption": "transport",
            "recording": {"state": "off", "since": None},
            "policy": "belgium",
        },
        "participants": [],
        "ice_servers": [],
    } | changed


@dataclass(frozen=True, slots=True)
class APass:
    """A ticket."""

    url: str
    ticket: str = "fresh"


class FakeServer:
    """`answers` maps a request's type to what it is answered with; the rest is answered `ok`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "join": lambda _: a_joined_state(),
            "resume": lambda _: a_joined_state(),
        }
        self.close_after: dict[str, int] = {}
        self.requests: list[Fields] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.sources: dict[str, MediaStreamTrack] = {}
        self.pcs: list[RTCPeerConnection] = []
        self.sinks: list[MediaBlackhole] = []
        self.heard = asyncio.Event()
        self.url = ""
        self.runner: web.AppRunner | None = None
        self._seq = 0
        self._transports: list[asyncio.Transport] = []
        self._pc: RTCPeerConnection | None = None
        self._tracks = 0

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("teleconsult.v1.msgpack", "teleconsult.v1.json"))
        await socket.prepare(request)
        self.sockets.append(socket)
        if request.transport is not None:
            self._transports.append(request.transport)
        async for frame in socket:
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            message = json.loads(frame.data) if frame.type == WSMsgType.TEXT else msgpack.unpackb(frame.data)
            self.requests.append(message)
            self.heard.set()
            await self._reply(socket, message)
        return socket

    async def _reply(self, socket: web.WebSocketResponse, message: Fields) -> None:
        type_ = message["type"]
        if type_ == "join":
            self._pc = None  # another participant, or the same with another connection
        if type_ in self.answers:
            fields = self.answers[type_](message)
        elif type_ == "offer":
            fields = await self._negotiate(message)
        else:
            fields = {}
        await self._send(socket, {"type": "ok", "id": message["id"], **fields})
        if type_ in self.close_after:
            await socket.close(code=self.close_after[type_])

    def with_a_voice(self, track: str) -> None:
        """Somebody is in the room and sends audio. Track ids differ from node to node, theirs does not."""
        self.sources[track] = AudioStreamTrack()
        there = [a_participant(tracks=[a_track(track, kind="audio")])]
        self.answers["join"] = lambda _: a_joined_state(participants=there)

    async def event(self, type_: str, **fields: object) -> None:
        self._seq += 1
        await self._send(self.sockets[-1], {"type": type_, "seq": self._seq, **fields})

    async def _send(self, socket: web.WebSocketResponse, message: Fields) -> None:
        if socket.ws_protocol == "teleconsult.v1.json":
            await socket.send_str(json.dumps(message))
        else:
            await socket.send_bytes(msgpack.packb(message))

    async def _negotiate(self, message: Fields) -> Fields:
        """Answer with an aiortc peer; it sends `sources[track]` where the client subscribes."""
        if self._pc is None:
            self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            self.pcs.append(self._pc)
        pc = self._pc
        await pc.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
        tracks = {}
        sink = MediaBlackhole()
        self.sinks.append(sink)
        for transceiver in pc.getTransceivers():
            wish = message["tracks"].get(transceiver.mid)
            if wish is None:
                continue
            if "subscribe" in wish:
                tracks[transceiver.mid] = wish["subscribe"]
                transceiver.direction = "sendonly"
                transceiver.sender.replaceTrack(self.sources[wish["subscribe"]])
            else:
                self._tracks += 1
                tracks[transceiver.mid] = f"mine{self._tracks}"
                sink.addTrack(transceiver.receiver.track)
        await pc.setLocalDescription()
        await sink.start()
        return {"sdp": pc.localDescription.sdp, "tracks": tracks}

    async def asked(self, type_: str, count: int = 1) -> list[Fields]:
        """Wait for so many requests of this type."""
        async with asyncio.timeout(10):
            while len(found := [message for message in self.requests if message["type"] == type_]) < count:
                self.heard.clear()
                await self.heard.wait()
        return found

    async def die(self) -> None:
        """As a killed process: no close frames, no goodbye on the media path, and nobody listens any more."""
        assert self.runner is not None
        for site in list(self.runner.sites):
            await site.stop()
        for transport in self._transports:
            transport.abort()
        await self.close()

    async def close(self) -> None:
        for sink in self.sinks:
            await sink.stop()
        for pc in self.pcs:
            await pc.close()


def refused(code: str) -> Answer:
    """An answer that makes the request fail; its `type` overrides the reply's `ok`."""
    return lambda _: {"type": "error", "code": code, "message": "no"}


def moved_to(url: str) -> Answer:
    return lambda _: {"type": "error", "code": "moved", "message": "elsewhere", "url": url}


@asynccontextmanager
async def a_server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    app = web.Application()
    app.router.add_get("/v1/signal", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.runner = runner
    fake.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/v1/signal"
    try:
        yield fake
    finally:
        await fake.close()
        await runner.cleanup()
