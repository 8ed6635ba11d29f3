"""Specifies signalling.room: who may do what, and who hears of it."""

import itertools

import pytest

from signalling import commands, events
from signalling.commands import Judge
from signalling.errors import (
    LimitReached,
    NotAdmitted,
    NotAllowed,
    Refusal,
    RoomEnded,
    RoomFull,
    UnknownParticipant,
    UnknownTrack,
)
from signalling.media import Mid, ParticipantId, Publish, Source, Subscribe, TrackEncryption, TrackId
from signalling.outcomes import Dismissed, Outcome, Tell
from signalling.private import Private
from signalling.room import Room, RoomLimits
from signalling.room_states import TRANSITIONS, Trigger
from signalling.views import EndReason, LeaveReason, Rating, Role, RoomState, TransportState
from tests.signalling.people import (
    LIMITS,
    ROOM,
    a_doctor,
    a_record,
    a_room,
    a_track,
    a_waiting,
    somebody,
)

DOCTOR, PATIENT, GUEST = ParticipantId("doctor"), ParticipantId("patient"), ParticipantId("guest")
CAMERA = TrackId("camera")


def told(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    """Who was told what, in order: (participant, event type)."""
    return [
        (who, outcome.event.type) for outcome in outcomes if isinstance(outcome, Tell) for who in outcome.to
    ]


def do(room: Room, command: commands.Command, now: float = 0.0) -> list[Outcome]:
    return room.receive(command, now)


def publish(
    room: Room, owner: ParticipantId = PATIENT, track: str = CAMERA, *, muted: bool = False
) -> list[Outcome]:
    return do(room, commands.Publish(owner, (a_track(track, muted=muted),)))


# --- States ---


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(RoomState, Trigger)))
def test_a_room_moves_as_the_table_says_and_ended_is_the_end(state: RoomState, trigger: Trigger) -> None:
    expected = {
        (RoomState.WAITING, Trigger.ADMITTED_PRESENT): RoomState.OPEN,
        (RoomState.OPEN, Trigger.ADMITTED_PRESENT): RoomState.OPEN,
        (RoomState.WAITING, Trigger.END): RoomState.ENDED,
        (RoomState.OPEN, Trigger.END): RoomState.ENDED,
    }.get((state, trigger))
    assert TRANSITIONS.get((state, trigger)) is expected
    room = Room(a_record(state), LIMITS, now=0.0)
    command = commands.Join(a_doctor()) if trigger is Trigger.ADMITTED_PRESENT else commands.Close()
    if expected is None:
        with pytest.raises(RoomEnded):
            do(room, command)
    else:
        do(room, command)
    assert room.state is (expected or state)


def test_a_room_of_people_who_wait_stays_waiting_until_a_doctor_comes() -> None:
    room = a_room(a_waiting("patient"))
    assert room.view().state is RoomState.WAITING
    outcomes = do(room, commands.Join(a_doctor()))
    assert room.view().state is RoomState.OPEN
    # The doctor reads the state in the reply; the patient is told. Nothing tells the patient who came.
    assert told(outcomes) == [("patient", "room-opened"), ("doctor", "knocking")]


def test_an_admitted_ticket_opens_the_room_without_a_doctor() -> None:
    assert a_room(somebody("patient")).state is RoomState.OPEN


def test_an_empty_room_ends_after_its_time_and_not_if_somebody_comes() -> None:
    room = a_room()
    assert room.next_deadline() == LIMITS.room_empty_s
    do(room, commands.Join(a_doctor()), now=10.0)
    assert room.next_deadline() is None
    do(room, commands.Leave(DOCTOR, LeaveReason.LEFT), now=20.0)
    assert room.next_deadline() == 20.0 + LIMITS.room_empty_s
    do(room, commands.Close(), now=80.0)
    assert room.state is RoomState.ENDED
    assert room.next_deadline() is None


# --- Coming, waiting, being admitted ---


def test_the_others_hear_of_somebody_admitted_who_comes_and_goes() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    assert told(do(room, commands.Join(somebody("guest", Role.GUEST)))) == [
        ("doctor", "participant-joined"),
        ("patient", "participant-joined"),
    ]
    assert told(do(room, commands.Leave(GUEST, LeaveReason.LEFT))) == [
        ("doctor", "participant-left"),
        ("patient", "participant-left"),
    ]


def test_only_doctors_hear_of_somebody_who_knocks_and_gives_up() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    assert told(do(room, commands.Join(a_waiting("guest", Role.GUEST)))) == [("doctor", "knocking")]
    assert told(do(room, commands.Leave(GUEST, LeaveReason.LEFT))) == [("doctor", "participant-left")]


