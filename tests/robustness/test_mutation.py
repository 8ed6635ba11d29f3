"""The flood itself: deterministic, varied, and made of well-formed seeds."""

from itertools import islice
from random import Random

from aioice import stun
from aiortc.rtp import RtcpPacket, RtpPacket

from tests.robustness import shapes
from tests.robustness.mutation import mutations


def test_the_same_seed_gives_the_same_flood() -> None:
    seeds = shapes.shapes(Random(1))
    one, again, other = (list(islice(mutations(seeds, Random(n)), 500)) for n in (1, 1, 2))
    assert one == again
    assert one != other


def test_every_range_of_first_bytes_is_visited_and_no_datagram_is_too_long_to_send() -> None:
    flood = list(islice(mutations(shapes.shapes(Random(1)), Random(1)), 5000))
    first = {datagram[0] for datagram in flood if datagram}
    assert len(first) > 200
    assert max(map(len, flood)) <= 1500
    assert b"" in flood


def test_stun_seeds_parse() -> None:
    kinds = {stun.parse_message(datagram).message_class for datagram in shapes.stun(Random(1))}
    assert kinds == {stun.Class.REQUEST, stun.Class.INDICATION, stun.Class.RESPONSE, stun.Class.ERROR}


def test_rtp_and_rtcp_seeds_parse() -> None:
    for datagram in shapes.rtp(Random(1)):
        RtpPacket.parse(datagram[:-16] if datagram[0] & 0x20 else datagram)
    for datagram in shapes.rtcp(Random(1)):
        RtcpPacket.parse(datagram[:-20])
