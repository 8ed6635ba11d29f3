from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import ServerViolation
from loadtest.events import (
    ConsentChanged,
    Knocking,
    Moved,
    Other,
    RecordingChanged,
    Relayed,
    RoomState,
    TrackMuted,
    TrackPublished,
    parse_event,
    parse_joined,
)
from tests.loadtest.fake_server import a_joined_state, a_participant, a_track

KNOWN = [
    *("participant-joined", "participant-left", "participant-admitted", "knocking", "room-opened"),
    *("track-published", "track-unpublished", "track-muted", "track-silent"),
    *("speakers", "quality", "recording", "consent", "relay", "room-ended", "moved"),
]


def test_a_published_track_is_told_with_all_its_traits() -> None:
    event = parse_event({"type": "track-published", "seq": 1, "track": a_track("t", "p", "audio")})
    assert isinstance(event, TrackPublished)
    assert (event.track.id, event.track.participant, event.track.kind) == ("t", "p", "audio")


def test_a_knocking_patient_need_not_have_tracks() -> None:
    participant = a_participant(admitted=False)
    del participant["tracks"]
    event = parse_event({"type": "knocking", "seq": 1, "participant": participant})
    assert isinstance(event, Knocking)
    assert not event.participant.admitted


def test_mute_and_relay() -> None:
    assert parse_event({"type": "track-muted", "seq": 2, "id": "t", "muted": True}) == TrackMuted("t", True)  # type: ignore[arg-type]
    relayed = parse_event({"type": "relay", "seq": 3, "from": "p", "kind": "chat", "body": "aGk"})
    assert isinstance(relayed, Relayed)
    assert relayed.body == b"hi"


def test_recording_and_consent_tell_who_and_why() -> None:
    asked = parse_event({"type": "recording", "seq": 4, "state": "starting", "reason": "asked", "by": "d"})
    assert asked == RecordingChanged("starting", "asked", "d")  # type: ignore[arg-type]
    ended = parse_event({"type": "recording", "seq": 5, "state": "off", "reason": None})
    assert ended == RecordingChanged("off", None, None)
    granted = {"type": "consent", "seq": 6, "kind": "recording", "state": "granted"}
    assert parse_event(granted) == ConsentChanged("recording", "granted", None)
    assert parse_event({**granted, "participant": "p"}) == ConsentChanged("recording", "granted", "p")  # type: ignore[arg-type]


def test_a_room_that_moves_says_where_to_and_its_ticket_is_not_shown() -> None:
    moved = parse_event({"type": "moved", "seq": 7, "url": "wss://b/v1/signal", "ticket": "secret"})
    assert moved == Moved("wss://b/v1/signal", "secret")
    assert "secret" not in repr(moved)
    with pytest.raises(ServerViolation):
        parse_event({"type": "moved", "seq": 8, "url": "wss://b/v1/signal", "ticket": None})


def test_an_event_of_a_newer_server_is_kept_as_it_came() -> None:
    event = parse_event({"type": "fireworks", "seq": 9, "colour": "red"})
    assert event == Other("fireworks", {"colour": "red"})


@given(
    type_=st.sampled_from(KNOWN),
    fields=st.dictionaries(
        st.sampled_from(
            ["participant", "track", "id", "muted", "from", "kind", "body", "speakers", "url", "ticket"]
        ),
        st.none() | st.integers() | st.text(max_size=4) | st.lists(st.integers(), max_size=2) | st.just({}),
    ),
)
def test_a_malformed_event_is_the_servers_violation_and_no_crash(type_: str, fields: dict[str, Any]) -> None:
    with suppress(ServerViolation):
        parse_event({"type": type_, "seq": 1, **fields})


def test_the_joined_state_tells_who_is_here_and_how_long_a_cut_may_last() -> None:
    joined = parse_joined(a_joined_state(participants=[a_participant(tracks=[a_track()])]))
    assert joined.state is RoomState.OPEN
    assert joined.resume_window_s == 5
    assert [track.id for track in joined.participants[0].tracks] == ["t1"]
    assert (joined.recording, joined.granted) == ("off", frozenset())


@pytest.mark.parametrize("missing", ["session", "resume_token", "participant", "room", "participants"])
def test_a_joined_state_without_one_of_its_parts_is_refused(missing: str) -> None:
    state = a_joined_state()
    del state[missing]
    with pytest.raises(ServerViolation):
        parse_joined(state)
