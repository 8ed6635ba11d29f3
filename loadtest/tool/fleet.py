"""Everybody who takes part in a test: how they come in and go, and what they measured between them."""

import asyncio
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from loadtest.errors import ClientError, code_of
from loadtest.events import Event, ParticipantAdmitted, Resumed, TrackId
from loadtest.impairment import parse_impairment
from loadtest.participant import (
    Joining,
    MakeParticipant,
    Participant,
    ParticipantFigures,
    Publishing,
    ReceivedTrack,
)
from loadtest.results import Options, Progress
from loadtest.tool.entrances import Entrance
from loadtest.tool.tails import STILL_S, Counted, Tails
from loadtest.tool.tally import Flow, JoinTally, Tally

FIRST_PACKET_S = 10.0
CLOSE_S = 8.0
SETTLED_S = 2.0  # who came within the window is asked after so long whether all plays
NOTHING = Publishing(audio=False, video=False)


@dataclass(eq=False, slots=True)
class Member:
    """One participant of a room. Times are monotonic seconds."""

    room: str
    role: str
    publishing: Publishing
    participant: Participant
    came_s: float
    ticket_ms: float
    met_somebody: bool
    """Whether somebody was sending when this one came."""
    counted_from_s: float
    waited: bool = False
    """Whether it had to be let in, so that its join took as long as a doctor did."""
    sending: bool = False
    over_told: bool = False
    join_recorded: bool = False
    admitted_s: float | None = None
    resumes: int = 0
    counted: Counted = field(default_factory=Counted)
    """What was measured of it before its figures last began anew."""
    tails: Tails = field(default_factory=Tails)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: Event) -> None:
        """Told by the participant."""
        match event:
            case Resumed():
                self.resumes += 1
            case ParticipantAdmitted(id=who) if who == self.participant.room.me:
                self.admitted_s = time.monotonic()
            case _:
                return
        self.wake()

    def wake(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[["Member"], bool], timeout_s: float) -> bool:
        """Wait until it is so; False when the session is over or the time is, before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not condition(self) and self.participant.over is None:
                    self._changed.clear()
                    await self._changed.wait()
        return condition(self)


class Fleet:
    """Not safe against its own re-entry by room: two who join one room at the same time may both count as the
    first there.
    """

    def __init__(
        self,
        entrances: Sequence[Entrance],
        make: MakeParticipant,
        options: Options,
        progress: Progress,
    ) -> None:
        """Rooms go to the entrances in turn, by the number they end with. Raises BadImpairment."""
        self._entrances = entrances
        self._make = make
        self._options = options
        written = options.impairment
        self._impairment = None if written is None else parse_impairment(written)
        self._still_s = self._longest_still_s()
        self._progress = progress
        self._rooms: dict[str, list[Member]] = defaultdict(list)
        self._came: Counter[str] = Counter()
        """How many have come into each room so far."""
        self.tally = Tally()
        self._media = Tally().media
        """What is counted into; the report's within the measured window only."""
        self._window_began_s = float("inf")
        self._leaving: set[Member] = set()
        self.joined_in_all = 0
        self._failed_before: Counter[str] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    @property
    def members(self) -> list[Member]:
        return [member for members in self._rooms.values() for member in members]

    def room(self, room: str) -> list[Member]:
        return list(self._rooms.get(room, ()))

    def entrance(self, room: str) -> Entrance:
        number = room.rpartition("-")[2]
        return self._entrances[(int(number) if number.isdigit() else 0) % len(self._entrances)]

    def fail(self, kind: str) -> None:
        self.tally.failures[kind] += 1
        self._progress.failed(kind)

    async def enter(
        self,
        room: str,
        role: str,
        *,
        publishing: Publishing | None = None,
        waiting: bool = False,
        entrance: Entrance | None = None,
        seated: Callable[[Member], None] = lambda _: None,
    ) -> Member | None:
        """Join and send; None, and a failure counted, when that did not come about.

        Who is `waiting` joins once a doctor has let it in; `seated` is told of the member before that.
        """
        publishing = self._options.publishing if publishing is None else publishing
        joins = self.tally.joins
        joins.attempted += 1
        began_s = time.monotonic()
        member: Member | None = None
        try:
            ticket = await (entrance or self.entrance(room)).ticket(room, role, waiting=waiting)
            ticket_ms = 1000 * (time.monotonic() - began_s)
            member = self._seat(room, role, publishing, ticket.url, ticket.ticket, ticket_ms)
            member.waited = waiting
            self._rooms[room].append(member)
            seated(member)
            await member.participant.join()
            member.participant.start_sending()
            member.sending = True
        except (ClientError, OSError, TimeoutError) as error:
            joins.failed += 1
            self.fail(f"join: {code_of(error)}")
            if member is not None:
                await self._forget(member)
            return None
        except BaseException:  # the test ends meanwhile: neither done nor failed
            joins.attempted -= 1
            if member is not None:
                self._detach(member)
            raise
        joins.succeeded += 1
        self.joined_in_all += 1
        return member

    async def first_packet(self, member: Member) -> bool:
        """Wait for it, where somebody sends to us; a failure counted when it does not come."""
        try:
            await member.participant.first_packet(FIRST_PACKET_S)
        except ClientError as error:
            self.fail(f"media: {code_of(error)}")
            return False
        return True

    async def ask(self, member: Member, what: str, type_: str, **fields: object) -> bool:
        """Make a request for a member; `what` names the failure that is counted when it is not granted."""
        try:
            await member.participant.request(type_, **fields)
        except ClientError as error:
            self.fail(f"{what}: {code_of(error)}")
            return False
        return True

    async def leave(self, member: Member) -> None:
        """Count what it measured, and let it go."""
        if member in self._rooms.get(member.room, ()):
            self.count(member, self._figures(self.room(member.room))[member])
            self._record_join(member)
            await self._forget(member)

    async def close(self) -> None:
        """Let everybody go: at once, each within its time."""
        left = self.members
        for member in left:
            self.count(member)
            self._record_join(member)
        closing = [*left, *self._leaving]
        await asyncio.gather(*(self._forget(member) for member in closing), return_exceptions=True)

    # Counting

    def begin_step(self) -> None:
        """Joins and failures start anew, too: of one step of a search. What failed before the first, such as
        bots, is every step's.
        """
        if self._failed_before is None:
            self._failed_before = self.tally.failures
        self.tally.joins, self.tally.failures = JoinTally(), self._failed_before.copy()

    def begin_window(self) -> None:
        """Media figures start anew, everybody's and those of who has gone."""
        self._window_began_s = time.monotonic()
        fresh = Tally()
        self._media = self.tally.media = fresh.media
        self.tally.playing, self.tally.unsent = fresh.playing, 0
        for member in self.members:
            self._begin_anew(member, member.participant.figures())
            member.tails = Tails(self._still_s)
        self._figures(self.members)  # the ends of streams are looked for from here on

    def end_window(self) -> None:
        """What is measured from now on does not count."""
        for member, figures in self._figures(self.members).items():
            self.count(member, figures)
            self._record_join(member)
        self._media = Tally().media

    def flow(self) -> Flow:
        """All that flowed since the window began."""
        everybody = self._figures(self.members).values()
        tracks = [track for figures in everybody for track in figures.received]
        return Flow.of(self._media.values(), tracks)

    def packets(self) -> dict[Member, dict[TrackId, int]]:
        """Of each member's tracks, up to now: what grows plays."""
        return {
            member: {
                track.track: member.counted.packets[track.track] + track.packets
                for track in member.participant.figures().received
            }
            for member in self.members
        }

    def judge_playing(self, earlier: dict[Member, dict[TrackId, int]]) -> None:
        """Count who has every expected track playing, against the packets of a moment ago."""
        playing = self.tally.playing
        for member, tracks in self.packets().items():
            before = earlier.get(member)
            if before is None or not self._settled(member):
                continue
            expected = self._expected(member)
            if not expected:
                continue
            plays = sum(count > before.get(track, 0) for track, count in tracks.items())
            playing.participants += 1
            playing.all_playing += plays >= expected
            playing.expected_tracks += expected
            playing.playing_tracks += min(plays, expected)

    def note_the_lost(self) -> int:
        """Count sessions that ended by themselves; how many there are in all."""
        lost = 0
        for member in self.members:
            over = member.participant.over
            if over is None:
                continue
            lost += 1
            if not member.over_told:
                member.over_told = True
                self.fail(f"session: {code_of(over)}")
        return lost

    # Inside

    def _seat(
        self, room: str, role: str, publishing: Publishing, url: str, ticket: str, ticket_ms: float
    ) -> Member:
        heard: list[Member] = []
        joining = Joining(
            url=url,
            ticket=ticket,
            publishing=publishing,
            srtp_profile=self._options.srtp_profile,
            seed=self._seed(room),
            impairment=self._impairment,
            on_event=lambda event: heard[0].take(event),
            on_over=lambda: heard[0].wake(),
        )
        now = time.monotonic()
        somebody = any(other.sending and other.publishing.kinds for other in self._rooms[room])
        participant = self._make(joining)
        member = Member(room, role, publishing, participant, now, ticket_ms, somebody, now)
        member.tails = Tails(self._still_s)
        heard.append(member)
        return member

    def _seed(self, room: str) -> int:
        """Of who comes into a room now: the same in each test with the same seed, whoever came elsewhere."""
        self._came[room] += 1
        return zlib.crc32(f"{self._options.seed} {room.rpartition('-')[2]} {self._came[room]}".encode())

    def _expected(self, member: Member) -> int:
        return sum(
            len(other.publishing.kinds)
            for other in self._rooms[member.room]
            if other is not member and other.participant.over is None and self._settled(other)
        )

    def _settled(self, member: Member) -> bool:
        long_there = time.monotonic() - member.came_s >= SETTLED_S
        return member.sending and (long_there or member.came_s < self._window_began_s)

    def _longest_still_s(self) -> float:
        """What is silent for longer has stopped: frames may be far apart, and networks hold flows back."""
        still_s = max(STILL_S, 3 / self._options.fps)
        if self._impairment is None:
            return still_s
        return still_s + 2 * (self._impairment.jitter_s + self._impairment.queue_s)  # both ends'

    def _figures(self, members: Iterable[Member]) -> dict[Member, ParticipantFigures]:
        """With what the ends of streams add to them. Whoever sends to one of them has to be among them."""
        now = time.monotonic()
        figures = {member: member.participant.figures() for member in members}
        sent = {
            (member.room, member.participant.room.me, track.kind): before[track.kind] + track.packets
            for member, of_member in figures.items()
            for before in [member.counted.sent]
            for track in of_member.sent
        }

        def with_tail(member: Member, track: ReceivedTrack) -> ReceivedTrack:
            there = member.participant.room.tracks.get(track.track)
            in_all = None if there is None else sent.get((member.room, there.participant, track.kind))
            if in_all is None:  # who sent it has left
                return track
            return member.tails.with_tail(track, member.counted.seen(track, in_all, now))

        return {
            member: replace(of_member, received=tuple(with_tail(member, each) for each in of_member.received))
            for member, of_member in figures.items()
        }

    def count(self, member: Member, figures: ParticipantFigures | None = None) -> ParticipantFigures:
        """Count what a member measured up to now (`figures`, if given), and let its figures start anew."""
        if figures is None:
            figures = member.participant.figures()
        now = time.monotonic()
        there = member.participant.room.tracks if figures.received else {}
        for received in figures.received:
            seconds = now - member.counted_from_s
            # The silence of who has left is no gap.
            self._media[received.kind].receive(received, seconds, with_gap=received.track in there)
        for sent in figures.sent:
            self._media[sent.kind].send(sent)
        self.tally.unsent += figures.unsent
        self._begin_anew(member, figures)
        return figures

    def _begin_anew(self, member: Member, figures: ParticipantFigures) -> None:
        """Its figures, which are these up to now."""
        member.counted.add(figures)
        member.participant.reset_window()
        member.counted_from_s = time.monotonic()

    def _record_join(self, member: Member) -> None:
        steps = member.participant.steps
        if steps.dtls is not None and not member.waited and not member.join_recorded:
            member.join_recorded = True
            self.tally.joins.record(steps, before_ms=member.ticket_ms, with_media=member.met_somebody)

    def _detach(self, member: Member) -> None:
        """Out of its room, but not closed yet."""
        members = self._rooms.get(member.room, [])
        if member in members:
            members.remove(member)
        if not members:
            self._rooms.pop(member.room, None)
        self._leaving.add(member)

    async def _forget(self, member: Member) -> None:
        self._detach(member)
        with suppress(TimeoutError, ClientError, OSError):
            async with asyncio.timeout(CLOSE_S):
                await member.participant.close()
        self._leaving.discard(member)  # not when cancelled: `close` has to come back to it


def failures_in_order(failures: Counter[str]) -> list[tuple[str, int]]:
    """Most often first, then by name."""
    return sorted(failures.items(), key=lambda item: (-item[1], item[0]))
