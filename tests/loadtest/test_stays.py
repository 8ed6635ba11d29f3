"""The order of one stay after another, with stays that do what a test says: no sockets, no media."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat

import pytest

from loadtest import stays
from loadtest.errors import ClientError, ConnectionLost, Draining, Elsewhere, Refused, RoomOver
from loadtest.events import Cut, Event, Moved, ParticipantId, Resumed, TrackId, TrackUnpublished, parse_joined
from loadtest.room_view import RoomView
from loadtest.stays import State, Stays, lacking
from loadtest.tickets import Renew, Ticket
from tests.loadtest.fake_server import APass, a_joined_state, a_participant, a_track

ANN, BOB = (ParticipantId("ann"), "camera"), (ParticipantId("bob"), "camera")
A, B, C = "ws://a", "ws://b", "ws://c"


def a_room(*who: str) -> RoomView:
    there = [a_participant(name, tracks=[a_track(f"{name}-video", name)]) for name in who]
    return RoomView(parse_joined(a_joined_state(participants=there)))


@dataclass
class AStay:
    """`tell` is the session's event sink; set `over` and call `ended` for the end of the session."""

    url: str
    tell: Callable[[Event], None]
    ended: Callable[[], None]
    refusal: ClientError | None = None
    room: RoomView = field(default_factory=lambda: a_room("ann", "bob"))
    heard: dict[tuple[ParticipantId, str], float] = field(default_factory=dict)
    over: ClientError | None = None
    closed: bool = False

    async def join(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def close(self) -> None:
        self.closed = True

    def end(self, why: ClientError) -> None:
        self.over = why
        self.ended()


@dataclass
class Nodes:
    """Every stay that was begun, and the tickets that will be given: a url each, or what goes wrong."""

    tickets: list[str | Exception]
    refusals: dict[str, list[ClientError]] = field(default_factory=dict)
    made: list[AStay] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    now: float = 100.0

    async def ticket(self, why: str) -> Ticket:
        self.asked.append(why)
        ticket = self.tickets.pop(0) if len(self.tickets) > 1 else self.tickets[0]
        if isinstance(ticket, Exception):
            raise ticket
        return APass(ticket)

    def make(
        self, ticket: Ticket, _: Renew, tell: Callable[[Event], None], over: Callable[[], None]
    ) -> AStay:
        refusals = self.refusals.get(ticket.url)
        stay = AStay(ticket.url, tell, over, refusals.pop(0) if refusals else None)
        self.made.append(stay)
        return stay


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stays, "pauses", lambda _: repeat(0.0))
    monkeypatch.setattr(stays, "LINGER_S", 0.01)


@asynccontextmanager
async def staying(nodes: Nodes) -> AsyncIterator[Stays[AStay]]:
    one: Stays[AStay] = Stays(nodes.make, nodes.ticket, clock=lambda: nodes.now)
    await one.begin()
    try:
        yield one
    finally:
        await one.end()


async def some_turns() -> None:
    """Let the others do what they would do now."""
    for _ in range(10):
        await asyncio.sleep(0)


def state(one: Stays[AStay]) -> State:
    return one.state


def told(one: Stays[AStay]) -> list[str]:
    return [happening.what for happening in one.happenings]


async def test_the_old_stay_is_left_only_once_the_new_one_carries_all_that_it_did() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        old = one.present
        old.heard = {ANN: 99.9, BOB: 99.9}
        old.tell(Moved(B, "fresh"))
        await one.until(lambda: one.present is not old)
        new = one.present
        assert state(one) is State.MOVING
        new.heard[ANN] = 100.0
        one.nudge()
        await some_turns()
        assert not old.closed
        new.heard[BOB] = 100.0
        one.nudge()
        await one.until(lambda: one.state is State.CONNECTED)
        assert old.closed
        assert not new.closed
    assert told(one) == ["joined", "moving", "moved"]
    assert nodes.asked == ["join"]  # the event brought the ticket
    assert new.closed


async def test_an_old_node_that_ends_it_is_waited_for_no_longer() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        old = one.present
        old.heard = {ANN: 99.9}
        old.tell(Moved(B, "fresh"))
        await one.until(lambda: one.present is not old)
        old.end(Draining())
        await one.until(lambda: old.closed)
        assert state(one) is State.CONNECTED
        assert one.present.url == B


async def test_a_refused_move_is_tried_again_with_fresh_tickets_while_the_old_stay_goes_on() -> None:
    nodes = Nodes(
        [A, OSError("no tickets now"), C], refusals={B: [Refused("try-again"), Refused("try-again")]}
    )
    async with staying(nodes) as one:
        old = one.present
        old.tell(Moved(B, "fresh"))
        await one.until(lambda: one.present is not old)
        assert [stay.url for stay in nodes.made] == [A, B, B, C]
    assert told(one)[:4] == ["joined", "moving", "failed", "failed"]


