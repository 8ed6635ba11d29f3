"""Specifies signalling.recording: nobody is recorded who has not granted, and one no ends it at once."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling import commands, events, notes
from signalling.commands import Command
from signalling.consents import Consent, ConsentId, ConsentKind
from signalling.errors import NotAdmitted, NotAllowed, NotAvailable, Refusal, TryAgain
from signalling.media import ParticipantId, RoomId, TrackId
from signalling.outcomes import CloseRecorder, NoteForRecorder, OpenRecorder, Outcome, Tell
from signalling.private import Private
from signalling.recorder import Attempt
from signalling.recording import RecordingRules
from signalling.recording_states import ON_THE_WIRE, TRANSITIONS, Phase
from signalling.recording_states import Trigger as Moved
from signalling.room import Room
from signalling.store import RoomRecord
from signalling.tickets import Admission
from signalling.views import (
    ConsentState,
    LeaveReason,
    RecordingState,
    Role,
    RoomEncryption,
    RoomState,
    StopReason,
)
from tests.signalling.people import LIMITS, ROOM, a_track

POLICY = "consented-recording"
RULES = RecordingRules(POLICY, allowed=True, possible=True, consent_wait_s=120.0)
DOCTOR, PATIENT, GUEST = ParticipantId("doctor"), ParticipantId("patient"), ParticipantId("guest")


def a_person(who: ParticipantId, role: Role, *, admitted: bool = True) -> Admission:
    grants = ("publish", "record") if role is Role.DOCTOR else ("publish",)
    return Admission(RoomId(ROOM), who, role, Private(f"Name of {who}"), admitted, grants)


PEOPLE = {
    DOCTOR: a_person(DOCTOR, Role.DOCTOR),
    PATIENT: a_person(PATIENT, Role.PATIENT),
    GUEST: a_person(GUEST, Role.GUEST),
}


def a_consent(who: ParticipantId) -> Consent:
    return Consent(
        ConsentId(f"c-{who}"), "ab" * 32, who, ConsentKind.RECORDING, ConsentState.GRANTED, 1_000_000, None
    )


def a_room(rules: RecordingRules = RULES, *, policy: str = POLICY, people: tuple[ParticipantId, ...]) -> Room:
    room = Room(
        RoomRecord(RoomId(ROOM), RoomState.WAITING, RoomEncryption.TRANSPORT, policy), LIMITS, 0.0, rules
    )
    for who in people:
        do(room, commands.Join(PEOPLE[who]))
    return room


def do(room: Room, *given: Command, now: float = 0.0) -> list[Outcome]:
    """All outcomes, in order."""
    return [outcome for command in given for outcome in room.receive(command, now)]


def granted(*who: ParticipantId) -> list[Command]:
    return [commands.Grant(each, a_consent(each)) for each in who]


def opened(outcomes: list[Outcome]) -> list[Attempt]:
    return [outcome.start.attempt for outcome in outcomes if isinstance(outcome, OpenRecorder)]


def closed(outcomes: list[Outcome]) -> list[StopReason]:
    return [outcome.reason for outcome in outcomes if isinstance(outcome, CloseRecorder)]


def said(outcomes: list[Outcome], to: ParticipantId) -> list[tuple[str, str | None]]:
    """What one was told of the recording: (state, reason)."""
    return [
        (outcome.event.state.value, outcome.event.reason)
        for outcome in outcomes
        if isinstance(outcome, Tell)
        and to in outcome.to
        and isinstance(outcome.event, events.RecordingChanged)
    ]


def consents(outcomes: list[Outcome], state: ConsentState) -> list[ParticipantId | None]:
    """Whose consent was told to be so."""
    told = [outcome.event for outcome in outcomes if isinstance(outcome, Tell)]
    return [e.participant for e in told if isinstance(e, events.ConsentChanged) and e.state is state]


def recording(*people: ParticipantId) -> tuple[Room, Attempt]:
    """A room in which it is on."""
    room = a_room(people=people)
    (attempt,) = opened(do(room, *granted(*people), commands.StartRecording(DOCTOR)))
    do(room, commands.RecorderOpened(attempt, since=100.0))
    assert room.recording.phase is Phase.ON
    return room, attempt


# --- The table ---


@pytest.mark.parametrize(("phase", "trigger"), list(itertools.product(Phase, Moved)))
def test_the_table_never_leaves_a_recorder_open_behind(phase: Phase, trigger: Moved) -> None:
    after = TRANSITIONS.get((phase, trigger))
    open_in = (Phase.OPENING, Phase.ON, Phase.CLOSING)
    if phase in open_in and after is not None and after not in open_in:
        assert trigger in (Moved.FAILED, Moved.CLOSED)  # only the recorder itself says that it holds no more
    if phase is Phase.OFF and after is not None:
        assert after in (Phase.ASKING, Phase.OPENING)


def test_what_is_asked_for_is_starting_and_what_ends_is_stopping() -> None:
    assert [ON_THE_WIRE[phase].value for phase in Phase] == ["off", "starting", "starting", "on", "stopping"]


# --- Beginning ---


def test_where_all_have_granted_the_recorder_is_opened_at_once() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, commands.Publish(PATIENT, (a_track("t-1", muted=True),)), *granted(DOCTOR, PATIENT))
    outcomes = do(room, commands.StartRecording(DOCTOR))
    (start,) = [outcome.start for outcome in outcomes if isinstance(outcome, OpenRecorder)]
    assert start.asked_by == DOCTOR
    assert start.participants == ((DOCTOR, Role.DOCTOR), (PATIENT, Role.PATIENT))
    assert [consent.participant for consent in start.consents] == [DOCTOR, PATIENT]
    assert [track.id for track in start.tracks] == ["t-1"]
    assert said(outcomes, PATIENT) == [("starting", None)]


def test_else_everybody_who_has_not_is_asked_and_the_last_grant_opens_it() -> None:
    room = a_room(people=(DOCTOR, PATIENT, GUEST))
    outcomes = do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR))
    assert said(outcomes, GUEST) == [("starting", "asked")]
    asked = consents(outcomes, ConsentState.REQUESTED)
    assert asked == [PATIENT, GUEST]
    assert opened(do(room, *granted(PATIENT))) == []
    assert opened(do(room, *granted(GUEST))) == [1]


def test_it_is_on_only_once_the_recorder_says_so() -> None:
    room = a_room(people=(DOCTOR,))
    (attempt,) = opened(do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR)))
    assert room.view().recording.state is RecordingState.STARTING
    outcomes = do(room, commands.RecorderOpened(attempt, since=100.0))
    assert said(outcomes, DOCTOR) == [("on", None)]
    assert (room.view().recording.state, room.view().recording.since) == (RecordingState.ON, 100.0)


def test_only_who_may_can_start_or_stop_it() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    for command in (commands.StartRecording(PATIENT), commands.StopRecording(PATIENT)):
        with pytest.raises(NotAllowed):
            do(room, command)
    assert room.recording.phase is Phase.ON


def test_whoever_waits_may_neither_grant_nor_learn_of_anybody() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    waiting = ParticipantId("waiting")
    do(room, commands.Join(a_person(waiting, Role.GUEST, admitted=False)))
    assert room.recording.phase is Phase.ON
    with pytest.raises(NotAdmitted):
        do(room, *granted(waiting))
    seen = room.view(waiting).recording
    assert (seen.by, seen.granted) == (None, ())


# --- Ending ---


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (commands.StopRecording(DOCTOR), StopReason.STOPPED),
        (commands.Refuse(PATIENT), StopReason.CONSENT_WITHDRAWN),
        (commands.Refuse(DOCTOR), StopReason.CONSENT_WITHDRAWN),
        (commands.Join(PEOPLE[GUEST]), StopReason.JOINED_WITHOUT_CONSENT),
        (commands.End(DOCTOR), StopReason.ROOM_ENDED),
        (commands.HaltRecording(StopReason.NODE_DRAINING), StopReason.NODE_DRAINING),
    ],
    ids=lambda value: value.value if isinstance(value, StopReason) else type(value).__name__,
)
@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.ON])
def test_what_ends_a_recording_ends_it_first_of_all(
    command: Command, reason: StopReason, phase: Phase
) -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    (attempt,) = opened(do(room, *granted(DOCTOR, PATIENT), commands.StartRecording(DOCTOR)))
    if phase is Phase.ON:
        do(room, commands.RecorderOpened(attempt, since=100.0))
    outcomes = do(room, command)
    assert outcomes[0] == CloseRecorder(attempt, reason)
    assert closed(outcomes) == [reason]
    assert ("stopping", reason.value) in said(outcomes, PATIENT)


def test_it_is_off_once_the_recorder_has_finished_and_can_begin_again() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    do(room, commands.StopRecording(DOCTOR))
    with pytest.raises(TryAgain):
        do(room, commands.StartRecording(DOCTOR))
    assert said(do(room, commands.RecorderClosed(attempt)), PATIENT) == [("off", "stopped")]
    assert opened(do(room, commands.StartRecording(DOCTOR))) == [2]


def test_a_refusal_ends_the_asking_and_nothing_was_ever_open() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR))
    outcomes = do(room, commands.Refuse(PATIENT))
    assert (opened(outcomes), closed(outcomes)) == ([], [])
    assert said(outcomes, DOCTOR) == [("off", "consent-refused")]


def test_the_asking_is_given_up_when_nobody_answers() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR), now=10.0)
    assert room.next_deadline() == 130.0
    assert room.due(129.0) is None
    due = room.due(130.0)
    assert due == commands.GiveUpAsking()
    assert said(do(room, due, now=130.0), DOCTOR) == [("off", "consent-not-given")]
    assert room.next_deadline() is None


def test_the_asker_s_leaving_ends_the_asking_and_another_s_may_complete_it() -> None:
    room = a_room(people=(DOCTOR, PATIENT, GUEST))
    do(room, *granted(DOCTOR, PATIENT), commands.StartRecording(DOCTOR))
    assert opened(do(room, commands.Leave(GUEST, LeaveReason.LEFT))) == [1]
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, commands.StartRecording(DOCTOR))
    assert said(do(room, commands.Leave(DOCTOR, LeaveReason.LEFT)), PATIENT) == [("off", "asker-left")]


def test_who_leaves_does_not_end_it_but_the_last_one_does() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    assert closed(do(room, commands.Leave(DOCTOR, LeaveReason.LEFT))) == []
    assert closed(do(room, commands.Leave(PATIENT, LeaveReason.LEFT))) == [StopReason.ROOM_EMPTY]


def test_a_reload_of_somebody_who_has_granted_goes_on_being_recorded() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    do(room, commands.Publish(PATIENT, (a_track("t-1"),)))
    outcomes = do(room, commands.Join(PEOPLE[PATIENT]))
    assert closed(outcomes) == []
    assert NoteForRecorder(attempt, notes.TrackRemoved(TrackId("t-1"))) in outcomes


def test_a_recorder_that_fails_is_told_and_gets_no_close() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    outcomes = do(room, commands.RecorderFailed(attempt, "disk-full"))
    assert closed(outcomes) == []
    assert said(outcomes, PATIENT) == [("off", "disk-full")]


def test_trouble_is_told_while_it_goes_on() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    told = do(
        room,
        commands.RecorderTroubled(attempt, "slow-disk"),
        commands.RecorderTroubled(attempt, "resumed"),
    )
    assert said(told, PATIENT) == [("on", "slow-disk"), ("on", "resumed")]


@pytest.mark.parametrize(
    "late",
    [
        commands.RecorderOpened(Attempt(1), since=1.0),
        commands.RecorderFailed(Attempt(1), "disk-full"),
        commands.RecorderTroubled(Attempt(1), "slow-disk"),
        commands.RecorderClosed(Attempt(1)),
    ],
    ids=lambda command: type(command).__name__,
)
def test_late_news_of_an_attempt_that_is_over_changes_nothing(late: Command) -> None:
    room, first = recording(DOCTOR, PATIENT)
    do(room, commands.StopRecording(DOCTOR), commands.RecorderClosed(first))
    (second,) = opened(do(room, commands.StartRecording(DOCTOR)))
    do(room, commands.RecorderOpened(second, since=200.0))
    assert do(room, late) == []
    assert room.recording.phase is Phase.ON


# --- One thing while another is under way ---


@pytest.mark.parametrize(
    "news", [commands.RecorderClosed(Attempt(1)), commands.RecorderFailed(Attempt(1), "disk-full")]
)
def test_a_withdrawal_before_the_recorder_is_open_is_not_undone_by_its_opening(news: Command) -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR, PATIENT), commands.StartRecording(DOCTOR))
    assert closed(do(room, commands.Refuse(PATIENT))) == [StopReason.CONSENT_WITHDRAWN]
    assert do(room, commands.RecorderOpened(Attempt(1), since=100.0)) == []
    assert (room.recording.phase, room.view().recording.since) == (Phase.CLOSING, None)
    assert said(do(room, news), DOCTOR)[0][0] == "off"


@pytest.mark.parametrize("join_first", [True, False])
def test_a_join_in_the_moment_of_opening_ends_it_in_either_order(join_first: bool) -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR, PATIENT), commands.StartRecording(DOCTOR))
    both = [commands.Join(PEOPLE[GUEST]), commands.RecorderOpened(Attempt(1), since=100.0)]
    outcomes = do(room, *(both if join_first else reversed(both)))
    assert closed(outcomes) == [StopReason.JOINED_WITHOUT_CONSENT]
    assert room.recording.phase is Phase.CLOSING


def test_a_second_reason_to_end_it_closes_nothing_twice() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    outcomes = do(
        room,
        commands.StopRecording(DOCTOR),
        commands.Refuse(PATIENT),
        commands.StopRecording(DOCTOR),
        commands.Join(PEOPLE[GUEST]),
        commands.HaltRecording(StopReason.FENCED),
    )
    assert closed(outcomes) == [StopReason.STOPPED]
    assert said(do(room, commands.RecorderClosed(attempt)), PATIENT) == [("off", "stopped")]


def test_a_recorder_that_fails_while_closing_says_why() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    do(room, commands.StopRecording(DOCTOR))
    assert said(do(room, commands.RecorderFailed(attempt, "disk-full")), PATIENT) == [("off", "disk-full")]
    assert do(room, commands.RecorderClosed(attempt)) == []


def test_a_recorder_that_closes_unasked_leaves_no_mark_behind() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    outcomes = do(room, commands.RecorderClosed(attempt))
    assert said(outcomes, PATIENT) == [("off", "recorder-closed")]
    assert closed(outcomes) == []


def test_stopping_while_asking_opens_nothing_and_twice_is_as_once() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR))
    assert said(do(room, commands.StopRecording(DOCTOR)), PATIENT) == [("off", "stopped")]
    assert do(room, commands.StopRecording(DOCTOR)) == []
    assert opened(do(room, *granted(PATIENT))) == []


def test_asking_twice_is_as_once_and_gives_no_more_time() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, commands.StartRecording(DOCTOR), now=10.0)
    assert do(room, commands.StartRecording(DOCTOR), now=100.0) == []
    assert room.next_deadline() == 130.0


@pytest.mark.parametrize("way_in", ["with an admitted ticket", "let in by a doctor"])
def test_who_comes_while_others_are_asked_is_asked_too(way_in: str) -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR))
    waits = way_in == "let in by a doctor"
    outcomes = do(room, commands.Join(a_person(GUEST, Role.GUEST, admitted=not waits)))
    if waits:
        assert consents(outcomes, ConsentState.REQUESTED) == []
        outcomes = do(room, commands.Admit(DOCTOR, GUEST))
        assert said(outcomes, GUEST) == [("starting", "asked")]
        assert consents(outcomes, ConsentState.GRANTED) == [DOCTOR]
    assert consents(outcomes, ConsentState.REQUESTED) == [GUEST]
    assert opened(do(room, *granted(PATIENT))) == []
    assert opened(do(room, *granted(GUEST))) == [1]


@pytest.mark.parametrize("who", [DOCTOR, PATIENT])
def test_a_reload_while_others_are_asked_changes_nothing(who: ParticipantId) -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    do(room, *granted(DOCTOR), commands.StartRecording(DOCTOR))
    assert said(do(room, commands.Join(PEOPLE[who])), DOCTOR) == []
    assert room.recording.phase is Phase.ASKING
    assert opened(do(room, *granted(PATIENT))) == [1]


def test_who_was_put_out_and_let_in_again_has_granted_still() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    do(room, commands.Remove(DOCTOR, PATIENT), commands.Join(PEOPLE[PATIENT]))
    assert room.self_view(PATIENT).admitted is False
    outcomes = do(room, commands.Admit(DOCTOR, PATIENT))
    assert closed(outcomes) == []
    assert [outcome.note for outcome in outcomes if isinstance(outcome, NoteForRecorder)] == [
        notes.Joined(PATIENT, Role.PATIENT),
        notes.Consented(a_consent(PATIENT)),
    ]
    assert said(outcomes, PATIENT) == [("on", None)]


def test_a_withdrawal_is_taken_from_somebody_who_waits_and_counts_once_let_in() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    do(room, commands.Remove(DOCTOR, PATIENT), commands.Join(PEOPLE[PATIENT]))
    assert do(room, commands.Refuse(PATIENT)) == []
    assert room.recording.phase is Phase.ON
    let_in = do(room, commands.Admit(DOCTOR, PATIENT))
    assert closed(let_in) == [StopReason.JOINED_WITHOUT_CONSENT]
    assert consents(let_in, ConsentState.WITHDRAWN) == [PATIENT]  # the doctor saw it grant before


def test_what_was_granted_outlives_the_node() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    before = room.revision
    do(room, commands.Refuse(PATIENT))
    assert room.revision > before
    assert room.record().consents == (a_consent(DOCTOR),)
    heir = Room(room.record(), LIMITS, 0.0, RULES)
    assert heir.recording.has_granted(DOCTOR)
    assert not heir.recording.has_granted(PATIENT)


def test_letting_in_somebody_without_a_grant_ends_it() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    do(room, commands.Join(a_person(GUEST, Role.GUEST, admitted=False)))
    assert closed(do(room, commands.Admit(DOCTOR, GUEST))) == [StopReason.JOINED_WITHOUT_CONSENT]


def test_who_refused_may_be_asked_again_and_refuse_again() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    for _ in range(2):
        outcomes = do(room, commands.StartRecording(DOCTOR), commands.Refuse(PATIENT))
        assert PATIENT in consents(outcomes, ConsentState.REQUESTED)
        assert consents(outcomes, ConsentState.REFUSED) == [PATIENT]
    assert do(room, commands.Refuse(PATIENT)) == []


def test_a_room_that_ends_while_asking_opened_nothing() -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    outcomes = do(room, commands.StartRecording(DOCTOR), commands.End(DOCTOR))
    assert (opened(outcomes), closed(outcomes)) == ([], [])
    assert room.recording.phase is Phase.OFF


def test_a_room_that_ends_while_the_recorder_closes_closes_it_no_second_time() -> None:
    room, _ = recording(DOCTOR, PATIENT)
    do(room, commands.StopRecording(DOCTOR))
    assert closed(do(room, commands.End(DOCTOR))) == []


# --- What the recorder is told meanwhile ---


def test_it_hears_of_tracks_mutes_and_people() -> None:
    room, attempt = recording(DOCTOR, PATIENT)
    do(room, *granted())
    outcomes = do(
        room,
        commands.Publish(PATIENT, (a_track("t-1"),)),
        commands.Mute(PATIENT, TrackId("t-1"), True),
        commands.Unpublish(PATIENT, (TrackId("t-1"),)),
        commands.Leave(PATIENT, LeaveReason.LEFT),
    )
    heard = [outcome.note for outcome in outcomes if isinstance(outcome, NoteForRecorder)]
    assert [type(note).__name__ for note in heard] == ["TrackAdded", "TrackMuted", "TrackRemoved", "Left"]
    assert all(o.attempt == attempt for o in outcomes if isinstance(o, NoteForRecorder))


# --- Where there is no recording ---


@pytest.mark.parametrize(
    ("rules", "policy", "refusal"),
    [
        (RecordingRules("belgium"), "belgium", NotAllowed),
        # A record that another node stored does not allow what this one's policy forbids, nor the other way.
        (RecordingRules("belgium", possible=True), POLICY, NotAllowed),
        (RULES, "belgium", NotAllowed),
        (RecordingRules(POLICY, allowed=True), POLICY, NotAvailable),
    ],
)
def test_where_it_is_forbidden_or_impossible_neither_asking_nor_granting_is_taken(
    rules: RecordingRules, policy: str, refusal: type[Refusal]
) -> None:
    room = a_room(rules, policy=policy, people=(DOCTOR, PATIENT))
    for command in (commands.StartRecording(DOCTOR), *granted(DOCTOR, PATIENT), commands.Refuse(PATIENT)):
        with pytest.raises(refusal):
            do(room, command)
    assert room.recording.phase is Phase.OFF
    assert not room.view().recording.available


# --- Whatever happens ---

STEPS = st.one_of(
    st.builds(commands.Join, st.sampled_from(list(PEOPLE.values()))),
    st.builds(
        commands.Join,
        st.sampled_from([a_person(who, Role.GUEST, admitted=False) for who in (GUEST, PATIENT)]),
    ),
    st.builds(commands.Leave, st.sampled_from(list(PEOPLE)), st.just(LeaveReason.LEFT)),
    st.builds(commands.Admit, st.just(DOCTOR), st.sampled_from(list(PEOPLE))),
    st.builds(commands.Remove, st.just(DOCTOR), st.sampled_from(list(PEOPLE))),
    st.builds(commands.StartRecording, st.sampled_from(list(PEOPLE))),
    st.builds(commands.StopRecording, st.sampled_from(list(PEOPLE))),
    st.sampled_from(list(PEOPLE)).map(lambda who: commands.Grant(who, a_consent(who))),
    st.builds(commands.Refuse, st.sampled_from(list(PEOPLE))),
    st.just(commands.GiveUpAsking()),
    st.builds(commands.RecorderOpened, st.integers(1, 4).map(Attempt), st.just(1.0)),
    st.builds(commands.RecorderFailed, st.integers(1, 4).map(Attempt), st.just("disk-full")),
    st.builds(commands.RecorderClosed, st.integers(1, 4).map(Attempt)),
    st.just(commands.End(DOCTOR)),
)


@given(st.lists(STEPS, max_size=40))
def test_a_recorder_is_open_only_while_everybody_present_has_granted(steps: list[Command]) -> None:
    room = a_room(people=(DOCTOR, PATIENT))
    open_attempts: set[Attempt] = set()
    consented: set[ParticipantId] = set()
    for step in steps:
        try:
            outcomes = room.receive(step, 0.0)
        except Refusal:
            continue
        if isinstance(step, commands.Grant):
            consented.add(step.participant)
        if isinstance(step, commands.Refuse):
            consented.discard(step.participant)
        if isinstance(step, commands.RecorderFailed | commands.RecorderClosed):
            open_attempts.discard(step.attempt)
        for attempt in _closes(outcomes):
            assert attempt in open_attempts or isinstance(step, commands.RecorderFailed)
            open_attempts.discard(attempt)
        for attempt in opened(outcomes):
            assert not open_attempts, "one at a time"
            open_attempts.add(attempt)
        if open_attempts:
            assert set(room.admitted()) <= consented
            assert room.admitted(), "nobody to record"
            assert room.recording.phase in (Phase.OPENING, Phase.ON)


def _closes(outcomes: list[Outcome]) -> Iterator[Attempt]:
    for outcome in outcomes:
        if isinstance(outcome, CloseRecorder):
            yield outcome.attempt
