"""An aiortc participant that stays in its room whatever becomes of nodes: one Client after the other.

    async def enter(client: Client) -> None:                     # for each stay anew
        video, audio = play(film)
        await client.publish(Publication(video, Source.CAMERA), Publication(audio, Source.MICROPHONE))

    async with StayingClient(get_ticket, enter) as participant:
        frame = await participant.stay.received[track_id].recv()

Track ids differ from stay to stay, participant ids do not.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from loadtest.client import Client
from loadtest.errors import ClientError, MediaFailed
from loadtest.events import Event, ParticipantId, Quality, TrackId
from loadtest.room_view import RoomView
from loadtest.stays import GetTicket, Happening, State, Stays
from loadtest.tickets import Renew, Ticket
from loadtest.wire import Encoding

COUNT_AGAIN_S = 0.2

Enter = Callable[[Client], Awaitable[None]]


class StayingClient:
    """`enter` is called in each stay once it has joined: publish there, and what else is to be said anew."""

    def __init__(
        self,
        get_ticket: GetTicket,
        enter: Enter,
        *,
        encoding: Encoding = Encoding.JSON,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`get_ticket` is told why, "join" or "rejoin"; its tickets are all of the same participant."""
        self._enter = enter
        self._encoding = encoding
        self._clock = clock
        self._stays: Stays[_ClientStay] = Stays(self._make, get_ticket, clock=clock, jitter=jitter)

    async def __aenter__(self) -> Self:
        """Raises ClientError when the first join fails, and what `enter` and `get_ticket` raise."""
        await self._stays.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stays.end()

    @property
    def stay(self) -> Client:
        """The latest that has joined: while the room moves, the one on the new node."""
        return self._stays.present.client

    @property
    def room(self) -> RoomView:
        return self.stay.room

    @property
    def state(self) -> State:
        return self._stays.state

    @property
    def over(self) -> ClientError | None:
        """Why it is lost for good."""
        return self._stays.over

    @property
    def events(self) -> Sequence[Happening]:
        """What happened, the last 256."""
        return self._stays.happenings

    @property
    def heard(self) -> set[tuple[ParticipantId, str]]:
        """Of whom and what (camera, microphone, screen) media came in the present stay."""
        return set(self._stays.present.heard)

    async def until(self, condition: Callable[[Self], bool], timeout_s: float | None = 10.0) -> None:
        """Wait until we are so. Raises TimeoutError; why we are lost, when that comes before."""
        await self._stays.until(lambda: condition(self), timeout_s)

    def _make(
        self, ticket: Ticket, renew: Renew, on_event: Callable[[Event], None], on_over: Callable[[], None]
    ) -> "_ClientStay":
        def hear(event: Event) -> None:
            stay.hear(event)
            on_event(event)

        client = Client(
            ticket.url, ticket.ticket, encoding=self._encoding, on_event=hear, on_over=on_over, renew=renew
        )
        stay = _ClientStay(client, self._enter, self._clock, self._stays.nudge)
        return stay


class _ClientStay:
    """A Client, and what is heard in it: aiortc tells nobody of packets, so they are counted now and then."""

    def __init__(
        self, client: Client, enter: Enter, clock: Callable[[], float], nudge: Callable[[], None]
    ) -> None:
        self.client = client
        self.heard: dict[tuple[ParticipantId, str], float] = {}
        self._enter = enter
        self._clock = clock
        self._nudge = nudge
        self._counting: asyncio.Task[None] | None = None
        self._media_failed: MediaFailed | None = None

    @property
    def url(self) -> str:
        return self.client.url

    @property
    def room(self) -> RoomView:
        return self.client.room

    @property
    def over(self) -> ClientError | None:
        return self.client.over or self._media_failed

    async def join(self) -> None:
        try:
            await self.client.connect()
            await self._enter(self.client)
        except BaseException:
            await self.client.close()
            raise
        self._counting = asyncio.create_task(self._count(), name="count-packets")

    async def close(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
        if self.client.connected:
            await self.client.leave()
        await self.client.close()

    def hear(self, event: Event) -> None:
        if isinstance(event, Quality) and event.media_lost and event.participant == self.room.me:
            self._media_failed = MediaFailed("the server gave our media path up")

    async def _count(self) -> None:
        before: dict[TrackId, int] = {}
        while True:
            counts = await self.client.packets()
            for id_, count in counts.items():
                track = self.room.tracks.get(id_)
                if track is not None and count > before.get(id_, 0):
                    self.heard[track.participant, track.source] = self._clock()
            before = counts
            self._nudge()
            await asyncio.sleep(COUNT_AGAIN_S)
