"""One participant's stays in a room, one node after the other (protocol §4).

When the room moves, the next stay begins beside the present one, which is left once the next carries all
that it did. When a stay is lost, the next begins with a fresh ticket, as soon as a node takes it. What a stay
is made of is its own matter.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from loadtest.errors import (
    BadMessage,
    ClientError,
    Elsewhere,
    NoSuchRoom,
    NotAllowed,
    Replaced,
    RoomOver,
    SessionClosed,
)
from loadtest.events import Cut, Event, Moved, ParticipantId, Resumed
from loadtest.patience import pauses
from loadtest.room_view import RoomView
from loadtest.session import TICKET_TIMEOUT_S
from loadtest.tickets import Renew, Ticket

RECENT_S = 2.0  # what was silent for longer when the room began to move need not come over the new connection
LINGER_S = 1.0  # those who are slower still get our media from the old node
KEPT_EVENTS = 256  # the oldest are forgotten
FINAL = (RoomOver, Replaced, NotAllowed, NoSuchRoom, BadMessage)

GetTicket = Callable[[str], Awaitable[Ticket]]
"""Fetches a ticket; is told why: "join" or "rejoin"."""


class State(StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"  # the WebSocket is lost; media may go on
    MOVING = "moving"
    LOST = "lost"  # for good


@dataclass(frozen=True, slots=True)
class Happening:
    """`what`: joined, cut, resumed, moving (told to), moved (the new carries all), lost (the stay), rejoined,
    failed (an attempt), ended (for good).
    """

    what: str
    at_s: float  # monotonic
    url: str  # of the node it is about
    why: str = ""


class Stay(Protocol):
    """`heard`: when each source of each participant was last heard in this stay, monotonic."""

    heard: dict[tuple[ParticipantId, str], float]

    @property
    def url(self) -> str: ...

    @property
    def room(self) -> RoomView: ...

    @property
    def over(self) -> ClientError | None: ...

    async def join(self) -> None:
        """Enter, publish, subscribe. Raises ClientError, with nothing left open."""
        ...

    async def close(self) -> None:
        """Leave. Idempotent."""
        ...


S = TypeVar("S", bound=Stay)


@dataclass(slots=True)
class Seat(Generic[S]):
    """A stay, whether its WebSocket is lost, and where it was told to go."""

    stay: S
    cut: bool = False
    moved: Moved | None = None
    moved_at_s: float = 0.0


class Stays(Generic[S]):
    """`begin`, then `end`. A factory makes each stay; the stay tells us its events and its end."""

    def __init__(
        self,
        make: Callable[[Ticket, Renew, Callable[[Event], None], Callable[[], None]], S],
        get_ticket: GetTicket,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`make` is given a ticket, what fetches another, and what the stay tells its events and its end."""
        self._make = make
        self._get_ticket = get_ticket
        self._clock = clock
        self._jitter = jitter
        self._present: Seat[S] | None = None
        self._open: list[Seat[S]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self.over: ClientError | None = None
        self.happenings: deque[Happening] = deque(maxlen=KEPT_EVENTS)

    @property
    def present(self) -> S:
        """The latest stay that has joined."""
        assert self._present is not None, "not joined"
        return self._present.stay

    @property
    def state(self) -> State:
        if self._ended:
            return State.LOST
        if self._present is None:
            return State.CONNECTING
        if self._present.cut or self._present.stay.over is not None:
            return State.RECONNECTING
        return State.MOVING if self.moving else State.CONNECTED

    @property
    def moving(self) -> bool:
        """Whether the present stay, or the one before, is about to be left because the room moves."""
        return any(seat.moved is not None and seat.stay.over is None for seat in self._open)

    def leaving(self, stay: S) -> bool:
        """Whether this stay was told that the room moves."""
        return any(seat.stay is stay and seat.moved is not None for seat in self._open)

    async def begin(self) -> None:
        """The first stay. Raises ClientError, and whatever the fetching of the ticket raises."""
        ticket = await self._get_ticket("join")
        self._present = await self._enter(ticket)
        self._note("joined", self._present.stay.url)
        self._task = asyncio.create_task(self._run(), name="stays")

    async def end(self) -> None:
        """Leave whatever is open. Idempotent. Raises what should not have happened."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(seat.stay.close() for seat in self._open), return_exceptions=True)
        self._open.clear()
        if self._task is not None and not self._task.cancelled():
            self._task.result()

    def nudge(self) -> None:
        """Something has changed that somebody may wait for."""
        self._wake.set()

    async def until(self, condition: Callable[[], bool], timeout_s: float | None = 10.0) -> None:
        """Wait for what `nudge` tells of. Raises TimeoutError; why it is over, when that comes before."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                if self.state is State.LOST:
                    raise self.over or SessionClosed()
                self._wake.clear()
                await self._wake.wait()

    # One stay after the other

    async def _run(self) -> None:
        try:
            assert self._present is not None
            while True:
                self._present = await self._next(self._present)
        except ClientError as error:
            self.over = error
            self._note("ended", self.present.url, str(error))
        finally:
            self._ended = True
            self.nudge()

    async def _next(self, old: Seat[S]) -> Seat[S]:
        """The stay after this one, once this one has to be left. Raises what forbids another."""
        await self.until(lambda: old.moved is not None or old.stay.over is not None, None)
        why = old.stay.over
        if why is not None and _is_final(why):
            raise why
        ticket: Ticket | None = old.moved
        if why is not None:
            self._note("lost", old.stay.url, str(why))
            if ticket is None and isinstance(why, Elsewhere):
                ticket = why.ticket
        while True:
            new = await self._enter_somewhere(ticket)
            self._present = new
            if old.stay.over is None:
                await self._hand_over(old, new)
            lost = new.stay.over
            if lost is None or old.stay.over is not None:
                break
            self._note("failed", new.stay.url, str(lost))  # and the old one is there still
            self._present, ticket = old, None
            await self._leave(new)
        self._note("moved" if why is None else "rejoined", new.stay.url)
        await self._leave(old)
        return new

    async def _enter_somewhere(self, ticket: Ticket | None) -> Seat[S]:
        """With this ticket, or else with fresh ones until one is taken. Raises what is final."""
        waits = pauses(self._jitter)
        fresh = ticket is not None
        while True:
            if not fresh:
                ticket = await self._fetch() or ticket
            if ticket is not None:
                try:
                    return await self._enter(ticket)
                except (ClientError, OSError) as error:  # no route to it, maybe
                    self._note("failed", ticket.url, str(error))
                    if isinstance(error, ClientError) and _is_final(error):
                        raise
            fresh = False
            await asyncio.sleep(next(waits))

    async def _enter(self, ticket: Ticket) -> Seat[S]:
        def hear(event: Event) -> None:
            self._hear(seat, event)

        seat = Seat(self._make(ticket, self._renew, hear, self.nudge))
        await seat.stay.join()
        self._open.append(seat)
        self.nudge()
        return seat

    async def _hand_over(self, old: Seat[S], new: Seat[S]) -> None:
        """Be in both until the new one carries what the old one did, or the old node has ended it."""

        def either_over() -> bool:
            return old.stay.over is not None or new.stay.over is not None

        since_s = old.moved_at_s - RECENT_S
        await self.until(lambda: either_over() or not lacking(old.stay, new.stay, since_s), None)
        with suppress(TimeoutError):
            await self.until(either_over, LINGER_S)

    async def _leave(self, seat: Seat[S]) -> None:
        await seat.stay.close()
        self._open.remove(seat)
        self.nudge()

    # Inside

    async def _renew(self) -> Ticket:
        return await self._get_ticket("rejoin")

    async def _fetch(self) -> Ticket | None:
        # Whatever goes wrong where tickets come from, it may go well the next time.
        with suppress(Exception):
            async with asyncio.timeout(TICKET_TIMEOUT_S):
                return await self._renew()
        return None

    def _hear(self, seat: Seat[S], event: Event) -> None:
        match event:
            case Moved():
                seat.moved, seat.moved_at_s = event, self._clock()
                self._note("moving", event.url)
            case Cut():
                seat.cut = True
                self._note("cut", seat.stay.url)
            case Resumed():
                seat.cut = False
                self._note("resumed", seat.stay.url)
            case _:
                self.nudge()

    def _note(self, what: str, url: str, why: str = "") -> None:
        self.happenings.append(Happening(what, self._clock(), url, why))
        self.nudge()


def lacking(old: Stay, new: Stay, since_s: float) -> set[tuple[ParticipantId, str]]:
    """What the old stay has carried since then, is sent in either still, and was not heard in the new one.

    Whoever moves sends in the new room before it leaves the old one: what is in neither has ended for good.
    """
    sent = {(track.participant, track.source) for stay in (old, new) for track in stay.room.others_tracks()}
    carried = {source for source, last_s in old.heard.items() if last_s >= since_s}
    return (carried & sent) - new.heard.keys()


def _is_final(error: ClientError) -> bool:
    """Whether another stay would end alike. A plain 1000 is the end of what somebody closed."""
    return isinstance(error, FINAL) or (isinstance(error, SessionClosed) and error.close_code == 1000)