def test_who_waits_sees_itself_and_the_state_of_the_room_only() -> None:
    room = a_room(a_doctor(), somebody("patient"), a_waiting("guest", Role.GUEST), a_waiting("other"))
    publish(room)
    assert [p.id for p in room.participants_seen_by(GUEST)] == ["guest"]
    assert room.view().state is RoomState.OPEN
    assert [p.id for p in room.participants_seen_by(PATIENT)] == ["doctor", "patient"]
    assert [p.id for p in room.participants_seen_by(DOCTOR)] == ["doctor", "patient", "guest", "other"]


def test_admission_tells_each_what_it_did_not_know() -> None:
    room = a_room(a_doctor(), somebody("patient"), a_waiting("guest", Role.GUEST))
    publish(room)
    outcomes = do(room, commands.Admit(DOCTOR, GUEST))
    assert told(outcomes) == [
        ("patient", "participant-joined"),
        ("guest", "participant-admitted"),
        ("doctor", "participant-admitted"),
        ("patient", "participant-admitted"),
        ("guest", "participant-joined"),
        ("guest", "participant-joined"),
    ]
    shown = [
        o.event.participant
        for o in outcomes
        if isinstance(o, Tell) and isinstance(o.event, events.ParticipantJoined)
    ]
    assert [(p.id, [t.id for t in p.tracks]) for p in shown[1:]] == [("doctor", []), ("patient", [CAMERA])]
    assert room.self_view(GUEST).admitted


def test_admitting_twice_says_nothing_the_second_time() -> None:
    room = a_room(a_doctor(), a_waiting("guest"))
    do(room, commands.Admit(DOCTOR, GUEST))
    assert do(room, commands.Admit(DOCTOR, GUEST)) == []


def test_an_admission_outlasts_a_reload() -> None:
    room = a_room(a_doctor(), a_waiting("patient"))
    do(room, commands.Admit(DOCTOR, PATIENT))
    do(room, commands.Leave(PATIENT, LeaveReason.CONNECTION_LOST))
    assert told(do(room, commands.Join(a_waiting("patient")))) == [("doctor", "participant-joined")]


def test_a_second_join_of_the_same_participant_replaces_the_first() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    assert told(do(room, commands.Join(somebody("patient"), b"new key"))) == [
        ("doctor", "track-unpublished"),
        ("doctor", "participant-left"),
        ("doctor", "participant-joined"),
    ]
    assert len(room) == 2
    assert room.participants_seen_by(DOCTOR)[1].encryption_key == b"new key"


def test_a_full_room_takes_nobody_but_whoever_is_in_already() -> None:
    limits = RoomLimits(2, 4, 60.0)
    room = a_room(a_doctor(), somebody("patient"), limits=limits)
    with pytest.raises(RoomFull):
        do(room, commands.Join(somebody("guest")))
    do(room, commands.Join(somebody("patient")))
    assert len(room) == 2


def test_a_removed_participant_is_out_and_has_to_knock_again_whatever_the_ticket_says() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    outcomes = do(room, commands.Remove(DOCTOR, PATIENT))
    assert told(outcomes) == [("doctor", "participant-left"), ("patient", "participant-left")]
    assert outcomes[-1] == Dismissed(PATIENT, LeaveReason.REMOVED)
    assert told(do(room, commands.Join(somebody("patient")))) == [("doctor", "knocking")]
    do(room, commands.Admit(DOCTOR, PATIENT))
    assert room.self_view(PATIENT).admitted


def test_the_end_is_told_to_everybody_and_dismisses_them() -> None:
    room = a_room(a_doctor(), somebody("patient"), a_waiting("guest"))
    outcomes = do(room, commands.End(DOCTOR))
    assert told(outcomes) == [(who, "room-ended") for who in ("doctor", "patient", "guest")]
    assert outcomes[1:] == [Dismissed(who, EndReason.ENDED) for who in (DOCTOR, PATIENT, GUEST)]
    with pytest.raises(RoomEnded):
        do(room, commands.Join(a_doctor()))


# --- Who may do what ---

