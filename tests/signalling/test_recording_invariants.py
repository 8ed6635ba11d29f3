"""Whatever happens in a room, in whatever order: nobody is recorded unasked, and everybody knows of it.

A recorder and clients live beside the room and know only what they are told. What the recorder believes must
be what is so, whenever it is open; what a client believes must be what it would read if it joined anew.
"""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signalling import commands, events, notes
from signalling.errors import Refusal
from signalling.media import ParticipantId, TrackId
from signalling.outcomes import CloseRecorder, NoteForRecorder, OpenRecorder, Outcome, Tell
from signalling.recorder import Attempt, RecordingStart
from signalling.recording import RecordingRules
from signalling.recording_states import Phase
from signalling.room import Room, RoomLimits
from signalling.store import RoomRecord
from signalling.views import (
    ConsentState,
    LeaveReason,
    Recording,
    RecordingState,
    Role,
    RoomEncryption,
    RoomState,
    StopReason,
)
from tests.signalling.people import ROOM, a_track
from tests.signalling.test_recording import POLICY, RULES, a_consent, a_person

PEOPLE = [ParticipantId(name) for name in ("ann", "bob", "cem")]
TRACKS = [TrackId(f"track-{n}") for n in range(3)]
people = st.sampled_from(PEOPLE)
tracks = st.sampled_from(TRACKS)
FORBIDDING = [
    RecordingRules("belgium"),
    RecordingRules("belgium", possible=True),
    RecordingRules(POLICY, allowed=True),
]


class Attended:
    """What a recorder knows of one attempt."""

    def __init__(self, start: RecordingStart) -> None:
        self.attempt = start.attempt
        self.people = dict(start.participants)
        self.agreed = {consent.participant for consent in start.consents}
        self.muted = {track.id: track.muted for track in start.tracks}

    def note(self, note: notes.Note) -> None:
        match note:
            case notes.TrackAdded(track):
                assert track.id not in self.muted
                self.muted[track.id] = track.muted
            case notes.TrackRemoved(id_):
                del self.muted[id_]
            case notes.TrackMuted(id_, muted):
                assert self.muted[id_] is not muted
                self.muted[id_] = muted
            case notes.Joined(id_, role):
                assert id_ not in self.people
                self.people[id_] = role
                self.agreed.discard(id_)  # on what it rests is told anew
            case notes.Left(id_):
                del self.people[id_]
            case notes.Consented(consent):
                self.agreed.add(consent.participant)


@dataclass
class Client:
    """What somebody in the room knows, from the joined state and the events since."""

    state: str
    since: float | None
    by: ParticipantId | None
    granted: set[ParticipantId] = field(default_factory=set)

    def hear(self, event: events.Event) -> None:
        match event:
            case events.RecordingChanged():
                self.state, self.since, self.by = event.state.value, event.since, event.by
            case events.ConsentChanged(state=ConsentState.GRANTED, participant=who) if who is not None:
                self.granted.add(who)
            case events.ConsentChanged(participant=who) if who is not None:
                self.granted.discard(who)
            case _:
                pass


def a_room(rules: RecordingRules) -> Room:
    record = RoomRecord(ROOM, RoomState.WAITING, RoomEncryption.TRANSPORT, POLICY)
    return Room(record, RoomLimits(4, 3, 60.0), 0.0, rules)


def joined(room: Room, who: ParticipantId) -> Client:
    seen = room.view(who).recording
    return Client(seen.state.value, seen.since, seen.by, set(seen.granted))


