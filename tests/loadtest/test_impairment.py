"""What `--impair` says, and what is told of what says nothing."""

import pytest

from loadtest.impairment import BadImpairment, Direction, Impairment, parse_impairment


def test_each_part_says_one_thing_in_its_own_unit() -> None:
    written = "loss=5%,burst=3,delay=50ms,jitter=0.2s,rate=2mbit,queue=100ms,direction=up"
    assert parse_impairment(written) == Impairment(
        loss=0.05,
        burst=3,
        delay_s=0.05,
        jitter_s=0.2,
        rate_bps=2_000_000,
        queue_s=0.1,
        direction=Direction.UP,
    )


def test_what_is_not_said_changes_nothing_and_both_directions_are_meant() -> None:
    impairment = parse_impairment(" Delay=50ms , loss = 0.5% ".lower())
    assert impairment == Impairment(loss=0.005, delay_s=0.05)
    assert (impairment.up, impairment.down) == (True, True)


@pytest.mark.parametrize(
    ("direction", "up_and_down"), [("both", (True, True)), ("up", (True, False)), ("down", (False, True))]
)
def test_a_direction_may_be_left_alone(direction: str, up_and_down: tuple[bool, bool]) -> None:
    impairment = parse_impairment(f"loss=1%,direction={direction}")
    assert (impairment.up, impairment.down) == up_and_down


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "has an empty part: give loss, burst, delay"),
        ("loss=5%,", "has an empty part: give loss"),
        ("loss", "loss: give loss, burst"),
        ("fog=3", "fog=3: give loss, burst"),
        ("loss=5", "loss=5: give 0% to 100%"),
        ("loss=101%", "loss=101%: give 0% to 100%"),
        ("loss=-1%", "loss=-1%: give 0% to 100%"),
        ("loss=nan%", "loss=nan%: give 0% to 100%"),
        ("delay=50", "delay=50: give a time up to 5s"),
        ("delay=6s", "delay=6s: give a time up to 5s"),
        ("jitter=0x1ms", "jitter=0x1ms: give a time"),
        ("rate=2", "rate=2: give 8kbit to 10gbit"),
        ("rate=1kbit", "rate=1kbit: give 8kbit to 10gbit"),
        ("loss=5%,burst=0.5", "burst=0.5: give how many"),
        ("burst=3", "burst: give loss too"),
        ("loss=80%,burst=2", "burst=2: with bursts of that length at most 67%"),
        ("loss=5%,loss=6%", "loss: give it once"),
        ("direction=left", "direction=left: give both, up, down"),
    ],
)
def test_a_mistake_is_told_by_the_part_that_it_is_in(written: str, told: str) -> None:
    with pytest.raises(BadImpairment) as refused:
        parse_impairment(written)
    assert str(refused.value).startswith(told)
