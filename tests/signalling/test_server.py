"""Specifies signalling.server with real WebSockets: what a client sees, in both sub-protocols."""

import pytest

from signalling.media import TrackId
from signalling.wire import Codec
from tests.signalling.people import a_doctor, a_waiting, somebody
from tests.signalling.rig import Peer, Rig, a_server


@pytest.fixture(params=list(Codec), ids=lambda codec: codec.name.lower())
def codec(request: pytest.FixtureRequest) -> Codec:
    chosen = request.param
    assert isinstance(chosen, Codec)
    return chosen


async def a_call(rig: Rig, codec: Codec = Codec.JSON) -> tuple[Peer, Peer]:
    doctor = await rig.joined(a_doctor(), codec)
    patient = await rig.joined(somebody("patient"), codec)
    await doctor.event("participant-joined")
    return doctor, patient


async def test_the_joined_state_says_all_a_client_needs(codec: Codec) -> None:
    async with a_server() as rig:
        state = (await rig.joined(a_doctor(), codec)).state
        assert state["participant"] == {
            "id": "doctor",
            "role": "doctor",
            "name": "Name of doctor",
            "admitted": True,
            "grants": ["publish"],
        }
        assert state["room"] == {
            "id": "room-1",
            "state": "open",
            "encryption": "transport",
            "recording": {"state": "off", "since": None},
            "policy": "belgium",
        }
        assert [p["id"] for p in state["participants"]] == ["doctor"]
        assert state["ice_servers"] == []
        assert state["resume_window_s"] == 30.0
        assert state["ping_interval_s"] == 15.0
        assert state["session"] != state["resume_token"]


async def test_offers_are_answered_and_tracks_become_known_to_the_other(codec: Codec) -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, codec)
        wishes = {"0": {"publish": {"source": "camera", "muted": False, "encryption": "none"}}}
        answer = await patient.ask("offer", sdp="v=0", tracks=wishes)
        assert answer["sdp"] == "answer to v=0"
        track = answer["tracks"]["0"]
        published = await doctor.event("track-published")
        assert published["track"] == {
            "id": track,
            "participant": "patient",
            "kind": "video",
            "source": "camera",
            "muted": False,
            "encryption": "none",
            "codec": "vp8",
        }
        assert (await doctor.ask("offer", sdp="v=0", tracks={"0": {"subscribe": track}}))["type"] == "ok"
        assert (await patient.ask("mute", track=track, muted=True))["type"] == "ok"
        assert (await doctor.event("track-muted"))["muted"] is True
        assert rig.media.muted == {TrackId(track): True}
        assert (await doctor.ask("prefer", track=track, max_height=0))["type"] == "ok"
        assert rig.media.preferred[-1][1:] == (track, 0)


async def test_a_patient_waits_until_a_doctor_admits(codec: Codec) -> None:
    async with a_server() as rig:
        patient = await rig.joined(a_waiting("patient"), codec)
        assert patient.state["room"]["state"] == "waiting"
        assert patient.state["participant"]["admitted"] is False
        assert (await patient.ask("offer", sdp="v=0", tracks={}))["code"] == "not-admitted"
        doctor = await rig.joined(a_doctor(), codec)
        assert (await doctor.event("knocking"))["participant"]["name"] == "Name of patient"
        assert (await doctor.ask("admit", participant="patient"))["type"] == "ok"
        await patient.event("room-opened")
        assert (await patient.event("participant-admitted"))["id"] == "patient"
        assert (await patient.event("participant-joined"))["participant"]["id"] == "doctor"
        assert (await patient.ask("offer", sdp="v=0", tracks={}))["type"] == "ok"
        assert rig.media.open