WAITING, ADMITTED, A_DOCTOR = a_waiting("who"), somebody("who"), a_doctor("who")
WHO = ParticipantId("who")
RIGHTS: list[tuple[str, commands.Command, dict[str, type[Refusal] | None]]] = [
    (
        "admit",
        commands.Admit(WHO, GUEST),
        {"waiting": NotAllowed, "patient": NotAllowed, "guest": NotAllowed, "doctor": None},
    ),
    (
        "remove",
        commands.Remove(WHO, GUEST),
        {"waiting": NotAllowed, "patient": NotAllowed, "guest": NotAllowed, "doctor": None},
    ),
    (
        "end",
        commands.End(WHO),
        {"waiting": NotAllowed, "patient": NotAllowed, "guest": NotAllowed, "doctor": None},
    ),
    (
        "relay to one",
        commands.Relay(WHO, DOCTOR, "chat", Private(b"")),
        {"waiting": NotAdmitted, "patient": None, "guest": None, "doctor": None},
    ),
    (
        "relay to all",
        commands.Relay(WHO, None, "chat", Private(b"")),
        {"waiting": NotAdmitted, "patient": None, "guest": None, "doctor": None},
    ),
    (
        "relay to one who waits",
        commands.Relay(WHO, GUEST, "chat", Private(b"")),
        {
            "waiting": NotAdmitted,
            "patient": UnknownParticipant,
            "guest": UnknownParticipant,
            "doctor": UnknownParticipant,
        },
    ),
    (
        "publish",
        commands.Publish(WHO, (a_track("new"),)),
        {"waiting": NotAdmitted, "patient": None, "guest": None, "doctor": None},
    ),
    (
        "mute another's track",
        commands.Mute(WHO, CAMERA, True),
        {"waiting": NotAdmitted, "patient": NotAllowed, "guest": NotAllowed, "doctor": NotAllowed},
    ),
    (
        "mute what is not there",
        commands.Mute(WHO, TrackId("none"), True),
        {"waiting": NotAdmitted, "patient": UnknownTrack, "guest": UnknownTrack, "doctor": UnknownTrack},
    ),
    (
        "admit nobody",
        commands.Admit(WHO, ParticipantId("nobody")),
        {
            "waiting": NotAllowed,
            "patient": NotAllowed,
            "guest": NotAllowed,
            "doctor": UnknownParticipant,
        },
    ),
    (
        "remove oneself",
        commands.Remove(WHO, WHO),
        {"waiting": NotAllowed, "patient": NotAllowed, "guest": NotAllowed, "doctor": NotAllowed},
    ),
]
ROLES = {
    "waiting": a_waiting("who"),
    "patient": somebody("who"),
    "guest": somebody("who", Role.GUEST),
    "doctor": a_doctor("who"),
}


@pytest.mark.parametrize(
    ("command", "who", "refusal"),
    [
        pytest.param(command, who, refusal, id=f"{who}: {name}")
        for name, command, verdicts in RIGHTS
        for who, refusal in verdicts.items()
    ],
)
def test_rights(command: commands.Command, who: str, refusal: type[Refusal] | None) -> None:
    room = a_room(a_doctor(), a_waiting("guest"), ROLES[who])
    publish(room, DOCTOR)
    if refusal is None:
        do(room, command)
        return
    before = room.record(), room.participants_seen_by(DOCTOR)
    with pytest.raises(refusal):
        do(room, command)
    assert (room.record(), room.participants_seen_by(DOCTOR)) == before


# --- Tracks ---


def test_a_published_track_is_told_to_the_other_admitted_only() -> None:
    room = a_room(a_doctor(), somebody("patient"), a_waiting("guest"))
    assert told(publish(room)) == [("doctor", "track-published")]
    assert told(do(room, commands.Mute(PATIENT, CAMERA, True))) == [("doctor", "track-muted")]
    assert do(room, commands.Mute(PATIENT, CAMERA, True)) == []
    assert told(do(room, commands.Unpublish(PATIENT, (CAMERA,)))) == [("doctor", "track-unpublished")]
    assert do(room, commands.Unpublish(PATIENT, (CAMERA,))) == []


def test_whoever_leaves_takes_the_tracks_along() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    outcomes = do(room, commands.Leave(PATIENT, LeaveReason.LEFT))
    assert told(outcomes) == [("doctor", "track-unpublished"), ("doctor", "participant-left")]
    assert room.owner_of(CAMERA) is None


def test_an_offer_is_checked_before_the_media_plane_sees_it() -> None:
    room = a_room(a_doctor(), somebody("patient"), a_waiting("guest"))
    publish(room)
    camera = Publish(Source.CAMERA, False, TrackEncryption.NONE)
    five = {Mid(str(n)): camera for n in range(5)}
    room.check_offer(DOCTOR, {Mid("0"): Subscribe(CAMERA)}, {})
    with pytest.raises(NotAdmitted):
        room.check_offer(GUEST, {}, {})
    with pytest.raises(UnknownTrack):
        room.check_offer(DOCTOR, {Mid("0"): Subscribe(TrackId("another room's"))}, {})
    with pytest.raises(LimitReached):
        room.check_offer(DOCTOR, five, {})
    with pytest.raises(LimitReached):
        room.check_offer(PATIENT, dict(list(five.items())[:4]), {})
    # A mid that is published already may be stated again.
    room.check_offer(PATIENT, dict(list(five.items())[:4]), {Mid("0"): CAMERA})


