"""How long the server holds a media packet, seen on the wire from both sides of it.

SRTP leaves the RTP header readable (RFC 3711 §3.1), and a forwarded packet keeps its distance in
sequence number and timestamp from the published one. So the two are paired without any key: the pair of
offsets that most packets of a forwarded stream agree on is the right one. Sound of an even rhythm agrees
as well with every packet before; of equals the youngest wins, so a server that held *all* packets for
over 20 ms would look 20 ms better.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import unpack_from

from tests.impairment import Direction, Flow

_VOTE_WINDOW_S = (
    0.05  # a server that holds packets longer than this would not be paired, and found out by `paired`
)
_BLOCK = 400  # packets between votes: pausing or probing may change the offsets of a stream


@dataclass(frozen=True, slots=True)
class Seen:
    """One RTP packet on the wire. `flow` is any name of the client that sent or gets it."""

    at_s: float
    flow: str
    ssrc: int
    seq: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds each paired packet stayed in the server, with the time it left; and how many found no pair."""

    left_s: list[float]
    held_s: list[float]
    unpaired: int

    def between(self, start_s: float, end_s: float) -> list[float]:
        return [held for left, held in zip(self.left_s, self.held_s, strict=True) if start_s <= left < end_s]


class WireTap:
    """A `Tap` for `UdpProxy` that remembers media packets, RTCP and everything else left out."""

    def __init__(self) -> None:
        self.up: list[Seen] = []
        self.down: list[Seen] = []

    def __call__(self, direction: Direction, flow: Flow, datagram: bytes, at_s: float) -> None:
        # RFC 7983 §7 for the first byte, RFC 5761 §4 for the second.
        if len(datagram) < 12 or not 128 <= datagram[0] <= 191 or 192 <= datagram[1] <= 223:
            return
        seq, timestamp, ssrc = unpack_from("!HII", datagram, 2)
        packet = Seen(at_s, flow.client_ufrag or str(flow.client), ssrc, seq, timestamp)
        (self.up if direction is Direction.UP else self.down).append(packet)

    def latencies(self) -> Latencies:
        return pair(self.up, self.down)


def pair(up: Sequence[Seen], down: Sequence[Seen]) -> Latencies:
    """Pair each forwarded packet with the published one. Both in order of time.

    Retransmissions find no pair, since their sequence numbers have no fixed distance to anything published.
    """
    published = {(packet.ssrc, packet.seq): packet for packet in up}
    streams: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for packet in down:
        streams[packet.flow, packet.ssrc].append(packet)
    found: list[tuple[float, float]] = []
    unpaired = 0
    for stream in streams.values():
        for start in range(0, len(stream), _BLOCK):
            block = stream[start : start + _BLOCK]
            offsets = _elect(up, block)
            for packet in block:
                origin = None
                if offsets is not None:
                    ssrc, seq_offset, _ = offsets
                    origin = published.get((ssrc, (packet.seq - seq_offset) % 2**16))
                if (
                    origin is None or not 0 <= packet.at_s - origin.at_s < 60
                ):  # a wrapped number of a minute ago
                    unpaired += 1
                else:
                    found.append((packet.at_s, packet.at_s - origin.at_s))
    found.sort()
    return Latencies([left for left, _ in found], [held for _, held in found], unpaired)


def _elect(up: Sequence[Seen], block: Sequence[Seen]) -> tuple[int, int, int] | None:
    """(published SSRC, sequence offset, timestamp offset) that most packets of the block agree on."""
    votes: Counter[tuple[int, int, int]] = Counter()
    held_s: dict[tuple[int, int, int], float] = defaultdict(float)  # summed over the votes
    earliest = 0
    for packet in block:
        while earliest < len(up) and up[earliest].at_s < packet.at_s - _VOTE_WINDOW_S:
            earliest += 1
        for candidate in _until(up, earliest, packet.at_s):
            if candidate.flow != packet.flow:
                seq_offset = (packet.seq - candidate.seq) % 2**16
                offsets = (candidate.ssrc, seq_offset, (packet.timestamp - candidate.timestamp) % 2**32)
                votes[offsets] += 1
                held_s[offsets] += packet.at_s - candidate.at_s
    quorum = max(0.5 * len(block), 0.8 * max(votes.values(), default=0))
    enough = [offsets for offsets, count in votes.items() if count >= quorum]
    return min(enough, key=lambda offsets: held_s[offsets] / votes[offsets], default=None)


def _until(up: Sequence[Seen], start: int, end_s: float) -> Iterable[Seen]:
    for index in range(start, len(up)):
        if up[index].at_s > end_s:
            return
        yield up[index]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of them lie; Raises IndexError when there are none."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]