async def test_a_new_node_that_is_lost_in_the_move_is_not_exchanged_for_the_old_one() -> None:
    nodes = Nodes([A, C])
    async with staying(nodes) as one:
        old = one.present
        old.heard = {ANN: 99.9}
        old.tell(Moved(B, "fresh"))
        await one.until(lambda: one.present.url == B)
        one.present.end(ConnectionLost())
        await one.until(lambda: one.present.url == C)
        assert [stay.closed for stay in nodes.made] == [False, True, False]


async def test_a_lost_stay_is_followed_by_another_as_soon_as_a_node_takes_us() -> None:
    nodes = Nodes([A, OSError("no tickets now"), A, B], refusals={A: []})
    async with staying(nodes) as one:
        old = one.present
        nodes.refusals[A] = [ConnectionLost()]
        old.end(Refused("resume-expired"))
        assert state(one) is State.RECONNECTING
        await one.until(lambda: one.state is State.CONNECTED)
        assert one.present.url == B
        assert old.closed
    assert told(one) == ["joined", "lost", "failed", "rejoined"]
    assert nodes.asked == ["join", "rejoin", "rejoin", "rejoin"]


async def test_a_ticket_found_elsewhere_is_used_at_once() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        one.present.end(Elsewhere(APass(B)))
        await one.until(lambda: one.present.url == B)
    assert nodes.asked == ["join"]


async def test_a_cut_is_a_state_and_no_loss() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        one.present.tell(Cut())
        assert state(one) is State.RECONNECTING
        one.present.tell(Resumed())
        assert state(one) is State.CONNECTED
    assert told(one) == ["joined", "cut", "resumed"]


async def test_the_end_of_the_room_is_the_end() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        one.present.end(RoomOver())
        with pytest.raises(RoomOver):
            await one.until(lambda: False)
        assert state(one) is State.LOST
        assert isinstance(one.over, RoomOver)
    assert told(one) == ["joined", "ended"]


async def test_a_room_that_moves_twice_is_followed_twice() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        one.present.tell(Moved(B, "fresh"))
        await one.until(lambda: one.present.url == B)
        one.present.tell(Moved(C, "fresher"))
        await one.until(lambda: one.present.url == C and one.state is State.CONNECTED)
        assert [stay.closed for stay in nodes.made] == [True, True, False]


async def test_a_first_join_that_fails_is_the_callers() -> None:
    nodes = Nodes([A], refusals={A: [Refused("draining")]})
    with pytest.raises(Refused):
        async with staying(nodes):
            pass


async def test_leaving_ends_both_stays_of_a_move() -> None:
    nodes = Nodes([A])
    async with staying(nodes) as one:
        one.present.heard = {ANN: 100.0}
        one.present.tell(Moved(B, "fresh"))
        await one.until(lambda: len(nodes.made) == 2 and one.present.url == B)
    assert [stay.closed for stay in nodes.made] == [True, True]


def a_stay(*who: str) -> AStay:
    return AStay(A, lambda _: None, lambda: None, room=a_room(*who))


def test_what_was_silent_before_the_room_moved_is_not_waited_for() -> None:
    old, new = a_stay("ann", "bob"), a_stay("ann", "bob")
    old.heard = {ANN: 9.0, BOB: 3.0}
    assert lacking(old, new, since_s=8.0) == {ANN}


def test_who_has_not_moved_yet_is_waited_for_and_who_has_left_is_not() -> None:
    old, new = a_stay("ann", "bob"), a_stay()
    old.heard = {ANN: 9.0, BOB: 9.0}
    old.room.apply(TrackUnpublished(TrackId("bob-video")))
    assert lacking(old, new, since_s=8.0) == {ANN}


def test_who_is_on_the_new_node_already_is_waited_for_until_heard() -> None:
    old, new = a_stay(), a_stay("ann")
    old.heard = {ANN: 9.0}
    assert lacking(old, new, since_s=8.0) == {ANN}
    new.heard = {ANN: 9.5}
    assert lacking(old, new, since_s=8.0) == set()


async def test_what_should_not_happen_is_not_hidden() -> None:
    nodes = Nodes([A])

    class Bug(Exception):
        pass

    def broken(*_: object) -> AStay:
        raise Bug

    one: Stays[AStay] = Stays(nodes.make, nodes.ticket)
    await one.begin()
    one._make = broken
    one.present.end(Draining())
    with pytest.raises(ClientError):
        await one.until(lambda: False)
    with pytest.raises(Bug):
        await one.end()


async def test_a_wait_has_an_end() -> None:
    async with staying(Nodes([A])) as one:
        with pytest.raises(TimeoutError):
            await one.until(lambda: False, 0.01)
        await asyncio.wait_for(one.until(lambda: one.state is State.CONNECTED), 1)
