"""One signalling session over WebSocket (protocol §2): requests, events in order, resume after a cut.

It joins wherever the room is; a room that is found elsewhere later ends it, for that is another session (§4).
Knows no media. The shell is one task that reads; it is started by `open` and awaited by `close`.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from loadtest.errors import (
    ClientError,
    ConnectionLost,
    Elsewhere,
    Interrupted,
    Refused,
    RoomMoved,
    ServerViolation,
    SessionClosed,
    closed_with,
    is_final,
)
from loadtest.events import Cut, Event, Joined, Message, Resumed, parse_event, parse_joined
from loadtest.patience import pauses
from loadtest.tickets import Renew, Ticket
from loadtest.wire import Encoding, decode, encode

REQUEST_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
IMPATIENT_CONNECT_TIMEOUT_S = 5.0  # where there may be another node to go to
TICKET_TIMEOUT_S = 3.0
LOOK_AFTER_S = 1.0  # of a loss: what comes back sooner was the network's
MOST_HOPS = 3
CLOSE_FOLLOWS_S = 1.0
GOODBYE_S = 2.0
FIRST_RETRY_S = 0.05
HEARTBEAT_S = 15.0  # our own pings find a half-open connection even when the server is silent
TRY_AGAIN = "try-again"
REPLIES = ("ok", "error")
CLIENT = {"name": "teleconsult-loadtest", "version": "0.1.0", "platform": "python"}

EventSink = Callable[[Event], None]


class Session:
    """A participant's conversation with the server. Events go to `on_event`, in order, each once."""

    def __init__(
        self,
        url: str,
        ticket: str,
        encoding: Encoding,
        on_event: EventSink,
        on_over: Callable[[], None] = lambda: None,
        *,
        auto_resume: bool = True,
        renew: Renew | None = None,
    ) -> None:
        """`url` is the ticket's, `ws://…/v1/signal`; `auto_resume` False leaves a cut session cut.

        With `renew` a cut session also looks whether new tickets are for another node: then it ends with
        Elsewhere.
        """
        self._url = url
        self._ticket = ticket
        self._encoding = encoding
        self._on_event = on_event
        self._on_over = on_over
        self._auto_resume = auto_resume
        self._renew = renew
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._close_code: int | None = None
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._early: list[Message] = []
        self._up = asyncio.Event()
        self._over: ClientError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._joined: Joined | None = None
        self.last_seq = 0

    @property
    def joined(self) -> Joined:
        assert self._joined is not None, "the session is not open"
        return self._joined

    @property
    def url(self) -> str:
        """Where the session is, or is tried: the ticket's, unless we were sent on from there."""
        return self._url

    @property
    def over(self) -> ClientError | None:
        """Why the session is over; None while it lives, also during a cut."""
        return self._over

    @property
    def connected(self) -> bool:
        """Whether requests reach the server now: not before `open`, during a cut, or at the end."""
        return self._up.is_set() and self._over is None

    async def open(self) -> Joined:
        """Connect and join, wherever the room is.

        Raises SessionClosed by close code, Refused, ServerViolation, ConnectionLost.

        No event reaches the sink before `start` is called, so that nothing is seen before the joined state.
        """
        try:
            self._joined = parse_joined(await self._join())
        except BaseException:
            await self._drop()
            raise
        self._up.set()
        return self._joined

    def start(self) -> None:
        """Begin to deliver events."""
        self._reader = asyncio.create_task(self._read_until_over(), name="signalling-reader")

    async def request(self, type_: str, **fields: object) -> Message:
        """Send one request and wait for its reply; during a cut, for the resume first.

        Raises Refused, Interrupted when the WebSocket breaks before the reply, SessionClosed at the end.
        """
        await self._up.wait()
        if self._over is not None:
            raise self._over
        assert self._socket is not None
        id_ = next(self._ids)
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[id_] = reply
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self._send(self._socket, {"type": type_, "id": id_, **fields})
                return await reply
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise Interrupted(type_) from error
        finally:
            self._pending.pop(id_, None)

    async def cut(self) -> None:
        """Break the WebSocket as a lost network does: no close frame, no `leave`. For tests of resume."""
        if self._http is not None:
            await self._http.close()

    async def close(self) -> None:
        """End this side. Idempotent; without a `leave` the server keeps the session for its window."""
        if self._over is None:
            self._finish(SessionClosed(1000))
        try:
            if self._socket is not None and not self._socket.closed:
                with suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
                    async with asyncio.timeout(GOODBYE_S):
                        await self._socket.close()
        finally:  # also when nobody waits for the other side's goodbye
            try:
                if self._reader is not None:
                    self._reader.cancel()
                    await asyncio.gather(self._reader, return_exceptions=True)
            finally:
                await self._drop()

    # The connection

    async def _join(self) -> Message:
        hops = 0
        while True:
            try:
                return await self._exchange({"type": "join", "ticket": self._ticket, "client": CLIENT})
            except RoomMoved as moved:
                hops += 1
                if hops > MOST_HOPS:
                    raise
                self._url = moved.url

    async def _exchange(self, first: Mapping[str, object]) -> Message:
        """Connect, send the first message, wait for its reply; events that overtake it are kept."""
        await self._drop()
        self._http = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(
                CONNECT_TIMEOUT_S if self._renew is None else IMPATIENT_CONNECT_TIMEOUT_S
            ):
                socket = await self._http.ws_connect(
                    self._url, protocols=(self._encoding.value,), heartbeat=HEARTBEAT_S, max_msg_size=1 << 20
                )
        except aiohttp.WSServerHandshakeError as error:
            # A proxy says 502 or so for a node that is gone.
            raise (ConnectionLost() if error.status >= 500 else Refused(f"http-{error.status}")) from error
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise ConnectionLost() from error
        if socket.protocol != self._encoding.value:
            raise ServerViolation("another sub-protocol than the one asked for")
        self._socket = socket
        self._close_code = None
        id_ = next(self._ids)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self._send(socket, {**first, "id": id_})
                while (message := await self._receive(socket)) is not None:
                    if message["type"] not in REPLIES:
                        self._early.append(message)
                    elif message["type"] == "ok":
                        return message
                    else:
                        raise await self._verdict(socket, message)
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise ConnectionLost() from error
        raise closed_with(self._close_code)

    async def _verdict(
        self, socket: aiohttp.ClientWebSocketResponse, message: Message
    ) -> Refused | SessionClosed:
        """A refused first message is mostly followed by a close, whose code says it more precisely."""
        refusal = _refusal(message)
        if refusal.code in ("moved", TRY_AGAIN):
            return refusal
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_FOLLOWS_S):
                while await self._receive(socket) is not None:
                    pass
        return closed_with(self._close_code) if is_final(self._close_code) else refusal

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, message: Mapping[str, object]) -> None:
        frame = encode(self._encoding, message)
        if isinstance(frame, str):
            await socket.send_str(frame)
        else:
            await socket.send_bytes(frame)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any] | None:
        """The next message, None when the WebSocket has ended in whatever way."""
        frame = await socket.receive()
        if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return decode(self._encoding, frame.data)
        if frame.type is aiohttp.WSMsgType.CLOSE:
            # Only the server's own frame counts: aiohttp says 1000 for a bare end of the stream as well.
            self._close_code = frame.data
        return None

    async def _drop(self) -> None:
        self._socket = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    # The reader

    async def _read_until_over(self) -> None:
        try:
            while self._over is None:
                await self._read_until_closed()
                if self._over is None:
                    await self._survive()
        except ClientError as error:
            self._finish(error)
        except Exception:
            self._finish(ConnectionLost())
            raise

    async def _read_until_closed(self) -> None:
        assert self._socket is not None
        early, self._early = self._early, []
        for message in early:
            self._take(message)
        while (next_message := await self._receive(self._socket)) is not None:
            self._take(next_message)

    def _take(self, message: Message) -> None:
        # The type tells replies from events: some events carry an `id` too, that of a track or a participant.
        if message["type"] not in REPLIES:
            seq = message.get("seq")
            if not isinstance(seq, int):
                raise ServerViolation("an event without seq")
            if seq > self.last_seq:  # after a resume the server may repeat what we already have
                self.last_seq = seq
                self._on_event(parse_event(message))
            return
        reply = self._pending.get(message.get("id", 0))
        if reply is None or reply.done():
            return  # we stopped waiting for it
        if message["type"] == "ok":
            reply.set_result(message)
        else:
            reply.set_exception(_refusal(message))

    async def _survive(self) -> None:
        """After a close: the end, or a resume within the window, or a ticket for elsewhere."""
        code = self._close_code
        self._up.clear()
        self._interrupt_pending()
        if is_final(code) or not self._auto_resume:
            raise closed_with(code)
        self._on_event(Cut())
        reply = await (self._resume() if self._renew is None else self._resume_or_look(self._renew))
        self._joined = parse_joined(reply)
        self._on_event(Resumed())
        self._up.set()

    async def _resume_or_look(self, renew: Renew) -> Message:
        """Both at once: a node that is gone may leave a connection hanging."""
        resuming = asyncio.create_task(self._resume(), name="resume")
        looking = asyncio.create_task(self._look_elsewhere(renew), name="look-elsewhere")
        try:
            await asyncio.wait((resuming, looking), return_when=asyncio.FIRST_COMPLETED)
            if resuming.done():
                return resuming.result()
            raise Elsewhere(looking.result())
        finally:
            for task in (resuming, looking):
                task.cancel()
            await asyncio.gather(resuming, looking, return_exceptions=True)

    async def _look_elsewhere(self, renew: Renew) -> Ticket:
        """Wait until a new ticket is for another node. Tickets for the lost one are thrown away."""
        await asyncio.sleep(LOOK_AFTER_S)
        waits = pauses(random.random)
        while True:
            # Whatever goes wrong where tickets come from, it may go well the next time.
            with suppress(Exception):
                async with asyncio.timeout(TICKET_TIMEOUT_S):
                    ticket = await renew()
                if ticket.url != self._url:
                    return ticket
            await asyncio.sleep(next(waits))

    async def _resume(self) -> Message:
        """The joined state, once the node is back. Raises ConnectionLost when the window is over, Refused."""
        deadline = asyncio.get_running_loop().time() + self.joined.resume_window_s
        waits = pauses(random.random, FIRST_RETRY_S)
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._exchange(self._resume_message())
            except TimeoutError as error:
                raise ConnectionLost() from error
            except (ConnectionLost, Refused) as error:
                if isinstance(error, Refused) and error.code != TRY_AGAIN:
                    raise
                retry_s = next(waits)
                if asyncio.get_running_loop().time() + retry_s > deadline:
                    raise
                await asyncio.sleep(retry_s)

    def _resume_message(self) -> Message:
        return {"type": "resume", "resume_token": self.joined.resume_token, "last_seq": self.last_seq}

    def _interrupt_pending(self) -> None:
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(self._over or Interrupted("the WebSocket broke"))

    def _finish(self, why: ClientError) -> None:
        if self._over is None:
            self._over = why
            self._on_over()
        self._interrupt_pending()
        self._up.set()  # whoever waits for the connection learns that there will be none


def _refusal(message: Message) -> Refused:
    url = message.get("url")
    if message.get("code") == "moved" and isinstance(url, str):
        return RoomMoved(url)
    return Refused(str(message.get("code", "")), str(message.get("message", "")))
