from collections.abc import Mapping

from loadtest.events import RoomState, parse_event, parse_joined
from loadtest.room_view import RoomView
from tests.loadtest.fake_server import a_joined_state, a_participant, a_track


def a_view(**state: object) -> RoomView:
    return RoomView(parse_joined(a_joined_state(**state)))


def told(view: RoomView, *events: Mapping[str, object]) -> RoomView:
    for seq, event in enumerate(events, start=1):
        view.apply(parse_event({"seq": seq, **event}))
    return view


def test_tracks_come_and_go_with_their_events() -> None:
    view = told(
        a_view(participants=[a_participant()]),
        {"type": "track-published", "track": a_track("a")},
        {"type": "track-published", "track": a_track("b")},
        {"type": "track-muted", "id": "b", "muted": True},
        {"type": "track-unpublished", "id": "a"},
    )
    assert [(track.id, track.muted) for track in view.others_tracks()] == [("b", True)]


def test_a_track_is_silent_until_it_is_told_otherwise() -> None:
    view = told(
        a_view(), {"type": "track-published", "track": a_track("a")}, {"type": "track-silent", "id": "a"}
    )
    assert [track.silent for track in view.others_tracks()] == [True]
    told(view, {"type": "track-silent", "id": "a", "silent": False})
    assert [track.silent for track in view.others_tracks()] == [False]


def test_whoever_leaves_takes_all_tracks_along() -> None:
    view = told(
        a_view(participants=[a_participant("p", tracks=[a_track("a", "p")]), a_participant("q")]),
        {"type": "track-published", "track": a_track("b", "q")},
        {"type": "participant-left", "id": "p", "reason": "left"},
    )
    assert list(view.participants) == ["q"]
    assert [track.id for track in view.others_tracks()] == ["b"]


def test_my_own_tracks_are_not_among_the_others() -> None:
    view = told(a_view(), {"type": "track-published", "track": a_track("mine", "me")})
    assert view.others_tracks() == []
    assert list(view.tracks) == ["mine"]


def test_a_patient_waits_until_admitted() -> None:
    me = {"id": "me", "role": "patient", "name": "N", "grants": []}
    view = a_view(participant=me, participants=[a_participant("me", role="patient", admitted=False)])
    assert not view.admitted
    told(view, {"type": "participant-admitted", "id": "me"})
    assert view.admitted


def test_a_recording_is_followed_with_its_troubles_and_who_agreed() -> None:
    recording = {"state": "on", "since": 5.0, "by": "d", "granted": ["d"], "available": True}
    view = a_view(room={**a_joined_state()["room"], "recording": recording})
    assert (view.recording, view.granted, view.recording_trouble) == ("on", {"d"}, None)
    told(view, {"type": "recording", "state": "on", "reason": "slow-disk"})
    assert view.recording_trouble == "slow-disk"
    told(view, {"type": "recording", "state": "on", "reason": "resumed"})
    assert view.recording_trouble is None
    told(view, {"type": "consent", "kind": "recording", "state": "granted"})
    assert view.granted == {"d", "me"}
    told(view, {"type": "consent", "kind": "recording", "state": "withdrawn", "participant": "d"})
    told(view, {"type": "consent", "kind": "another", "state": "withdrawn"})
    told(view, {"type": "recording", "state": "stopping", "reason": "consent-withdrawn"})
    assert (view.recording, view.granted, view.recording_trouble) == ("stopping", {"me"}, None)


def test_the_room_opens_and_ends() -> None:
    room = {**a_joined_state()["room"], "state": "waiting"}
    view = a_view(room=room)
    states = [view.state]
    for event in ({"type": "room-opened"}, {"type": "room-ended", "reason": "doctor"}):
        states.append(told(view, event).state)
    assert states == [RoomState.WAITING, RoomState.OPEN, RoomState.ENDED]
    assert view.ended_for == "doctor"