# --- Words and news ---


def test_a_relay_reaches_one_or_all_others_and_never_who_waits() -> None:
    room = a_room(a_doctor(), somebody("patient"), somebody("other"), a_waiting("guest"))
    to_all = commands.Relay(PATIENT, None, "chat", Private(b"words"))
    assert told(do(room, to_all)) == [("doctor", "relay"), ("other", "relay")]
    to_one = commands.Relay(PATIENT, DOCTOR, "chat", Private(b"words"))
    assert told(do(room, to_one)) == [("doctor", "relay")]


def test_speakers_are_told_once_loudest_first_and_their_silence_too() -> None:
    room = a_room(a_doctor(), somebody("patient"), a_waiting("guest"))
    publish(room, PATIENT, "voice")
    publish(room, DOCTOR, "other voice")
    levels = commands.ReportLevels({TrackId("voice"): -40, TrackId("other voice"): -20, TrackId("?"): -1})
    outcomes = do(room, levels)
    assert told(outcomes) == [("doctor", "speakers"), ("patient", "speakers")]
    assert isinstance(outcomes[0], Tell)
    assert isinstance(outcomes[0].event, events.Speakers)
    assert [(s.participant, s.level_dbov) for s in outcomes[0].event.speakers] == [
        (DOCTOR, -20),
        (PATIENT, -40),
    ]
    assert do(room, levels) == []
    assert told(do(room, commands.ReportLevels({}))) == [("doctor", "speakers"), ("patient", "speakers")]
    assert do(room, commands.ReportLevels({})) == []


def test_a_muted_track_neither_speaks_nor_is_missed() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room, muted=True)
    assert do(room, commands.ReportLevels({CAMERA: -10})) == []
    assert do(room, commands.ReportSilence(CAMERA, silent=True)) == []
    do(room, commands.Mute(PATIENT, CAMERA, False))
    assert told(do(room, commands.ReportSilence(CAMERA, silent=True))) == [
        ("patient", "track-silent"),
        ("doctor", "track-silent"),
    ]


def seen_as_silent(room: Room) -> list[bool]:
    return [t.silent for p in room.participants_seen_by(DOCTOR) for t in p.tracks]


def silences(outcomes: list[Outcome]) -> list[tuple[tuple[str, ...], bool]]:
    return [
        (outcome.to, outcome.event.silent)
        for outcome in outcomes
        if isinstance(outcome, Tell) and isinstance(outcome.event, events.TrackSilent)
    ]


def test_the_end_of_a_silence_is_told_to_the_same_and_the_joined_state_follows_both() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    assert seen_as_silent(room) == [False]
    assert do(room, commands.ReportSilence(CAMERA, silent=False)) == []
    assert silences(do(room, commands.ReportSilence(CAMERA, silent=True))) == [((PATIENT, DOCTOR), True)]
    assert do(room, commands.ReportSilence(CAMERA, silent=True)) == []
    assert seen_as_silent(room) == [True]
    assert silences(do(room, commands.ReportSilence(CAMERA, silent=False))) == [((PATIENT, DOCTOR), False)]
    assert seen_as_silent(room) == [False]


def test_muting_ends_a_silence_for_it_is_meant_now() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    do(room, commands.ReportSilence(CAMERA, silent=True))
    outcomes = do(room, commands.Mute(PATIENT, CAMERA, True))
    assert silences(outcomes) == [((PATIENT, DOCTOR), False)]
    assert ("doctor", "track-muted") in told(outcomes)
    assert seen_as_silent(room) == [False]


def test_quality_is_the_worse_of_both_judges_and_told_when_it_changes() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    client = commands.ReportQuality(PATIENT, Judge.CLIENT, Rating.FAIR, Rating.GOOD)
    assert told(do(room, client)) == [("patient", "quality"), ("doctor", "quality")]
    assert do(room, commands.ReportQuality(PATIENT, Judge.MEDIA_PLANE, Rating.GOOD, Rating.GOOD)) == []
    worse = do(room, commands.ReportQuality(PATIENT, Judge.MEDIA_PLANE, Rating.POOR, Rating.GOOD))
    assert isinstance(worse[0], Tell)
    assert isinstance(worse[0].event, events.Quality)
    assert (worse[0].event.uplink, worse[0].event.downlink) == (Rating.POOR, Rating.GOOD)


