"""Specifies the small pure parts: rate limit, ratings, private values, what expires."""

import json

import pytest

from signalling.memory_rooms import Expiring
from signalling.messages import LinkSummary
from signalling.private import Private
from signalling.quality import rate
from signalling.rate_limit import TokenBucket
from signalling.schema import message_schema
from signalling.views import Rating

GOOD, FAIR, POOR = Rating.GOOD, Rating.FAIR, Rating.POOR


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    bucket = TokenBucket(rate_per_s=10.0, burst=3.0, now=0.0)
    assert [bucket.take(1.0, now=0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(1.0, now=0.1)
    assert not bucket.take(1.0, now=0.1)
    assert [bucket.take(1.0, now=100.0) for _ in range(4)] == [True, True, True, False]


def test_what_costs_too_much_takes_nothing() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=3.0, now=0.0)
    assert not bucket.take(4.0, now=0.0)
    assert bucket.take(3.0, now=0.0)


@pytest.mark.parametrize(
    ("link", "before", "rating"),
    [
        (LinkSummary(), GOOD, GOOD),
        (LinkSummary(loss=0.0, rtt_ms=40, jitter_ms=5, freezes=0), POOR, GOOD),
        (LinkSummary(loss=0.03), GOOD, FAIR),
        (LinkSummary(loss=0.1), GOOD, POOR),
        (LinkSummary(rtt_ms=350), GOOD, FAIR),
        (LinkSummary(rtt_ms=900), GOOD, POOR),
        (LinkSummary(jitter_ms=50), GOOD, FAIR),
        (LinkSummary(freezes=1), GOOD, FAIR),
        (LinkSummary(loss=0.0, freezes=4), GOOD, POOR),
        # A little better than the bound is not yet better.
        (LinkSummary(loss=0.07), POOR, POOR),
        (LinkSummary(loss=0.015), FAIR, FAIR),
        (LinkSummary(loss=0.05), POOR, FAIR),
        (LinkSummary(loss=0.01), FAIR, GOOD),
    ],
)
def test_ratings(link: LinkSummary, before: Rating, rating: Rating) -> None:
    assert rate(link, before) is rating


def test_a_private_value_shows_nothing_of_itself() -> None:
    name = Private("Jane Doe")
    shown = f"{name} {name!r} {name!s} {name:>20} {[name]} { ({'name': name}) }"
    assert "Jane" not in shown
    assert name.reveal() == "Jane Doe"
    assert name == Private("Jane Doe") != Private("John Doe")
    assert {name: 1}[Private("Jane Doe")] == 1


def test_what_expires_does_not_pile_up() -> None:
    now = [0.0]
    entries: Expiring[int, int] = Expiring(lambda: now[0])
    for n in range(10_000):
        now[0] = float(n)
        entries.set(n, n, ttl_s=10.0)
    assert len(entries) <= 11
    assert entries.get(9_999) == 9_999
    assert entries.get(9_000) is None
    for _ in range(10_000):
        entries.set(1, 1, ttl_s=10.0)
    assert len(entries._ends) < 200


def test_the_schema_describes_every_message() -> None:
    schema = message_schema()
    assert json.loads(json.dumps(schema)) == schema
    definitions = schema["$defs"]
    for kind in ("ClientMessage", "ServerReply", "ServerEvent"):
        for reference in definitions[kind]["anyOf"]:
            described = definitions[reference["$ref"].removeprefix("#/$defs/")]
            assert "type" in described["required"]
            assert ("seq" in described["required"]) is (kind == "ServerEvent")
    assert definitions["Relay"]["properties"]["body"] == {
        "type": "string",
        "contentEncoding": "base64url",
        "title": "Body",
    }
