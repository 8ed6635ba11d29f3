"""A bad network in user space: a UDP proxy on loopback between clients and the server's media port.

The server binds one loopback address and announces another, where the proxy listens on the same port number:

    client  <->  127.0.0.3:P (proxy)  <->  127.0.0.2:P (server)

Each client address gets its own socket towards the server, so that the server sees as many sources as there
are clients, and a changed source port (a NAT that forgot, RFC 4787 §4.3) is one closed and one opened socket.
Which client is which is learnt from the USERNAME of its own connectivity checks (RFC 8445 §7.2.2).
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum
from time import time
from types import TracebackType
from typing import Self

from tests.link import Conditions, Link

Address = tuple[str, int]

_STUN_USERNAME = 0x0006
_SO_TIMESTAMPNS = 35  # Linux; the socket module has no name for it
_READ_AT_ONCE = 64  # datagrams for each readiness, so that one busy flow cannot starve the loop


class Direction(Enum):
    UP = "up"  # client to server
    DOWN = "down"


class Flow:
    """One client address and its socket towards the server."""

    def __init__(self, client: Address, upstream: socket.socket, seed: int) -> None:
        self.client = client
        self.upstream = upstream
        self.client_ufrag: str | None = None
        self.up = Link(seed)
        self.down = Link(seed + 1)

    def link(self, direction: Direction) -> Link:
        return self.up if direction is Direction.UP else self.down


Tap = Callable[[Direction, Flow, bytes, float], None]
"""(direction, flow, datagram, wall-clock seconds): UP when sent on, DOWN when the kernel received it."""


class UdpProxy:
    """An async context manager. New flows have the conditions last given to `shape` without a ufrag."""

    def __init__(self, listen: Address, server: Address, *, seed: int = 1, tap: Tap | None = None) -> None:
        self._listen = listen
        self._server = server
        self._seed = seed
        self.tap = tap
        self._flows: dict[Address, Flow] = {}
        self._default = {direction: Conditions() for direction in Direction}
        self._front: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._front = _udp_socket(self._listen)
        self._listen = self._front.getsockname()
        self._loop.add_reader(self._front, self._read_front)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._front is not None
        for flow in self._flows.values():
            self._close(flow.upstream)
        self._flows.clear()
        self._close(self._front)

    @property
    def address(self) -> Address:
        """Where clients reach the server through this proxy."""
        return self._listen

    def flows(self, client_ufrag: str | None = None) -> list[Flow]:
        """All flows, or those of the client whose checks carry this ufrag."""
        return [f for f in self._flows.values() if client_ufrag is None or f.client_ufrag == client_ufrag]

    def shape(
        self, *, up: Conditions | None = None, down: Conditions | None = None, client_ufrag: str | None = None
    ) -> None:
        """Change the conditions of a direction from now on; None leaves it.

        Without a ufrag: everybody's, later comers' too.
        """
        for direction, conditions in ((Direction.UP, up), (Direction.DOWN, down)):
            if conditions is None:
                continue
            if client_ufrag is None:
                self._default[direction] = conditions
            for flow in self.flows(client_ufrag):
                flow.link(direction).conditions = conditions

    def rebind(self, client_ufrag: str | None = None) -> int:
        """From now on these clients come from another source port, and what is sent to the old one is lost.

        Returns how many flows changed.
        """
        flows = self.flows(client_ufrag)
        for flow in flows:
            old, flow.upstream = flow.upstream, self._open_upstream(flow.client)
            self._close(old)
        return len(flows)

    def inject(self, flow: Flow, datagram: bytes) -> None:
        """Send a datagram of one's own to the server, as if the client of this flow had sent it."""
        _send(flow.upstream, datagram)

    def _open_upstream(self, client: Address) -> socket.socket:
        assert self._loop is not None
        upstream = _udp_socket(("127.0.0.1", 0))
        upstream.connect(self._server)
        self._loop.add_reader(upstream, self._read_upstream, upstream, client)
        return upstream

    def _close(self, sock: socket.socket) -> None:
        assert self._loop is not None
        self._loop.remove_reader(sock)
        sock.close()

    def _flow(self, client: Address) -> Flow:
        flow = self._flows.get(client)
        if flow is None:
            seed = self._seed + 2 * len(self._flows)
            flow = self._flows[client] = Flow(client, self._open_upstream(client), seed)
            for direction in Direction:
                flow.link(direction).conditions = self._default[direction]
        return flow

    def _read_front(self) -> None:
        assert self._front is not None
        for _ in range(_READ_AT_ONCE):
            try:
                datagram, client = self._front.recvfrom(65_535)
            except OSError:  # nothing left, or the ICMP error of an earlier send
                return
            flow = self._flow(client)
            if (ufrag := client_ufrag_of(datagram)) is not None:
                flow.client_ufrag = ufrag
            self._pass(Direction.UP, flow, datagram, 0.0)

    def _read_upstream(self, upstream: socket.socket, client: Address) -> None:
        flow = self._flows[client]
        for _ in range(_READ_AT_ONCE):
            try:
                datagram, ancillary, _, _ = upstream.recvmsg(65_535, 64)
            except OSError:
                return
            self._pass(Direction.DOWN, flow, datagram, _kernel_time(ancillary))

    def _pass(self, direction: Direction, flow: Flow, datagram: bytes, received_at: float) -> None:
        assert self._loop is not None
        if direction is Direction.DOWN and self.tap is not None:
            self.tap(direction, flow, datagram, received_at)
        now = self._loop.time()
        departure = flow.link(direction).offer(len(datagram), now)
        if departure is None:
            return
        if departure <= now:
            self._deliver(direction, flow, datagram)
        else:
            self._loop.call_at(departure, self._deliver, direction, flow, datagram)

    def _deliver(self, direction: Direction, flow: Flow, datagram: bytes) -> None:
        if direction is Direction.UP:
            if self.tap is not None:
                self.tap(direction, flow, datagram, time())
            _send(flow.upstream, datagram)
        elif self._front is not None:
            _send(self._front, datagram, flow.client)


def client_ufrag_of(datagram: bytes) -> str | None:
    """The client's ufrag in a binding request's USERNAME ("server:client"); None for anything else."""
    if len(datagram) < 20 or datagram[:2] != b"\x00\x01":
        return None
    position = 20
    while position + 4 <= len(datagram):
        kind, length = struct.unpack_from("!HH", datagram, position)
        value = datagram[position + 4 : position + 4 + length]
        if kind == _STUN_USERNAME:
            _, _, client = value.decode(errors="replace").partition(":")
            return client or None
        position += 4 + length + (-length % 4)
    return None


def _udp_socket(address: Address) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.bind(address)
    return sock


def _send(sock: socket.socket, datagram: bytes, to: Address | None = None) -> None:
    """A datagram the kernel will not take is a lost datagram, as on any network."""
    try:
        if to is None:
            sock.send(datagram)
        else:
            sock.sendto(datagram, to)
    except OSError:
        pass


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("qq", data)
            return float(seconds) + float(nanoseconds) / 1e9
    return time()
