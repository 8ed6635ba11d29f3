"""Datagrams that are nearly right. Pure and seeded: the same seed gives the same flood."""

import struct
from collections.abc import Callable, Iterator, Sequence
from random import Random

_INTERESTING = (0, 1, 2, 3, 4, 7, 8, 12, 20, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
_LARGEST = 1500

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutations(seeds: Sequence[bytes], random: Random) -> Iterator[bytes]:
    """Without end: a seed changed in one to three ways; now and then one as it is, or pure noise."""
    while True:
        draw = random.random()
        if draw < 0.05:
            yield _noise(random)
            continue
        datagram = random.choice(seeds)
        if draw > 0.08:
            for _ in range(random.randint(1, 3)):
                datagram = random.choice(_MUTATIONS)(random, datagram, seeds)
        yield datagram[:_LARGEST]


def _noise(random: Random) -> bytes:
    """Any first byte, so that every branch of the demultiplexer (RFC 7983 §7) gets its share."""
    return bytes([random.getrandbits(8)]) + random.randbytes(random.choice((0, 1, 11, 19, 40, 1400)))


def _flip(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(datagram)
    for _bit in range(random.randint(1, 8)):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    return datagram[: random.randint(0, len(datagram))]


def _grow(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    return datagram + random.randbytes(random.choice((1, 2, 4, 100, 1000)))


def _length_lie(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    """A number at any place, early ones more often: that is where lengths and counts are."""
    if len(datagram) < 4:
        return datagram
    reach = len(datagram) - 2 if random.random() < 0.3 else min(len(datagram) - 2, 40)
    place = random.randint(0, reach)
    return datagram[:place] + struct.pack("!H", random.choice(_INTERESTING)) + datagram[place + 2 :]


def _first_bytes(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    """Another kind's header bytes on this kind's body."""
    return random.randbytes(2) + datagram[2:]


def _splice(random: Random, datagram: bytes, seeds: Sequence[bytes]) -> bytes:
    other = random.choice(seeds)
    return datagram[: random.randint(0, len(datagram))] + other[random.randint(0, len(other)) :]


def _repeat(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    """Part of it many times over: endless attributes, reports and extensions."""
    if not datagram:
        return datagram
    start = random.randrange(len(datagram))
    end = min(len(datagram), start + random.choice((1, 4, 8, 24)))
    return datagram[:end] + datagram[start:end] * random.randint(1, 60) + datagram[end:]


def _zeros(random: Random, datagram: bytes, _: Sequence[bytes]) -> bytes:
    start = random.randint(0, len(datagram))
    end = min(len(datagram), start + random.randint(1, 16))
    return datagram[:start] + bytes(end - start) + datagram[end:]


_MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _grow, _length_lie, _first_bytes, _splice, _repeat, _zeros)
