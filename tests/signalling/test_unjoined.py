"""Who may wait at the door: so many in all, so many from one source."""

import pytest

from signalling.unjoined import Source, Unjoined, source_of


def test_one_source_cannot_take_all_the_places() -> None:
    unjoined = Unjoined(limit=10, limit_per_source=3)
    crowd, patient = Source("198.51.100.1"), Source("203.0.113.9")
    for _ in range(3):
        unjoined.enter(crowd)
    assert not unjoined.admits(crowd)
    assert unjoined.admits(patient)


def test_all_together_have_a_limit_too() -> None:
    unjoined = Unjoined(limit=4, limit_per_source=3)
    for n in range(4):
        unjoined.enter(Source(str(n)))
    assert not unjoined.admits(Source("another"))


def test_a_place_is_free_again_once_however_often_it_is_left() -> None:
    unjoined = Unjoined(limit=2, limit_per_source=2)
    source = Source("198.51.100.1")
    leave, _ = unjoined.enter(source), unjoined.enter(source)
    leave()
    leave()
    unjoined.enter(source)
    assert not unjoined.admits(source)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("", "unknown"),
        (None, "unknown"),
        ("by the client's own word", "unknown"),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_network(address: str | None, source: str) -> None:
    assert source_of(address) == source
