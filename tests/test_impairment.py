"""The proxy on real loopback sockets, with an echo in the server's place."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.impairment import Address, Direction, Flow, UdpProxy, client_ufrag_of
from tests.link import Conditions


class Peer(asyncio.DatagramProtocol):
    """Keeps what it receives; echoes when told to."""

    def __init__(self, echo: bool) -> None:
        self.received: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self._echo = echo
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.received.put_nowait((data, addr))
        if self._echo and self.transport is not None:
            self.transport.sendto(b"re:" + data, addr)

    def send(self, data: bytes, to: Address) -> None:
        assert self.transport is not None
        self.transport.sendto(data, to)

    async def next(self) -> tuple[bytes, Address]:
        async with asyncio.timeout(5):
            return await self.received.get()


@dataclass
class Path:
    proxy: UdpProxy
    server: Peer
    open_client: Callable[[], Awaitable[Peer]]
    tapped: list[tuple[Direction, bytes]] = field(default_factory=list)


@pytest.fixture
async def path() -> AsyncIterator[Path]:
    loop = asyncio.get_running_loop()
    opened: list[asyncio.BaseTransport] = []

    async def open_peer(echo: bool, address: str) -> Peer:
        transport, peer = await loop.create_datagram_endpoint(lambda: Peer(echo), local_addr=(address, 0))
        opened.append(transport)
        return peer

    server = await open_peer(True, "127.0.0.2")
    assert server.transport is not None
    port = server.transport.get_extra_info("sockname")[1]
    async with UdpProxy(("127.0.0.3", port), ("127.0.0.2", port)) as proxy:
        path = Path(proxy, server, lambda: open_peer(False, "127.0.0.1"))

        def tap(direction: Direction, flow: Flow, datagram: bytes, at: float) -> None:
            path.tapped.append((direction, datagram))

        proxy.tap = tap
        yield path
    for transport in opened:
        transport.close()


def a_check(username: str) -> bytes:
    name = username.encode()
    attribute = struct.pack("!HH", 6, len(name)) + name + bytes(-len(name) % 4)
    return struct.pack("!HHI", 1, len(attribute), 0x2112A442) + bytes(12) + attribute


async def test_each_client_has_its_own_source_and_its_own_answers(path: Path) -> None:
    one, two = await path.open_client(), await path.open_client()
    one.send(b"1", path.proxy.address)
    two.send(b"2", path.proxy.address)
    sources = {source for _, source in (await path.server.next(), await path.server.next())}
    assert len(sources) == 2
    assert await one.next() == (b"re:1", path.proxy.address)
    assert await two.next() == (b"re:2", path.proxy.address)


async def test_a_flow_is_known_by_the_ufrag_of_its_client(path: Path) -> None:
    one, two = await path.open_client(), await path.open_client()
    one.send(a_check("server:alice"), path.proxy.address)
    two.send(a_check("server:bob"), path.proxy.address)
    await one.next()
    await two.next()
    assert len(path.proxy.flows()) == 2
    assert [flow.client_ufrag for flow in path.proxy.flows("bob")] == ["bob"]


@pytest.mark.parametrize("datagram", [b"", b"\x00\x01", a_check("s:x")[:22], a_check("nocolon"), bytes(40)])
def test_what_is_no_check_has_no_ufrag(datagram: bytes) -> None:
    assert client_ufrag_of(datagram) is None


async def test_rebinding_changes_the_source_port_of_the_chosen_client_only(path: Path) -> None:
    one, two = await path.open_client(), await path.open_client()
    one.send(a_check("s:alice"), path.proxy.address)
    _, first = await path.server.next()
    two.send(a_check("s:bob"), path.proxy.address)
    _, of_two = await path.server.next()
    assert path.proxy.rebind("alice") == 1
    one.send(b"again", path.proxy.address)
    _, second = await path.server.next()
    assert second != first
    two.send(b"again", path.proxy.address)
    assert (await path.server.next())[1] == of_two
    await one.next()
    assert (await one.next())[0] == b"re:again"


async def test_a_black_hole_of_one_client_leaves_the_other_alone(path: Path) -> None:
    one, two = await path.open_client(), await path.open_client()
    one.send(a_check("s:alice"), path.proxy.address)
    two.send(a_check("s:bob"), path.proxy.address)
    await one.next()
    await two.next()
    path.proxy.shape(down=Conditions(blackhole=True), client_ufrag="alice")
    one.send(b"x", path.proxy.address)
    two.send(b"y", path.proxy.address)
    assert (await two.next())[0] == b"re:y"
    assert one.received.empty()


async def test_conditions_for_everybody_hold_for_later_comers_too(path: Path) -> None:
    path.proxy.shape(up=Conditions(delay_s=0.05))
    client = await path.open_client()
    started = asyncio.get_running_loop().time()
    client.send(b"slow", path.proxy.address)
    await client.next()
    assert asyncio.get_running_loop().time() - started >= 0.05


async def test_the_tap_sees_both_directions_and_injected_datagrams_come_from_the_client(path: Path) -> None:
    client = await path.open_client()
    client.send(b"a", path.proxy.address)
    _, source = await path.server.next()
    await client.next()
    assert path.tapped == [(Direction.UP, b"a"), (Direction.DOWN, b"re:a")]
    path.proxy.inject(path.proxy.flows()[0], b"forged")
    assert await path.server.next() == (b"forged", source)


async def test_a_server_that_is_gone_does_not_end_the_proxy(path: Path) -> None:
    client = await path.open_client()
    client.send(b"a", path.proxy.address)
    await client.next()
    assert path.server.transport is not None
    port = path.proxy.address[1]
    path.server.transport.close()
    await asyncio.sleep(0)  # the transport closes its socket in the next turn of the loop
    client.send(b"lost", path.proxy.address)
    client.send(b"lost too", path.proxy.address)  # an ICMP error of the first may be reported on the second
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind(("127.0.0.2", port))
        back.settimeout(5)
        client.send(b"b", path.proxy.address)
        loop = asyncio.get_running_loop()
        seen = b""
        while seen != b"b":
            seen = await loop.run_in_executor(None, back.recv, 100)
