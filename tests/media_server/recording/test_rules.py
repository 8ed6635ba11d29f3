"""What the lines of a manifest may say after each other: each rule, broken once."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from media_server.recording import Gap, GapCause, Line, Segment, SegmentTrack, Start, Stop, TrackEnd
from media_server.recording.format import segment_name
from media_server.recording.ids import RecordingId
from media_server.recording.rules import Rules
from tests.media_server.recording.builders import a_track

RECORDING = RecordingId("r" * 22)

START = Start(
    recording=RECORDING,
    room="room-1",
    node="node-1",
    policy="consented-recording",
    encryption="transport",
    recipient="age1",
    custodians=(),
    asked_by="p-1",
    participants=(),
    consents=(),
    public_key="A" * 43,
)


def part(first: int, last: int, *, packets: int | None = None, label: int = 1) -> SegmentTrack:
    return SegmentTrack(
        label=label,
        packets=last - first + 1 if packets is None else packets,
        bytes=100,
        first_seq=first,
        last_seq=last,
        first_timestamp=first,
        last_timestamp=last,
        first_us=first,
        last_us=last,
        ssrcs=(7,),
        keyframes=0,
    )


def a_segment(number: int, *parts: SegmentTrack) -> Segment:
    records = sum(part.packets for part in parts)
    name = segment_name(number)
    return Segment(number=number, name=name, sha256="0" * 64, bytes=10, records=records, tracks=parts)


def recovered(number: int) -> Segment:
    return replace(a_segment(number), records=None, recovered=True)


def a_gap(*ranges: tuple[int, int], cause: GapCause = GapCause.NETWORK_LOSS, label: int | None = 1) -> Gap:
    packets = sum(last - first + 1 for first, last in ranges)
    return Gap(cause=cause, label=label, from_us=1, until_us=2, packets=packets, ranges=ranges)


CRASH = Gap(cause=GapCause.CRASH, label=None, from_us=1, until_us=2, packets=None, ranges=())
UNKNOWN = Gap(cause=GapCause.SLOW_DISK, label=1, from_us=1, until_us=None, packets=None, ranges=())


def problems(*lines: Line) -> list[str]:
    rules = Rules(RECORDING)
    found: list[str] = []
    for line in lines:
        found += rules.problems(line)
        rules.add(line)
    return found


def stopped(*lines: Line) -> list[str]:
    """With the stop that these lines call for."""
    rules = Rules(RECORDING)
    for line in lines:
        rules.add(line)
    return problems(*lines, rules.totals.stop("stopped"))


ACCOUNTED: dict[str, tuple[Line, ...]] = {
    "nothing came": (),
    "all came": (a_segment(1, part(5, 9)), a_segment(2, part(10, 12))),
    "some came late": (a_segment(1, part(5, 9, packets=4)), a_segment(2, part(7, 12, packets=4))),
    "some came from before the first": (a_segment(1, part(5, 9)), a_segment(2, part(3, 10, packets=3))),
    "some were lost": (a_segment(1, part(5, 9, packets=3)), a_gap((6, 6), (8, 8))),
    "the first were dropped": (a_segment(1, part(5, 9)), a_gap((2, 4), cause=GapCause.SLOW_DISK)),
    "the last were refused": (a_segment(1, part(5, 9)), a_gap((10, 30), cause=GapCause.STORAGE_FAILED)),
    "all were dropped": (a_gap((1, 30), cause=GapCause.SLOW_DISK),),
    "the disk stood still but the buffer held": (a_segment(1, part(5, 9)), a_gap(cause=GapCause.SLOW_DISK)),
    "nobody knows after a crash": (a_segment(1, part(5, 9, packets=3)), CRASH),
    "nobody knows what a recovered segment holds": (a_segment(1, part(5, 9, packets=3)), recovered(2), CRASH),
    "nobody counted": (a_segment(1, part(5, 9, packets=3)), UNKNOWN),
    "a track that ended": (
        a_segment(1, part(1, 2)),
        TrackEnd(label=1, reason="left"),
        a_segment(2, part(3, 3)),
    ),
}


@pytest.mark.parametrize("lines", ACCOUNTED.values(), ids=ACCOUNTED.keys())
def test_what_is_accounted_for_is_in_order(lines: tuple[Line, ...]) -> None:
    assert stopped(START, a_track(1), *lines) == []


UNACCOUNTED: dict[str, tuple[Line, ...]] = {
    "one is missing": (a_segment(1, part(5, 9, packets=4)),),
    "between two segments": (a_segment(1, part(5, 9)), a_segment(2, part(11, 12))),
    "more are named as missing than went by": (a_segment(1, part(5, 9)), a_gap((7, 8))),
    "more came than there are numbers": (a_segment(1, part(5, 9)), a_segment(2, part(5, 9))),
    "even after a crash there cannot be more": (a_segment(1, part(5, 9)), a_segment(2, part(5, 9)), CRASH),
    "muting loses nothing": (a_segment(1, part(5, 9, packets=3)), a_gap(cause=GapCause.MUTE)),
}


@pytest.mark.parametrize("lines", UNACCOUNTED.values(), ids=UNACCOUNTED.keys())
def test_what_is_not_accounted_for_is_found_at_the_end(lines: tuple[Line, ...]) -> None:
    (problem,) = stopped(START, a_track(1), *lines)
    assert problem.startswith("of label 1, ")


def test_each_track_has_an_account_of_its_own() -> None:
    both = a_segment(1, part(1, 5), part(1, 5, packets=4, label=2))
    (problem,) = stopped(START, a_track(1), a_track(2), both)
    assert problem.startswith("of label 2, ")


OPENED = (START, a_track(1))

SENSELESS: dict[str, Iterable[Line]] = {
    "begins with start": (a_track(1),),
    "and has one": (START, START),
    "another recording": (replace(START, recording="other"),),
    "declares label 1 again": (*OPENED, a_track(1)),
    "ends label 2, which is not there": (*OPENED, TrackEnd(label=2, reason="x")),
    "ends label 1, which is not there": (*OPENED, *[TrackEnd(label=1, reason="x")] * 2),
    "where segment 1 is due": (*OPENED, a_segment(2)),
    "where segment 2 is due": (*OPENED, a_segment(1), a_segment(1)),
    "a name that is not its own": (*OPENED, replace(a_segment(1), name="000002.age")),
    "knows what is in a recovered segment": (*OPENED, replace(recovered(1), records=3)),
    "does not know what is in another": (*OPENED, replace(a_segment(1), records=None)),
    "more packets than records": (*OPENED, replace(a_segment(1, part(1, 4)), records=3)),
    "lists a label twice": (*OPENED, a_segment(1, part(1, 2), part(3, 4))),
    "label 9, which is not declared": (*OPENED, a_segment(1, part(1, 2, label=9))),
    "numbers or times of label 1 that cannot be": (*OPENED, a_segment(1, part(1, 2, packets=3))),
    "about label 9, which is not declared": (*OPENED, a_gap((1, 2), label=9)),
    "of no track in particular": (*OPENED, a_gap((1, 2), label=None)),
    "ends before it begins": (*OPENED, replace(a_gap((1, 2)), until_us=0)),
    "a range that ends before it begins": (*OPENED, a_gap((2, 1))),
    "do not add up": (*OPENED, replace(a_gap((1, 2)), packets=3)),
}


@pytest.mark.parametrize(("problem", "lines"), SENSELESS.items(), ids=SENSELESS.keys())
def test_what_makes_no_sense_is_found(problem: str, lines: Iterable[Line]) -> None:
    assert any(problem in found for found in problems(*lines))


@pytest.mark.parametrize(
    "change",
    [
        lambda stop: replace(stop, segments=2),
        lambda stop: replace(stop, packets=4),
        lambda stop: replace(stop, bytes=11),
        lambda stop: replace(stop, last=()),
        lambda stop: replace(stop, last=(replace(stop.last[0], seq=4),)),
        lambda stop: replace(stop, last=(replace(stop.last[0], timestamp=0),)),
    ],
)
def test_the_stop_says_what_the_lines_add_up_to(change: Callable[[Stop], Stop]) -> None:
    lines = (*OPENED, a_segment(1, part(1, 5)))
    rules = Rules(RECORDING)
    for line in lines:
        rules.add(line)
    stop = rules.totals.stop("stopped")
    assert problems(*lines, stop) == []
    assert problems(*lines, change(stop)) == ["its totals or last packets are not those of the lines before"]


def test_nothing_comes_after_the_stop() -> None:
    rules = Rules(RECORDING)
    stop = rules.totals.stop("stopped")
    assert "comes after the stop" in problems(START, stop, a_track(1))
