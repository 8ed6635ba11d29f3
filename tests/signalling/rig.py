"""A real signalling server on loopback with real WebSockets; only media plane and tickets are doubles."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

import aiohttp
import msgpack
from aiohttp import web
from aiohttp.test_utils import TestServer

from signalling.consents import Consents
from signalling.errors import TicketRefused
from signalling.media import (
    MediaRefused,
    Mid,
    Negotiated,
    ParticipantId,
    Publish,
    PublishedTrack,
    Source,
    TrackId,
    Wish,
)
from signalling.memory_rooms import MemoryRooms
from signalling.recorder import Recorder
from signalling.server import SignallingServer
from signalling.settings import SignallingSettings
from signalling.store import RoomStore
from signalling.tickets import Admission
from signalling.wire import Codec

T = TypeVar("T")

PATIENCE_S = 5.0  # how long a test waits for what must come; nothing waits for it to pass
SETTINGS = SignallingSettings(close_timeout_s=0.2, drain_timeout_s=1.0, offer_timeout_s=1.0)


async def eventually(true: Callable[[], bool]) -> None:
    """Give the loop turn after turn until it is so: for what nobody is told of."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def found(look: Callable[[], Awaitable[T | None]]) -> T:
    """What `look` finds at last."""
    async with asyncio.timeout(PATIENCE_S):
        while (it := await look()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return it


class FakeMedia:
    """A media plane that answers every offer at once and remembers what it was asked."""

    def __init__(self) -> None:
        self.open: set[ParticipantId] = set()
        self.closed: list[ParticipantId] = []
        self.muted: dict[TrackId, bool] = {}
        self.preferred: list[tuple[ParticipantId, TrackId, int | None]] = []
        self.stall: asyncio.Event | None = None
        self.in_negotiation = 0
        self.most_in_negotiation = 0
        self._tracks: dict[ParticipantId, dict[Mid, TrackId]] = {}
        self._numbers = itertools.count(1)

    async def negotiate(self, participant: ParticipantId, sdp: str, wishes: Mapping[Mid, Wish]) -> Negotiated:
        if sdp == "bad":
            raise MediaRefused("bad-sdp", "no media section can be read")
        if sdp == "bug":
            raise ZeroDivisionError("private text")
        self.in_negotiation += 1
        self.most_in_negotiation = max(self.most_in_negotiation, self.in_negotiation)
        try:
            if self.stall is not None:
                await self.stall.wait()
        finally:
            self.in_negotiation -= 1
        self.open.add(participant)
        return self._answer(participant, sdp, wishes)

    def _answer(self, participant: ParticipantId, sdp: str, wishes: Mapping[Mid, Wish]) -> Negotiated:
        mine = self._tracks.setdefault(participant, {})
        published: list[PublishedTrack] = []
        unpublished: list[TrackId] = []
        for mid, wish in wishes.items():
            if isinstance(wish, Publish) and mid not in mine:
                audio = wish.source is Source.MICROPHONE
                mine[mid] = TrackId(f"track-{next(self._numbers)}")
                kind, codec = ("audio", "opus") if audio else ("video", "vp8")
                published.append(PublishedTrack(mine[mid], kind, codec, wish))
        if sdp.startswith("stop"):
            unpublished = [mine.pop(Mid(mid)) for mid in sdp.split()[1:]]
        return Negotiated(f"answer to {sdp}", dict(mine), tuple(published), tuple(unpublished))

    def prefer(self, participant: ParticipantId, track: TrackId, max_height: int | None) -> None:
        self.preferred.append((participant, track, max_height))

    def set_muted(self, track: TrackId, muted: bool) -> None:
        self.muted[track] = muted

    async def close(self, participant: ParticipantId) -> None:
        self._tracks.pop(participant, None)
        self.open.discard(participant)
        self.closed.append(participant)


class Tickets:
    """Implements `signalling.Tickets` by their texts."""

    def __init__(self) -> None:
        self._valid: dict[str, Admission] = {}

    def issue(self, admission: Admission) -> str:
        ticket = f"ticket-{uuid4()}"
        self._valid[ticket] = replace(admission, jti=ticket, life_s=60.0)
        return ticket

    def verify(self, ticket: str) -> Admission:
        if ticket not in self._valid:
            raise TicketRefused("unknown")
        return self._valid[ticket]


class Peer:
    """A client that speaks the contract by hand, so that tests see exactly what is on the wire."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, codec: Codec) -> None:
        self.socket = socket
        self.codec = codec
        self.events: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}
        self._ids = itertools.count(1)

    async def send(self, message: Mapping[str, Any]) -> None:
        if self.codec is Codec.JSON:
            await self.socket.send_str(json.dumps(message))
        else:
            await self.socket.send_bytes(msgpack.packb(message))

    async def receive(self) -> dict[str, Any]:
        """The next message. Raises ConnectionError when the connection was closed instead."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self.socket.receive()
        if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise ConnectionError(f"closed with {self.socket.close_code}")
        message = json.loads(frame.data) if isinstance(frame.data, str) else msgpack.unpackb(frame.data)
        assert isinstance(message, dict)
        return message

    async def ask(self, type_: str, **fields: Any) -> dict[str, Any]:
        """Send a request, return its reply; events that come before it are kept in `events`."""
        id_ = next(self._ids)
        await self.send({"type": type_, "id": id_, **fields})
        while True:
            message = await self.receive()
            if message.get("id") == id_:
                return message
            assert "seq" in message, message
            self.events.append(message)

    async def join(self, ticket: str, **fields: Any) -> dict[str, Any]:
        client = {"name": "tests", "version": "1", "platform": "python"}
        reply = await self.ask("join", ticket=ticket, client=client, **fields)
        self.state = reply
        return reply

    async def event(self, type_: str) -> dict[str, Any]:
        """The next event of this type; those before it are dropped from `events`."""
        while True:
            message = self.events.pop(0) if self.events else await self.receive()
            if message["type"] == type_:
                return message

    async def next_event(self) -> dict[str, Any]:
        return self.events.pop(0) if self.events else await self.receive()

    async def closed(self) -> int | None:
        """Read to the end; the close code."""
        try:
            while True:
                self.events.append(await self.receive())
        except ConnectionError:
            return self.socket.close_code

    async def cut(self) -> None:
        """Drop the TCP connection as a lost network does, without a close frame."""
        response = self.socket._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()


class Rig:
    def __init__(self, server: SignallingServer, media: FakeMedia, tickets: Tickets, url: str) -> None:
        self.server = server
        self.media = media
        self.tickets = tickets
        self.url = url
        self.http = aiohttp.ClientSession()

    async def connect(self, codec: Codec = Codec.JSON, **options: Any) -> Peer:
        socket = await self.http.ws_connect(self.url, protocols=(codec.value,), **options)
        return Peer(socket, codec)

    async def joined(self, admission: Admission, codec: Codec = Codec.JSON, **fields: Any) -> Peer:
        peer = await self.connect(codec)
        reply = await peer.join(self.tickets.issue(admission), **fields)
        assert reply["type"] == "ok", reply
        return peer

    async def resumed(
        self, peer: Peer, last_seq: int, codec: Codec | None = None
    ) -> tuple[Peer, dict[str, Any]]:
        again = await self.connect(codec or peer.codec)
        reply = await again.ask("resume", resume_token=peer.state["resume_token"], last_seq=last_seq)
        again.state = reply
        return again, reply


@asynccontextmanager
async def a_server(
    settings: SignallingSettings = SETTINGS,
    store: RoomStore | None = None,
    *,
    recorder: Recorder | None = None,
    consents: Consents | None = None,
    tickets: Tickets | None = None,
    **changed: Any,
) -> AsyncIterator[Rig]:
    media, tickets = FakeMedia(), tickets or Tickets()
    loop = asyncio.get_running_loop()
    async with SignallingServer(
        store or MemoryRooms(loop.time),
        media,
        tickets,
        replace(settings, **changed),
        clock=loop.time,
        recorder=recorder,
        consents=consents,
    ) as server:
        app = web.Application()
        app.router.add_get("/v1/signal", server.handle)
        async with TestServer(app) as http:
            rig = Rig(server, media, tickets, str(http.make_url("/v1/signal")))
            try:
                yield rig
            finally:
                await rig.http.close()
