"""A synthetic participant that stays in its room whatever becomes of nodes, and measures silence.

    async with StayingParticipant(get_ticket, traffic=Traffic()) as participant:
        participant.measure()
        ...                                                      # a node is drained, or killed
        assert participant.silence["audio"].longest_s < 0.5

It sends as long as it lives, and subscribes to everybody.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from loadtest.dtls_client import SrtpProfile
from loadtest.errors import ClientError, MediaFailed
from loadtest.events import Event, ParticipantId, ParticipantLeft, Quality
from loadtest.lean import LeanParticipant
from loadtest.lean_sdp import VP8_RTX
from loadtest.media_socket import Traffic
from loadtest.room_view import RoomView
from loadtest.silence import Meter, Silence, Silences
from loadtest.stays import GetTicket, Happening, State, Stays
from loadtest.tickets import Renew, Ticket
from loadtest.wire import Encoding

NOTABLE_S = 0.25  # whoever waits for media to come back is told at once
FOR_GOOD = ("left", "removed", "connection-lost")  # not "replaced": that one is back at once, or should be

Source = tuple[ParticipantId, str]
Clock = Callable[[], float]


class StayingParticipant:
    """One LeanParticipant after the other. `on_packet` is shown every decrypted RTP packet of each."""

    def __init__(
        self,
        get_ticket: GetTicket,
        *,
        traffic: Traffic | None = None,
        on_packet: Callable[[bytes], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
        profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
        encoding: Encoding = Encoding.MSGPACK,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`get_ticket` is told why, "join" or "rejoin", and gives a ticket of the same participant each time.

        `traffic` None: receives only. `on_event` is shown every event of every stay.
        """
        self._traffic = traffic
        self._on_packet = on_packet
        self._on_event = on_event
        self._profile = profile
        self._encoding = encoding
        self._clock = clock
        self._silences = Silences()
        self._stays: Stays[_LeanStay] = Stays(self._make, get_ticket, clock=clock, jitter=jitter)

    async def __aenter__(self) -> Self:
        """Raises ClientError when the first join fails, and what the fetching of the ticket raises."""
        await self._stays.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stays.end()

    @property
    def stay(self) -> LeanParticipant:
        """The latest that has joined: while the room moves, the one on the new node."""
        return self._stays.present.participant

    @property
    def url(self) -> str:
        """Where the present stay is."""
        return self._stays.present.url

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
    def heard(self) -> set[Source]:
        """Of whom and what (camera, microphone) media came in the present stay."""
        return set(self._stays.present.heard)

    async def until(self, condition: Callable[[Self], bool], timeout_s: float | None = 10.0) -> None:
        """Wait until we are so: state, events, room, what is heard, a silence of a quarter of a second ended.

        Raises TimeoutError; why we are lost, when that comes before.
        """
        await self._stays.until(lambda: condition(self), timeout_s)

    # Measuring

    def measure(self) -> None:
        """Begin anew to measure silence; one that goes on counts from now."""
        self._silences.measure(self._clock())

    @property
    def silence(self) -> dict[str, Silence]:
        """The longest of each kind ("audio", "video") of media; a kind that was never heard is not there.

        Counted from packet to packet of one participant, over all stays, up to now. One that turned its
        camera off is silent, one that left is not; one that was lost with a node is silent until it is back.
        """
        return self._silences.longest(self._clock())

    @property
    def silences(self) -> list[Silence]:
        """The longest of each participant and kind."""
        return self._silences.all(self._clock())

    # Inside

    def _make(
        self, ticket: Ticket, renew: Renew, on_event: Callable[[Event], None], on_over: Callable[[], None]
    ) -> "_LeanStay":
        def hear(event: Event) -> None:
            stay.hear(event)
            self._hear(stay, event)
            on_event(event)

        participant = LeanParticipant(
            ticket.url,
            ticket.ticket,
            traffic=self._traffic,
            profile=self._profile,
            encoding=self._encoding,
            on_packet=lambda packet: stay.receive(packet),
            on_event=hear,
            on_over=on_over,
            renew=renew,
        )
        stay = _LeanStay(participant, self._silences, self._clock, self._stays.nudge, self._on_packet)
        return stay

    def _hear(self, stay: "_LeanStay", event: Event) -> None:
        # Who leaves a room that moves has gone to the other node, mostly.
        lasting = not self._stays.leaving(stay)
        if isinstance(event, ParticipantLeft) and event.reason in FOR_GOOD and lasting:
            self._silences.left(event.id, self._clock())
        if self._on_event is not None:
            self._on_event(event)


class _LeanStay:
    """A LeanParticipant that sends from its join on, and what is heard in it. Its packets are many."""

    def __init__(
        self,
        participant: LeanParticipant,
        silences: Silences,
        clock: Clock,
        nudge: Callable[[], None],
        on_packet: Callable[[bytes], None] | None,
    ) -> None:
        self.participant = participant
        self.heard: dict[Source, float] = {}
        self._silences = silences
        self._clock = clock
        self._nudge = nudge
        self._on_packet = on_packet
        self._flows: dict[int, tuple[Source, Meter]] = {}
        self._sending: asyncio.Task[None] | None = None
        self._media_failed: MediaFailed | None = None

    @property
    def url(self) -> str:
        return self.participant.url

    @property
    def room(self) -> RoomView:
        return self.participant.room

    @property
    def over(self) -> ClientError | None:
        return self.participant.over or self._media_failed

    async def join(self) -> None:
        await self.participant.join()
        self._sending = asyncio.create_task(self.participant.send(), name="send")

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        await self.participant.close()

    def hear(self, event: Event) -> None:
        if isinstance(event, Quality) and event.media_lost and event.participant == self.room.me:
            self._media_failed = MediaFailed("the server gave our media path up")

    def receive(self, packet: bytes) -> None:
        if self._on_packet is not None:
            self._on_packet(packet)
        if packet[1] & 0x7F == VP8_RTX:
            return  # a probe looks like it, too
        ssrc = int.from_bytes(packet[8:12])
        flow = self._flows.get(ssrc) or self._new_flow(ssrc)
        if flow is None:
            return
        source, meter = flow
        now = self._clock()
        if meter.packet(now) > NOTABLE_S or source not in self.heard:
            self._nudge()
        self.heard[source] = now

    def _new_flow(self, ssrc: int) -> tuple[Source, Meter] | None:
        """None until the answer has told what the SSRC carries."""
        track = self.participant.received.get(ssrc)
        if track is None:
            return None
        meter = self._silences.meter(track.participant, track.kind, self._clock())
        flow = self._flows[ssrc] = ((track.participant, track.source), meter)
        return flow
