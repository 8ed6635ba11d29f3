"""One WebSocket (RFC 6455): frames in, frames out, pings, and an end with a code. Knows no messages.

Two tasks under the handler's own: one reads and hands each frame on, one writes from a bounded outbox. The
handler watches over both, pings, and closes. Nothing a client does or leaves undone keeps them longer than
the settings say.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web

from signalling.codes import CloseCode
from signalling.counters import Counters
from signalling.rate_limit import TokenBucket
from signalling.settings import SignallingSettings
from signalling.wire import Codec

_BYTES_PER_TOKEN = 4096

OnFrame = Callable[[str | bytes], Awaitable[None]]


class Connection:
    def __init__(
        self,
        socket: web.WebSocketResponse,
        abort: Callable[[], None],
        codec: Codec,
        settings: SignallingSettings,
        clock: Callable[[], float],
        counters: Counters,
        on_joined: Callable[[], None],
    ) -> None:
        """`socket` is prepared, with autoping off; `abort` drops the transport under it."""
        self.codec = codec
        self.joined = False
        self._on_joined = on_joined
        self._socket = socket
        self._abort = abort
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._opcode = WSMsgType.TEXT if codec is Codec.JSON else WSMsgType.BINARY
        # When it is full the client is closed: one that missed a message would show a room that is not so.
        self._outbox: deque[tuple[bytes, WSMsgType]] = deque()
        self._outbox_bytes = 0
        self._filled = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._bucket = TokenBucket(settings.rate_per_s, settings.rate_burst, clock())
        self._unanswered_pings = 0
        self._receiving = False
        self._closing = asyncio.Event()
        self._close_code: CloseCode | None = None

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def mark_joined(self) -> None:
        """A session is attached: the join time-out is over."""
        self.joined = True
        self._on_joined()

    def send(self, payload: bytes) -> None:
        """Put one message into the outbox; the outcome is not known here. Ignored once closing."""
        self._enqueue(payload, self._opcode)

    def close(self, code: CloseCode) -> None:
        """Let what is in the outbox go, then close with this code. The first code counts."""
        if not self.closing:
            self._close_code = code
            self._counters.closes[code] += 1
            self._closing.set()

    async def run(self, on_frame: OnFrame) -> None:
        """Serve until the connection is over, from whichever side. `on_frame` is called for one at a time."""
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write(), name="signal-write")
            reader = tasks.create_task(self._read(on_frame), name="signal-read")
            await self._watch()
            if self._receiving:
                reader.cancel()  # never in the middle of a request
            await asyncio.wait({reader})
            await self._shut()
            writer.cancel()

    async def _read(self, on_frame: OnFrame) -> None:
        try:
            while not self.closing:
                self._receiving = True
                message = await self._socket.receive()
                self._receiving = False
                self._unanswered_pings = 0
                match message.type:
                    case WSMsgType.TEXT | WSMsgType.BINARY:
                        if self._within_rate(len(message.data)):
                            await on_frame(message.data)
                    case WSMsgType.PING:
                        if self._within_rate(0):
                            self._enqueue(message.data, WSMsgType.PONG)
                    case WSMsgType.PONG:
                        pass
                    case _:
                        break  # closed by the peer, too big, or not a WebSocket frame at all
        finally:
            self._receiving = False
            self._closing.set()

    def _within_rate(self, size: int) -> bool:
        if self._bucket.take(1 + size / _BYTES_PER_TOKEN, self._clock()):
            return True
        self.close(CloseCode.TOO_MANY_REQUESTS)
        return False

    def _enqueue(self, payload: bytes, opcode: WSMsgType) -> None:
        if self.closing:
            return
        self._outbox.append((payload, opcode))
        self._outbox_bytes += len(payload)
        self._flushed.clear()
        self._filled.set()
        too_many = len(self._outbox) > self._settings.outbox_frames
        if too_many or self._outbox_bytes > self._settings.outbox_bytes:
            self._counters.outbox_overflows += 1
            self._outbox.clear()
            self._outbox_bytes = 0
            self._flushed.set()
            self.close(CloseCode.TOO_SLOW)

    async def _write(self) -> None:
        try:
            while True:
                while self._outbox:
                    payload, opcode = self._outbox.popleft()
                    self._outbox_bytes -= len(payload)
                    await self._socket.send_frame(payload, opcode)
                self._flushed.set()
                self._filled.clear()
                await self._filled.wait()
        except ConnectionError:
            self._flushed.set()
            self._closing.set()

    async def _watch(self) -> None:
        """Returns when the connection must end: asked to, join time-out, two pings without a sign of life."""
        now = self._clock()
        join_by = now + self._settings.join_timeout_s
        ping_at = now + self._settings.ping_interval_s
        while not self.closing:
            wake_at = ping_at if self.joined else min(ping_at, join_by)
            try:
                async with asyncio.timeout(max(wake_at - self._clock(), 0)):
                    await self._closing.wait()
            except TimeoutError:
                if (not self.joined and self._clock() >= join_by) or self._unanswered_pings >= 2:
                    self.close(CloseCode.TOO_SLOW)
                elif self._clock() >= ping_at:
                    self._unanswered_pings += 1
                    self._enqueue(b"", WSMsgType.PING)
                    ping_at += self._settings.ping_interval_s

    async def _shut(self) -> None:
        """Flush, close, and wait for the peer's close frame (RFC 6455 §7.1.1), each within a bound."""
        try:
            async with asyncio.timeout(self._settings.close_timeout_s):
                await self._flushed.wait()
        except TimeoutError:
            pass  # it reads nothing; the close frame goes after what the kernel holds already
        try:
            async with asyncio.timeout(self._settings.close_timeout_s):
                await self._socket.close(code=self._close_code or CloseCode.DONE)
        except (TimeoutError, ConnectionError):
            self._abort()
