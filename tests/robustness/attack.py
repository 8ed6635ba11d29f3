"""Attacks on a running server: floods of datagrams and of messages, and how its memory fares."""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import aiohttp

from loadtest.wire import Encoding, encode
from tests.impairment import Direction, Flow, UdpProxy

Address = tuple[str, int]

_KEPT_OF_A_KIND = 60
_DATAGRAMS_AT_ONCE = 16
_PAUSE_S = 0.005  # between these: some 3,000 a second, which leaves the processor to the call
_FROM_ONE_SOURCE = 100  # under the server's limit for sources it does not know
_ATTACKERS = 2  # at once: more would only take the processor from the call
_BETWEEN_CONNECTIONS_S = 0.1  # twenty joins and leaves a second are hostile enough to pages that show each
_PATIENCE_S = 0.1  # for an answer; some messages rightly get none


class Capture:
    """A `Tap` that keeps some of each kind of what clients really send; the newest media of each flow too."""

    def __init__(self) -> None:
        self._kinds: dict[int, list[bytes]] = {}
        self.media: list[tuple[Flow, bytes]] = []

    def __call__(self, direction: Direction, flow: Flow, datagram: bytes, _at_s: float) -> None:
        if direction is not Direction.UP or len(datagram) < 12:
            return
        kept = self._kinds.setdefault(_kind(datagram), [])
        if len(kept) < _KEPT_OF_A_KIND:
            kept.append(datagram)
        if _kind(datagram) == _MEDIA:
            self.media.append((flow, datagram))
            del self.media[:-500]

    @property
    def datagrams(self) -> list[bytes]:
        return [datagram for kept in self._kinds.values() for datagram in kept]


_MEDIA, _CONTROL = 128, 129


def _kind(datagram: bytes) -> int:
    """The first byte's range (RFC 7983 §7), RTCP apart from RTP (RFC 5761 §4)."""
    first = datagram[0]
    if 128 <= first <= 191:
        return _CONTROL if 192 <= datagram[1] <= 223 else _MEDIA
    return first // 20


async def flood(target: Address, datagrams: Iterable[bytes]) -> None:
    """Send from many addresses of 127.0.0.0/8, a hundred datagrams from each: as strangers do."""
    sources = _sources(Random(7))
    batch = iter(datagrams)
    while chunk := list(islice(batch, _FROM_ONE_SOURCE)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((next(sources), 0))
            for start in range(0, len(chunk), _DATAGRAMS_AT_ONCE):
                for datagram in chunk[start : start + _DATAGRAMS_AT_ONCE]:
                    sock.sendto(datagram, target)
                await asyncio.sleep(_PAUSE_S)


async def flood_from(proxy: UdpProxy, flow: Flow, datagrams: Iterable[bytes]) -> None:
    """Send from a participant's own 5-tuple."""
    for index, datagram in enumerate(datagrams):
        proxy.inject(flow, datagram)
        if index % _DATAGRAMS_AT_ONCE == 0:
            await asyncio.sleep(_PAUSE_S)


def _sources(random: Random) -> Iterator[str]:
    while True:
        yield f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


def forged(datagram: bytes) -> bytes:
    """A media packet that nobody with the key made: moved ahead, where no replay window knows it.

    The sequence number is authenticated (RFC 3711 §3.3), so the tag no longer fits.
    """
    seq = (int.from_bytes(datagram[2:4], "big") + 500) % 2**16
    return datagram[:2] + seq.to_bytes(2, "big") + datagram[4:]


def resident_bytes(pid: int) -> int:
    """Resident set size of a process, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


async def bombard(
    url: str,
    get_ticket: Callable[[], Awaitable[str]],
    encoding: Encoding,
    messages: Iterator[bytes],
    count: int,
) -> Counter[str]:
    """Send `count` messages, each answered or left without an answer before the next one of its connection.

    The server closes a connection at its third malformed message, so this takes many joins. Returns how often
    what came back: "answered", "silence", and close codes.
    """
    outcome: Counter[str] = Counter()
    supply = islice(messages, count)
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as attackers:
        for number in range(_ATTACKERS):
            attackers.create_task(_attack(http, url, get_ticket, encoding, supply, outcome, Random(number)))
    return outcome


async def _attack(
    http: aiohttp.ClientSession,
    url: str,
    get_ticket: Callable[[], Awaitable[str]],
    encoding: Encoding,
    supply: Iterator[bytes],
    outcome: Counter[str],
    random: Random,
) -> None:
    message = next(supply, None)
    while message is not None:
        async with http.ws_connect(url, protocols=[encoding.value], max_msg_size=0) as socket_:
            if random.random() < 0.9:  # some begin with a bad message instead of joining
                join = {"type": "join", "id": 1, "ticket": await get_ticket(), "client": _CLIENT}
                await _exchange(socket_, encode(encoding, join))
            while message is not None:
                outcome[await _exchange(socket_, _frame(encoding, message))] += 1
                message = next(supply, None)
                if socket_.closed:
                    break
        await asyncio.sleep(_BETWEEN_CONNECTIONS_S)


async def _exchange(socket_: aiohttp.ClientWebSocketResponse, frame: str | bytes) -> str:
    """Send one frame; what came back within a moment: "answered", "silence", or the code of a close."""
    try:
        if isinstance(frame, str):
            await socket_.send_str(frame)
        else:
            await socket_.send_bytes(frame)
        answer = await socket_.receive(timeout=_PATIENCE_S)
    except TimeoutError:
        return "silence"
    except (ConnectionError, aiohttp.ClientError):
        return "cut"
    if answer.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        return "answered"
    return str(socket_.close_code)


_CLIENT = {"name": "attacker", "version": "0", "platform": "test"}


def _frame(encoding: Encoding, message: bytes) -> str | bytes:
    """What is no text goes out as a binary frame, which the JSON sub-protocol does not know either."""
    if encoding is Encoding.MSGPACK:
        return message
    try:
        return message.decode()
    except UnicodeDecodeError:
        return message
