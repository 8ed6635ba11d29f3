"""The pairing of forwarded with published packets, on made-up streams."""

import pytest

from tests.e2e.wire_latency import Seen, pair, percentile


def a_stream(
    flow: str, ssrc: int, *, seq: int, timestamp: int, every_s: float, step: int, count: int
) -> list[Seen]:
    return [
        Seen(100 + i * every_s, flow, ssrc, (seq + i) % 2**16, (timestamp + i * step) % 2**32)
        for i in range(count)
    ]


def forwarded(
    stream: list[Seen], to: str, ssrc: int, *, held_s: float, seq_by: int, timestamp_by: int
) -> list[Seen]:
    return [
        Seen(p.at_s + held_s, to, ssrc, (p.seq + seq_by) % 2**16, (p.timestamp + timestamp_by) % 2**32)
        for p in stream
    ]


def test_streams_of_the_same_rhythm_are_told_apart_and_survive_wrapping() -> None:
    alice = a_stream("a", 1, seq=65_000, timestamp=2**32 - 9_600, every_s=0.02, step=960, count=1000)
    bob = a_stream("b", 2, seq=10, timestamp=77, every_s=0.02, step=960, count=1000)
    to_bob = forwarded(alice, "b", 11, held_s=0.001, seq_by=700, timestamp_by=12345)
    to_alice = forwarded(bob, "a", 12, held_s=0.003, seq_by=9, timestamp_by=0)
    up, down = (
        sorted([*alice, *bob], key=lambda p: p.at_s),
        sorted([*to_bob, *to_alice], key=lambda p: p.at_s),
    )
    result = pair(up, down)
    assert result.unpaired == 0
    assert sorted(result.held_s) == pytest.approx([0.001] * 1000 + [0.003] * 1000)


def test_a_single_late_packet_is_seen_as_late() -> None:
    up = a_stream("a", 1, seq=0, timestamp=0, every_s=0.02, step=960, count=300)
    down = forwarded(up, "b", 5, held_s=0.001, seq_by=3, timestamp_by=4)
    late = down[150]
    down[150] = Seen(late.at_s + 0.2, late.flow, late.ssrc, late.seq, late.timestamp)
    result = pair(up, sorted(down, key=lambda p: p.at_s))
    assert max(result.held_s) == pytest.approx(0.201)
    assert percentile(result.held_s, 0.99) == pytest.approx(0.001)


def test_what_was_never_published_stays_unpaired() -> None:
    up = a_stream("a", 1, seq=0, timestamp=0, every_s=0.02, step=960, count=50)
    foreign = [Seen(100 + i * i * 1e-4, "b", 9, i * 17 % 2**16, i * i) for i in range(50)]
    assert pair(up, foreign).unpaired == 50


def test_an_interval_is_cut_out_by_the_time_packets_left() -> None:
    up = a_stream("a", 1, seq=0, timestamp=0, every_s=0.02, step=960, count=100)
    result = pair(up, forwarded(up, "b", 5, held_s=0.001, seq_by=3, timestamp_by=4))
    assert len(result.between(100.5, 101.5)) == 50