def test_lost_media_takes_the_tracks_and_says_so_until_an_offer_is_answered() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    outcomes = do(room, commands.LoseMedia(PATIENT))
    assert told(outcomes) == [("doctor", "track-unpublished"), ("patient", "quality"), ("doctor", "quality")]
    assert isinstance(outcomes[-1], Tell)
    assert isinstance(outcomes[-1].event, events.Quality)
    assert outcomes[-1].event.transport is TransportState.CLOSED
    assert told(do(room, commands.RegainMedia(PATIENT))) == [("patient", "quality"), ("doctor", "quality")]
    assert do(room, commands.RegainMedia(PATIENT)) == []


def test_an_answered_offer_alone_makes_no_lost_connection_good() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    do(room, commands.ReportQuality(PATIENT, Judge.MEDIA_PLANE, Rating.LOST, Rating.LOST))
    assert do(room, commands.RegainMedia(PATIENT)) == []  # an ICE restart: nothing has arrived by it yet
    back = commands.ReportQuality(PATIENT, Judge.MEDIA_PLANE, Rating.GOOD, Rating.GOOD)
    assert told(do(room, back)) == [("patient", "quality"), ("doctor", "quality")]


def test_only_the_publisher_learns_which_layers_are_wanted() -> None:
    room = a_room(a_doctor(), somebody("patient"))
    publish(room)
    assert told(do(room, commands.WantLayers(CAMERA, ("l",)))) == [("patient", "layers-wanted")]


# --- What outlives the node ---


def test_a_room_taken_over_still_knows_whom_a_doctor_admitted_and_removed() -> None:
    room = a_room(a_doctor(), a_waiting("patient"), somebody("guest"))
    do(room, commands.Admit(DOCTOR, PATIENT))
    do(room, commands.Remove(DOCTOR, GUEST))
    heir = Room(room.record(), LIMITS, now=0.0)
    assert heir.state is RoomState.OPEN
    do(heir, commands.Join(a_waiting("patient")))
    do(heir, commands.Join(somebody("guest")))
    assert heir.self_view(PATIENT).admitted
    assert not heir.self_view(GUEST).admitted
    assert heir.record().room == ROOM


# --- What is decided outside the room ---


def test_whoever_is_expelled_is_told_and_has_to_knock_again() -> None:
    room = a_room(a_doctor(), somebody("patient"), somebody("guest", Role.GUEST))
    outcomes = do(room, commands.Expel(GUEST))
    assert Dismissed(GUEST, LeaveReason.REMOVED) in outcomes
    left = {who for who, type_ in told(outcomes) if type_ == "participant-left"}
    assert left == {DOCTOR, PATIENT, GUEST}
    do(room, commands.Join(somebody("guest", Role.GUEST)))
    assert GUEST in room.waiting(), "whatever the ticket says"
    with pytest.raises(UnknownParticipant):
        do(room, commands.Expel(ParticipantId("nobody")))


def test_a_concluded_room_is_over_for_everybody_also_those_who_wait() -> None:
    room = a_room(a_doctor(), a_waiting("patient"))
    outcomes = do(room, commands.Conclude())
    assert {outcome for outcome in outcomes if isinstance(outcome, Dismissed)} == {
        Dismissed(DOCTOR, EndReason.ENDED),
        Dismissed(PATIENT, EndReason.ENDED),
    }
    assert {who for who, type_ in told(outcomes) if type_ == "room-ended"} == {DOCTOR, PATIENT}
    assert room.state is RoomState.ENDED
    with pytest.raises(RoomEnded):
        do(room, commands.Conclude())


@pytest.mark.parametrize("by_ticket", [True, False])
def test_an_admission_that_is_forgotten_while_somebody_is_away_is_none(by_ticket: bool) -> None:
    guest = somebody("guest", Role.GUEST, admitted=by_ticket)
    room = a_room(a_doctor(), guest)
    do(room, commands.Admit(DOCTOR, GUEST))
    do(room, commands.Leave(GUEST, LeaveReason.LEFT))
    assert room.would_admit(guest)
    before = room.revision
    room.forget_admission(GUEST)
    assert room.revision > before, "other nodes have to know"
    assert not room.would_admit(guest)
    do(room, commands.Join(guest))
    assert room.waiting() == (GUEST,)
    do(room, commands.Admit(DOCTOR, GUEST))
    assert room.waiting() == ()
