"""The flood of messages: deterministic, varied, within the size a message may have."""

import json
from itertools import islice
from random import Random

import msgpack
import pytest

from tests.robustness.messages import mutations, requests


def seeds() -> list[dict[str, object]]:
    return requests("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", "track-1", "participant-1")


@pytest.mark.parametrize("binary", [False, True])
def test_the_same_seed_gives_the_same_flood(binary: bool) -> None:
    one, again = (list(islice(mutations(seeds(), Random(1), binary=binary), 500)) for _ in range(2))
    assert one == again
    assert max(map(len, one)) <= 100_000


def test_most_messages_still_decode_so_that_more_than_the_decoder_is_tried() -> None:
    decoded = 0
    for data in islice(mutations(seeds(), Random(1), binary=True), 1000):
        try:
            decoded += isinstance(msgpack.unpackb(data), dict)
        except ValueError:
            continue
    assert decoded > 600


def test_every_request_type_is_tried() -> None:
    types = set()
    for data in islice(mutations(seeds(), Random(1), binary=False), 2000):
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            types.add(message["type"])
    assert {seed["type"] for seed in seeds()} <= types