class Recordings(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.room = a_room(RULES)
        self.recording: Attended | None = None
        self.closing: Attempt | None = None
        self.used: list[Attempt] = []
        self.ended: list[Attempt] = []
        self.consented: set[ParticipantId] = set()
        self.clients: dict[ParticipantId, Client] = {}

    def do(self, command: commands.Command) -> bool:
        """Whether the room did it."""
        before = self.seen()
        try:
            outcomes = self.room.receive(command, 0.0)
        except Refusal:
            assert self.seen() == before
            return False
        self.news_is_over(command)
        if isinstance(command, commands.Join):
            who = command.admission.participant
            self.clients[who] = joined(self.room, who)
        self.carry_out(outcomes)
        self.clients = {who: client for who, client in self.clients.items() if who in self.room}
        return True

    def seen(self) -> object:
        recording = self.room.recording
        said = [(recording.said(who), recording.has_granted(who)) for who in PEOPLE]
        return self.room.record(), self.room.view(), recording.phase, recording.next_deadline(), said

    def news_is_over(self, command: commands.Command) -> None:
        """The recorder itself says that it holds nothing more: it is asked to close no more."""
        if not isinstance(command, commands.RecorderFailed | commands.RecorderClosed):
            return
        if self.recording is not None and self.recording.attempt == command.attempt:
            self.ended.append(command.attempt)
            self.recording = None
        if self.closing == command.attempt:
            self.closing = None

    def carry_out(self, outcomes: list[Outcome]) -> None:
        for place, outcome in enumerate(outcomes):
            match outcome:
                case OpenRecorder(start):
                    assert self.recording is None
                    assert self.closing is None
                    assert start.attempt not in self.used
                    self.used.append(start.attempt)
                    self.recording = Attended(start)
                case NoteForRecorder(attempt, note):
                    assert self.recording is not None
                    assert self.recording.attempt == attempt
                    self.recording.note(note)
                case CloseRecorder(attempt):
                    assert place == 0, "whatever else happens, first nothing more is recorded"
                    assert self.recording is not None
                    assert self.recording.attempt == attempt
                    self.ended.append(attempt)
                    self.closing, self.recording = attempt, None
                case Tell(to, event):
                    for who in to:
                        if who in self.clients:
                            self.clients[who].hear(event)
                case _:
                    pass

    @initialize()
    def begin(self) -> None:
        for who, role in ((PEOPLE[0], Role.DOCTOR), (PEOPLE[1], Role.PATIENT)):
            self.do(commands.Join(a_person(who, role)))

    # People

    @rule(who=people, role=st.sampled_from(list(Role)), admitted=st.booleans())
    def join(self, who: ParticipantId, role: Role, admitted: bool) -> None:
        self.do(commands.Join(a_person(who, role, admitted=admitted)))

    @rule(who=people)
    def leave(self, who: ParticipantId) -> None:
        self.do(commands.Leave(who, LeaveReason.LEFT))

    @rule(who=people)
    def come_back(self, who: ParticipantId) -> None:
        """Out and in again, as the same."""
        if who in self.room.admitted():
            role = self.room.self_view(who).role
            self.do(commands.Leave(who, LeaveReason.CONNECTION_LOST))
            self.do(commands.Join(a_person(who, role)))

    @rule(by=people, who=people)
    def be_let_in_again(self, by: ParticipantId, who: ParticipantId) -> None:
        """Put out, it must wait; what it granted it has granted still."""
        if self.do(commands.Remove(by, who)):
            self.do(commands.Join(a_person(who, Role.GUEST)))
            self.do(commands.Admit(by, who))

    @rule(by=people, who=people)
    def admit(self, by: ParticipantId, who: ParticipantId) -> None:
        self.do(commands.Admit(by, who))

    @rule(by=people, who=people)
    def remove(self, by: ParticipantId, who: ParticipantId) -> None:
        self.do(commands.Remove(by, who))

    @precondition(lambda self: len(self.used) > 3)
    @rule(by=people)
    def end(self, by: ParticipantId) -> None:
        self.do(commands.End(by))

    # Tracks

    @rule(who=people, track=tracks, muted=st.booleans())
    def publish(self, who: ParticipantId, track: TrackId, muted: bool) -> None:
        if self.room.owner_of(track) is None:
            self.do(commands.Publish(who, (a_track(track, muted=muted),)))

    @rule(who=people, track=tracks)
    def unpublish(self, who: ParticipantId, track: TrackId) -> None:
        self.do(commands.Unpublish(who, (track,)))

    @rule(track=tracks, muted=st.booleans())
    def mute(self, track: TrackId, muted: bool) -> None:
        self.do(commands.Mute(self.room.owner_of(track) or PEOPLE[0], track, muted))

    @rule(who=people)
    def lose_media(self, who: ParticipantId) -> None:
        self.do(commands.LoseMedia(who))

    # Recording

    @rule(by=people)
    def start(self, by: ParticipantId) -> None:
        self.do(commands.StartRecording(by))

    @rule(by=people)
    def stop(self, by: ParticipantId) -> None:
        if self.do(commands.StopRecording(by)):
            assert self.recording is None

    @rule(answered=st.booleans())
    def agree(self, answered: bool) -> None:
        """So that much happens while something is recorded: chance alone hardly gets there."""
        if self.closing is not None:
            self.do(commands.RecorderClosed(self.closing))
        for who in self.room.admitted():
            self.grant(who)
            self.do(commands.StartRecording(who))
        if answered and self.recording is not None:
            self.do(commands.RecorderOpened(self.recording.attempt, since=100.0))

    @rule(who=people)
    def grant(self, who: ParticipantId) -> None:
        if self.do(commands.Grant(who, a_consent(who))):
            self.consented.add(who)

    @rule(who=people)
    def refuse(self, who: ParticipantId) -> None:
        if self.do(commands.Refuse(who)):
            self.consented.discard(who)
            assert self.recording is None or who not in self.room.admitted()

    @rule()
    def give_up_asking(self) -> None:
        self.do(commands.GiveUpAsking())

    @rule(reason=st.sampled_from([StopReason.NODE_DRAINING, StopReason.FENCED]))
    def halt(self, reason: StopReason) -> None:
        if self.do(commands.HaltRecording(reason)):
            assert self.recording is None
            assert self.room.recording.phase in (Phase.OFF, Phase.CLOSING)

    # The recorder's news, in time or of any attempt at any time

    @precondition(lambda self: self.recording is not None)
    @rule()
    def opened(self) -> None:
        assert self.recording is not None
        if self.do(commands.RecorderOpened(self.recording.attempt, since=100.0)):
            assert self.room.recording.phase is Phase.ON

    @precondition(lambda self: self.closing is not None)
    @rule(failed=st.booleans())
    def closed(self, failed: bool) -> None:
        assert self.closing is not None
        failure = commands.RecorderFailed(self.closing, "disk-full")
        if self.do(failure if failed else commands.RecorderClosed(self.closing)):
            assert self.room.recording.phase is Phase.OFF

    @precondition(lambda self: self.recording is not None)
    @rule(itself=st.booleans())
    def failed(self, itself: bool) -> None:
        """With a word, or closing without having been asked to."""
        assert self.recording is not None
        attempt = self.recording.attempt
        self.do(commands.RecorderClosed(attempt) if itself else commands.RecorderFailed(attempt, "disk-full"))

    @rule()
    def news_of_the_past(self) -> None:
        before = self.seen()
        for attempt in {*self.used, Attempt(99)}:
            if self.recording is not None and self.recording.attempt == attempt:
                continue
            self.do(commands.RecorderOpened(attempt, since=1.0))
            self.do(commands.RecorderTroubled(attempt, "slow-disk"))
            if self.closing != attempt:
                self.do(commands.RecorderFailed(attempt, "disk-full"))
                self.do(commands.RecorderClosed(attempt))
        assert self.seen() == before

    # What holds all the time

    @invariant()
    def a_recorder_is_open_only_while_everybody_present_has_granted(self) -> None:
        is_open = self.room.recording.phase in (Phase.OPENING, Phase.ON)
        assert is_open is (self.recording is not None)
        if is_open:
            assert self.room.admitted()
            assert set(self.room.admitted()) <= self.consented

    @invariant()
    def each_attempt_ends_once(self) -> None:
        open_now = [] if self.recording is None else [self.recording.attempt]
        assert sorted([*self.ended, *open_now]) == self.used

    @invariant()
    def the_recorder_knows_what_is_so(self) -> None:
        if self.recording is None:
            return
        present = self.room.admitted()
        shown = [p for p in self.room.participants_seen_by(present[0]) if p.admitted]
        assert self.recording.people == {person.id: person.role for person in shown}
        assert set(self.recording.people) <= self.recording.agreed
        assert self.recording.muted == {t.id: t.muted for person in shown for t in person.tracks}

    @invariant()
    def who_is_in_the_room_knows_what_a_newcomer_would_read(self) -> None:
        for who in self.room.admitted():
            client, fresh = self.clients[who], joined(self.room, who)
            assert (client.state, client.since, client.by) == (fresh.state, fresh.since, fresh.by)
            assert client.granted & set(self.room.admitted()) == fresh.granted

    @invariant()
    def asking_has_an_asker_an_end_and_somebody_to_answer(self) -> None:
        asking = self.room.recording.phase is Phase.ASKING
        assert (self.room.recording.next_deadline() is not None) is asking
        if asking:
            assert self.room.view().recording.by in self.room.admitted()
            assert not set(self.room.admitted()) <= self.consented


class ForbiddenRecordings(Recordings):
    """The same where policy, recorder or ledger are missing: there is no way."""

    @initialize(rules=st.sampled_from(FORBIDDING))
    def forbid(self, rules: RecordingRules) -> None:
        self.room = a_room(rules)
        self.clients = {}

    @invariant()
    def nothing_is_ever_opened_asked_or_granted(self) -> None:
        assert self.used == []
        assert self.room.recording.phase is Phase.OFF
        assert self.consented == set()
        assert self.room.view().recording == Recording(state=RecordingState.OFF, since=None)


Recordings.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
ForbiddenRecordings.TestCase.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
TestRecordings = Recordings.TestCase
TestForbiddenRecordings = ForbiddenRecordings.TestCase
