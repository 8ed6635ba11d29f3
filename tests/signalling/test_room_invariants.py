"""Whatever is asked of a room, in whatever order: refused means unchanged, and who waits learns nothing."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from signalling import commands, events
from signalling.errors import Refusal
from signalling.media import ParticipantId, Source, TrackId
from signalling.outcomes import Dismissed, Tell
from signalling.private import Private
from signalling.room import Room, RoomLimits
from signalling.views import LeaveReason, Role, RoomState
from tests.signalling.people import a_record, a_track, somebody

PEOPLE = [ParticipantId(name) for name in ("ann", "bob", "cem", "dee", "eva")]
TRACKS = [TrackId(f"track-{n}") for n in range(6)]
people = st.sampled_from(PEOPLE)
tracks = st.sampled_from(TRACKS)
roles = st.sampled_from(list(Role))

SAFE_FOR_WHO_WAITS = (
    events.RoomOpened,
    events.RoomHasEnded,
)
"""Beside news of themselves."""


class Rooms(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.room = Room(a_record(), RoomLimits(4, 3, 60.0), now=0.0)
        self.present: set[ParticipantId] = set()
        self.admitted: set[ParticipantId] = set()
        self.now = 0.0

    def do(self, command: commands.Command) -> bool:
        """Whether the room did it; checks what must hold either way."""
        self.now += 1.0
        before, record, revision = self.seen(), self.room.record(), self.room.revision
        try:
            outcomes = self.room.receive(command, self.now)
        except Refusal:
            assert (self.seen(), self.room.revision) == (before, revision)
            return False
        assert self.room.record() == record or self.room.revision > revision
        admitted_now = {p for p in PEOPLE if p in self.room and self.room.self_view(p).admitted}
        for outcome in outcomes:
            match outcome:
                case Tell(to, event):
                    assert len(set(to)) == len(to) > 0
                    for who in to:
                        assert who in self.present or who in self.room
                        if who not in admitted_now | self.admitted:
                            assert isinstance(event, SAFE_FOR_WHO_WAITS) or self.is_about(event, who)
                case Dismissed(participant):
                    assert participant not in self.room
        self.present = {p for p in PEOPLE if p in self.room}
        self.admitted = admitted_now
        return True

    @staticmethod
    def is_about(event: events.Event, who: ParticipantId) -> bool:
        own_words = (events.ParticipantLeft, events.ParticipantAdmitted)
        return isinstance(event, own_words) and event.id == who

    def seen(self) -> object:
        views = {p: self.room.participants_seen_by(p) for p in PEOPLE if p in self.room}
        owners = [self.room.owner_of(track) for track in TRACKS]
        return self.room.record(), self.room.view(), views, owners, self.room.next_deadline()

    @rule(who=people, role=roles, admitted=st.booleans())
    def join(self, who: ParticipantId, role: Role, admitted: bool) -> None:
        self.do(commands.Join(somebody(who, role, admitted=admitted)))

    @rule(who=people, reason=st.sampled_from(list(LeaveReason)))
    def leave(self, who: ParticipantId, reason: LeaveReason) -> None:
        was_here = who in self.present
        assert self.do(commands.Leave(who, reason)) is was_here

    @rule(by=people, who=people)
    def admit(self, by: ParticipantId, who: ParticipantId) -> None:
        if self.do(commands.Admit(by, who)):
            assert self.room.self_view(who).admitted

    @rule(by=people, who=people)
    def remove(self, by: ParticipantId, who: ParticipantId) -> None:
        if self.do(commands.Remove(by, who)):
            assert who not in self.room

    @precondition(lambda self: len(self.present) > 3)
    @rule(by=people)
    def end(self, by: ParticipantId) -> None:
        if self.do(commands.End(by)):
            assert self.room.state is RoomState.ENDED

    @rule(who=people, track=tracks, source=st.sampled_from(list(Source)))
    def publish(self, who: ParticipantId, track: TrackId, source: Source) -> None:
        if self.room.owner_of(track) is None:  # the media plane mints each id once
            self.do(commands.Publish(who, (a_track(track, source),)))

    @rule(who=people, track=tracks)
    def unpublish(self, who: ParticipantId, track: TrackId) -> None:
        owner = self.room.owner_of(track)
        if self.do(commands.Unpublish(who, (track,))):
            assert (self.room.owner_of(track) is None) is (owner in (None, who))

    @rule(who=people, track=tracks, muted=st.booleans())
    def mute(self, who: ParticipantId, track: TrackId, muted: bool) -> None:
        owner = self.room.owner_of(track)
        if self.do(commands.Mute(who, track, muted)):
            assert owner == who

    @rule(who=people, to=st.none() | people)
    def relay(self, who: ParticipantId, to: ParticipantId | None) -> None:
        if self.do(commands.Relay(who, to, "chat", Private(b""))):
            assert who in self.admitted

    @rule(who=people)
    def lose_media(self, who: ParticipantId) -> None:
        self.do(commands.LoseMedia(who))

    @rule(levels=st.dictionaries(tracks, st.integers(-127, 0)))
    def speak(self, levels: dict[TrackId, int]) -> None:
        self.do(commands.ReportLevels(levels))

    @rule(track=tracks, silent=st.booleans())
    def fall_silent(self, track: TrackId, silent: bool) -> None:
        self.do(commands.ReportSilence(track, silent))

    @invariant()
    def who_waits_sees_itself_only(self) -> None:
        for who in self.present - self.admitted:
            (seen,) = self.room.participants_seen_by(who)
            assert seen.id == who
            assert seen.tracks == ()

    @invariant()
    def doctors_are_admitted_and_a_room_with_anybody_admitted_is_open(self) -> None:
        for who in self.present:
            view = self.room.self_view(who)
            assert view.admitted or view.role is not Role.DOCTOR
        if self.admitted:
            assert self.room.state is RoomState.OPEN

    @invariant()
    def no_muted_track_is_shown_as_silent(self) -> None:
        for who in self.admitted:
            for participant in self.room.participants_seen_by(who):
                assert not any(track.muted and track.silent for track in participant.tracks)

    @invariant()
    def tracks_belong_to_somebody_admitted_here(self) -> None:
        for track in TRACKS:
            owner = self.room.owner_of(track)
            assert owner is None or owner in self.admitted

    @invariant()
    def only_an_empty_room_has_a_deadline(self) -> None:
        empty = not self.present and self.room.state is not RoomState.ENDED
        assert (self.room.next_deadline() is not None) is empty


Rooms.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRooms = Rooms.TestCase
