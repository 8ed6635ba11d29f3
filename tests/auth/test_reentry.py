"""Reentry: proof of having been a certain participant of a room, good for nothing else."""

from pathlib import Path

import jwt
import pytest

from auth import (
    REENTRY_LIFE_S,
    KeyRing,
    Private,
    Reentries,
    Role,
    TicketForeign,
    TicketIssuer,
    TicketVerifier,
)
from tests.auth.builders import HandClock, a_ring, content_of, resigned

ME = "p-0123456789abcdef"


class Desk:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.ring: KeyRing = a_ring(folder, self.clock)
        self.reentries = Reentries(self.ring, clock=self.clock)

    def given(self) -> str:
        return self.reentries.issue(room="demo", role=Role.PATIENT, participant=ME)

    def who(self, value: str, *, room: str = "demo", role: Role = Role.PATIENT) -> str | None:
        return self.reentries.participant(value, room=room, role=role)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_whoever_comes_back_to_the_same_room_and_role_is_the_same_participant(desk: Desk) -> None:
    value = desk.given()
    assert desk.who(value) == ME
    assert desk.who(value) == ME, "as often as a page is loaded again"


def test_in_another_room_or_role_it_says_nothing(desk: Desk) -> None:
    assert desk.who(desk.given(), room="other") is None
    assert desk.who(desk.given(), role=Role.DOCTOR) is None


def test_it_ends(desk: Desk) -> None:
    value = desk.given()
    desk.clock.now += REENTRY_LIFE_S - 1
    assert desk.who(value) == ME
    desk.clock.now += 1
    assert desk.who(value) is None


def test_it_says_nothing_about_the_person(desk: Desk) -> None:
    assert set(content_of(desk.given())) == {"iss", "aud", "sub", "room", "role", "iat", "exp"}


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "eyJ" * 3000, "\u00e9", "..", "[" * 4000])
def test_garbage_is_nobody(desk: Desk, value: str) -> None:
    assert desk.who(value) is None


def test_what_others_signed_or_somebody_changed_is_nobody(desk: Desk, tmp_path: Path) -> None:
    stranger = Desk(tmp_path / "other")
    assert desk.who(stranger.given()) is None
    value = desk.given()
    assert desk.who(value[:-4] + "AAAA") is None
    assert desk.who(jwt.encode(content_of(value), "", algorithm="none")) is None
    for claim in ("sub", "room", "role", "iat", "exp", "iss", "aud"):
        assert desk.who(resigned(value, desk.ring, **{claim: None})) is None
    assert desk.who(resigned(value, desk.ring, sub="../x")) is None


async def test_a_ticket_is_no_reentry_and_a_reentry_no_ticket(desk: Desk) -> None:
    ticket = TicketIssuer(desk.ring, clock=desk.clock).issue(
        room="demo", role=Role.PATIENT, name=Private("A"), participant=ME
    )
    assert desk.who(ticket) is None
    with pytest.raises(TicketForeign):
        TicketVerifier(desk.ring, clock=desk.clock).verify(desk.given())
