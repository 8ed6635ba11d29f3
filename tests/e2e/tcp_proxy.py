"""A TCP path that can break: between a browser and the server's HTTP port, for WebSockets that are cut."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

Address = tuple[str, int]


class TcpProxy:
    """Listens on a free port of 127.0.0.1 at once; `server` is set before the first connection."""

    def __init__(self) -> None:
        self.server: Address | None = None
        self._refusing = False
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self.cut()
        await self._listener.wait_closed()

    @property
    def address(self) -> Address:
        assert self._listener is not None
        host, port = self._listener.sockets[0].getsockname()[:2]
        return host, port

    def cut(self, *, refuse: bool = False) -> int:
        """Break every connection without a word, as a network does (a reset, no WebSocket close frame).

        `refuse`: new ones are broken too, until `heal`. Returns how many were broken.
        """
        self._refusing = refuse
        count = len(self._writers) // 2
        for writer in self._writers:
            _reset(writer)
        return count

    def heal(self) -> None:
        self._refusing = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing or self.server is None:
            _reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.server)
        except OSError:
            _reset(writer)
            return
        pair = {writer, up_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_pump(reader, up_writer))
                ways.create_task(_pump(up_reader, writer))
        finally:
            self._writers -= pair
            for each in pair:
                each.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:  # either end is gone: the other pump finds out by itself
        writer.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
