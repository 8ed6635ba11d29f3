"""The breakable TCP path, with an echo in the server's place."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.e2e.tcp_proxy import TcpProxy


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    async with TcpProxy() as proxy:
        echo = await asyncio.start_server(_echo, "127.0.0.1", 0)
        proxy.server = echo.sockets[0].getsockname()[:2]
        yield proxy
        echo.close()


async def test_it_passes_both_ways_and_ends_as_either_end_does(proxy: TcpProxy) -> None:
    reader, writer = await asyncio.open_connection(*proxy.address)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def test_a_cut_resets_and_a_refused_path_heals(proxy: TcpProxy) -> None:
    reader, writer = await asyncio.open_connection(*proxy.address)
    writer.write(b"hello")
    await reader.readexactly(5)
    assert proxy.cut(refuse=True) == 1
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    reader, _ = await asyncio.open_connection(*proxy.address)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    proxy.heal()
    reader, writer = await asyncio.open_connection(*proxy.address)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    writer.close()
