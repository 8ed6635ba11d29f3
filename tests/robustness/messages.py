"""Signalling messages that are nearly right. Pure and seeded.

A mutation works on the message's tree (a wrong type, a field gone, a huge number) or on the encoded
bytes (cut, flipped, nested a hundred thousand deep).
"""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

import msgpack

Message = dict[str, Any]

_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63), 1.5, -0.0, 1e308),
    *("", "a", "\x00", "\u202e", "é" * 40, "x" * 5_000, "null", "../../etc", "'; --"),
    *([], {}, [[]], {"": {}}, {"type": "join"}, ["a"] * 300),
)
_LARGEST = 100_000  # of the 128 KiB a message may have; larger ones are their own test


def requests(sdp: str, track: str, participant: str) -> list[Message]:
    """One well-formed request of each type (protocol §2); ids are put in by the sender."""
    wish = {"publish": {"source": "camera", "muted": False, "encryption": "none"}}
    return [
        {"type": "join", "ticket": "aaa.bbb.ccc", "client": {"name": "n", "version": "1", "platform": "p"}},
        {"type": "resume", "resume_token": "token", "last_seq": 3},
        {"type": "offer", "sdp": sdp, "tracks": {"0": wish, "1": {"subscribe": track}}},
        {"type": "mute", "track": track, "muted": True},
        {"type": "prefer", "track": track, "max_height": 0},
        {"type": "prefer", "track": track, "max_height": None},
        {"type": "recording", "action": "start"},
        {"type": "relay", "to": participant, "kind": "chat", "body": "aGVsbG8"},
        {"type": "relay", "to": None, "kind": "chat", "body": "aGVsbG8"},
        {"type": "admit", "participant": participant},
        {"type": "remove", "participant": participant},
        {"type": "stats", "uplink": {"rtt_ms": 3.5, "loss": 0.01, "jitter_ms": 2, "bitrate_bps": 1_000_000}},
        {"type": "stats", "downlink": {"freezes": 1, "loss": 0}},
    ]


def mutations(seeds: Sequence[Message], random: Random, *, binary: bool) -> Iterator[bytes]:
    """Without end: encoded messages, in msgpack (`binary`) or JSON."""
    while True:
        message = deepcopy(random.choice(seeds))
        if random.random() < 0.9:
            message["id"] = random.randint(1, 2**31)
        tree: Any = message
        for _ in range(random.randint(1, 3)):
            tree = _change(tree, random)
        data = _encode(tree, binary)
        draw = random.random()
        if draw < 0.05:
            data = _nest(data, random.choice((10, 900, 49_000)), binary)
        elif draw < 0.3:
            data = _change_bytes(data, random)
        yield data[:_LARGEST]


def _encode(tree: Any, binary: bool) -> bytes:
    try:
        if binary:
            packed: bytes = msgpack.packb(tree)
            return packed
        return json.dumps(tree).encode()
    except (ValueError, OverflowError, RecursionError):  # beyond what the encoder can say
        return b"\xc1" if binary else b"{"


def _change(tree: Any, random: Random) -> Any:
    """One place of the tree changed; the tree itself may be replaced."""
    draw = random.random()
    if draw < 0.02:
        return random.choice(_ODD_VALUES)
    holder, key = random.choice(list(_places(tree)) or [(None, None)])
    if holder is None:
        return tree
    draw = random.random()
    if draw < 0.6:
        holder[key] = deepcopy(random.choice(_ODD_VALUES))
    elif draw < 0.75:
        del holder[key]
    elif draw < 0.85 and isinstance(holder, dict):
        holder[random.choice(("", "type", "id", "x" * 500, str(random.getrandbits(16))))] = holder[key]
    elif isinstance(holder[key], str):
        holder[key] = _change_text(holder[key], random)
    else:
        holder[key] = [deepcopy(holder[key])] * random.choice((1, 2, 50))
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of the tree, in order."""
    if isinstance(tree, dict):
        items: list[tuple[Any, Any]] = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
    else:
        return
    for key, value in items:
        yield tree, key
        yield from _places(value)


def _nest(data: bytes, depth: int, binary: bool) -> bytes:
    return b"\x91" * depth + data if binary else b"[" * depth + data + b"]" * depth


def _change_text(text: str, random: Random) -> str:
    """For SDP, mostly: a line gone, doubled or swapped, a character changed, a number made huge."""
    lines = text.split("\r\n")
    place = random.randrange(len(lines))
    match random.randrange(5):
        case 0:
            del lines[place]
        case 1:
            lines[place:place] = [lines[place]] * random.choice((1, 100))
        case 2:
            lines[place] = lines[place][: random.randint(0, len(lines[place]))]
        case 3:
            lines[place] = lines[place].replace(
                random.choice("0123456789"), random.choice(("", "9" * 30, "-1"))
            )
        case _:
            other = random.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
    return "\r\n".join(lines)


def _change_bytes(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    match random.randrange(4):
        case 0:
            return bytes(changed[: random.randint(0, len(changed))])
        case 1:
            for _ in range(random.randint(1, 6)):
                if changed:
                    changed[random.randrange(len(changed))] = random.getrandbits(8)
            return bytes(changed)
        case 2:
            return bytes(changed) + random.randbytes(random.choice((1, 10, 1000)))
        case _:
            return random.randbytes(random.choice((1, 5, 200)))
