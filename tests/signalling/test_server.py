"""Specifies signalling.server with real WebSockets: what a client sees, in both sub-protocols."""

import asyncio
import base64
import json

import aiohttp
import pytest

from signalling.codes import CloseCode
from signalling.events import ConsentChanged, Queue
from signalling.media import ParticipantId, TrackId
from signalling.views import Role, RoomState
from signalling.wire import MAX_MESSAGE_BYTES, Codec
from tests.signalling.people import ROOM, a_doctor, a_waiting, somebody
from tests.signalling.rig import Peer, Rig, a_server, eventually


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
        assert state["media_addresses"] == []
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


# --- Connections that are refused, or end ---


async def test_msgpack_is_preferred_when_a_client_offers_both() -> None:
    async with a_server() as rig:
        both = (Codec.JSON.value, Codec.MSGPACK.value)
        async with rig.http.ws_connect(rig.url, protocols=both) as socket:
            assert socket.protocol == Codec.MSGPACK.value


@pytest.mark.parametrize("protocols", [(), ("chat",), ("teleconsult.v2.json",)])
async def test_without_one_of_our_subprotocols_there_is_no_connection(protocols: tuple[str, ...]) -> None:
    async with a_server() as rig:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.http.ws_connect(rig.url, protocols=protocols)
        assert refused.value.status == 400


@pytest.mark.parametrize(
    ("origin", "allowed", "may"),
    [
        (None, (), True),
        ("{own}", (), True),
        ("https://elsewhere.example", (), False),
        ("https://elsewhere.example", ("https://elsewhere.example",), True),
        ("https://elsewhere.example", ("*",), True),
        ("null", (), False),
        ("http://[", (), False),
    ],
)
async def test_pages_of_other_origins_may_connect_if_the_settings_say_so(
    origin: str | None, allowed: tuple[str, ...], may: bool
) -> None:
    async with a_server(allowed_origins=allowed) as rig:
        own = rig.url.rsplit("/v1", 1)[0]
        connecting = rig.http.ws_connect(
            rig.url, protocols=(Codec.JSON.value,), origin=origin and origin.format(own=own)
        )
        if may:
            await (await connecting).close()
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await connecting
            assert refused.value.status == 403


async def test_whoever_does_not_join_in_time_is_closed() -> None:
    async with a_server(join_timeout_s=0.02) as rig:
        assert await (await rig.connect()).closed() == CloseCode.TOO_SLOW


async def test_there_is_a_limit_to_those_who_have_not_joined() -> None:
    async with a_server(max_unjoined=2) as rig:
        held = [await rig.joined(a_doctor()), await rig.connect(), await rig.connect()]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await rig.connect()
        assert refused.value.status == 503
        assert len(held) == 3


async def test_a_silent_peer_is_given_up_after_two_pings() -> None:
    async with a_server(ping_interval_s=0.03) as rig:
        peer = await rig.connect(autoping=False)
        await peer.join(rig.tickets.issue(a_doctor()))
        seen = []
        while (frame := await peer.socket.receive()).type is aiohttp.WSMsgType.PING:
            seen.append(frame)
        assert len(seen) == 2
        assert peer.socket.close_code == CloseCode.TOO_SLOW


async def test_a_peer_that_answers_pings_stays() -> None:
    async with a_server(ping_interval_s=0.01) as rig:
        peer = await rig.connect(autoping=False)
        await peer.join(rig.tickets.issue(a_doctor()))
        for _ in range(5):
            frame = await peer.socket.receive()
            assert frame.type is aiohttp.WSMsgType.PING
            await peer.socket.pong(frame.data)


async def test_a_peers_own_ping_is_answered() -> None:
    async with a_server() as rig:
        peer = await rig.connect(autoping=False)
        await peer.socket.ping(b"are you there")
        frame = await peer.socket.receive()
        assert (frame.type, frame.data) == (aiohttp.WSMsgType.PONG, b"are you there")


async def test_a_ticket_is_used_once_and_a_refusal_has_its_close_code(codec: Codec) -> None:
    async with a_server() as rig:
        ticket = rig.tickets.issue(a_doctor())
        await (await rig.connect(codec)).join(ticket)
        second = await rig.connect(codec)
        assert (await second.join(ticket))["code"] == "ticket-refused"
        assert await second.closed() == CloseCode.TICKET_REFUSED
        assert rig.server.counters.joins == {"ok": 1, "ticket-refused": 1}


async def test_a_full_room_refuses_with_4403() -> None:
    async with a_server(max_participants=1) as rig:
        await rig.joined(a_doctor())
        late = await rig.connect()
        assert (await late.join(rig.tickets.issue(somebody("patient"))))["code"] == "limit-reached"
        assert await late.closed() == CloseCode.NOT_ALLOWED


async def test_requests_before_a_join_and_a_second_join_are_refused(codec: Codec) -> None:
    async with a_server() as rig:
        peer = await rig.connect(codec)
        assert (await peer.ask("leave"))["code"] == "not-joined"
        await peer.join(rig.tickets.issue(a_doctor()))
        assert (await peer.join(rig.tickets.issue(a_doctor("other"))))["code"] == "already-joined"
        assert (await peer.ask("stats"))["type"] == "ok"


async def test_the_third_message_that_cannot_be_read_ends_the_connection(codec: Codec) -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, codec)
        for _ in range(3):
            await patient.send({"type": "mute", "id": 7})
            reply = await patient.receive()
            assert (reply["type"], reply["id"], reply["code"]) == ("error", 7, "bad-message")
        assert await patient.closed() == CloseCode.BAD_MESSAGE
        assert (await doctor.event("participant-left"))["reason"] == "connection-lost"


async def test_unknown_types_and_fields_are_no_offence(codec: Codec) -> None:
    async with a_server() as rig:
        peer = await rig.joined(a_doctor(), codec)
        for _ in range(5):
            assert (await peer.ask("from-the-future"))["code"] == "unknown-type"
        assert (await peer.ask("stats", uplink=None, more={"deep": [1]}))["type"] == "ok"


async def test_request_ids_must_rise(codec: Codec) -> None:
    async with a_server() as rig:
        peer = await rig.joined(a_doctor(), codec)
        await peer.send({"type": "stats", "id": 1})
        assert (await peer.receive())["code"] == "bad-message"
        assert (await peer.ask("stats"))["type"] == "ok"


async def test_a_message_may_have_128_kib_and_no_more() -> None:
    async with a_server(rate_burst=1000.0) as rig:
        peer = await rig.joined(a_doctor())
        text = json.dumps({"type": "stats", "id": 100, "more": ""})
        padded = text.replace('""', '"' + "x" * (MAX_MESSAGE_BYTES - len(text)) + '"')
        await peer.socket.send_str(padded)
        assert (await peer.receive())["type"] == "ok"
        await peer.socket.send_str(padded + " ")
        assert await peer.closed() == CloseCode.TOO_BIG


async def test_too_many_requests_close_the_connection_and_it_may_resume() -> None:
    async with a_server(rate_per_s=1.0, rate_burst=5.0) as rig:
        peer = await rig.joined(a_doctor())
        for id_ in range(2, 12):
            await peer.send({"type": "stats", "id": id_})
        assert await peer.closed() == CloseCode.TOO_MANY_REQUESTS
        _, reply = await rig.resumed(peer, 0)
        assert reply["type"] == "ok"


async def test_a_client_that_does_not_read_is_closed_and_delays_nobody() -> None:
    async with a_server(outbox_frames=20, replay_events=10, rate_burst=1e6, close_timeout_s=0.05) as rig:
        doctor, patient = await a_call(rig)
        response = patient.socket._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.pause_reading()
        body = base64.b64encode(bytes(48_000)).decode()
        while not rig.server.counters.closes[CloseCode.TOO_SLOW]:
            assert (await doctor.ask("relay", to=None, kind="flood", body=body))["type"] == "ok"
        assert rig.server.counters.outbox_overflows == 1


# --- What is said in a room ---


async def test_a_relay_crosses_from_one_encoding_to_the_other() -> None:
    async with a_server() as rig:
        doctor = await rig.joined(a_doctor(), Codec.JSON)
        patient = await rig.joined(somebody("patient"), Codec.MSGPACK)
        await patient.ask("relay", to="doctor", kind="e2ee-key", body=b"\x00\xff key")
        heard = await doctor.event("relay")
        assert (heard["from"], heard["kind"], heard["body"]) == ("patient", "e2ee-key", "AP8ga2V5")
        await doctor.ask("relay", to=None, kind="chat", body="aGk")
        assert (await patient.event("relay"))["body"] == b"hi"


async def test_public_keys_travel_in_the_joined_state() -> None:
    async with a_server() as rig:
        await rig.joined(a_doctor(), Codec.MSGPACK, encryption_key=b"\x04key")
        patient = await rig.joined(somebody("patient"))
        doctor, me = patient.state["participants"]
        assert doctor["encryption_key"] == "BGtleQ"
        assert "encryption_key" not in me


async def test_remove_closes_with_4403_and_end_with_4410(codec: Codec) -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, codec)
        guest = await rig.joined(somebody("guest", Role.GUEST), codec)
        assert (await patient.ask("remove", participant="guest"))["code"] == "not-allowed"
        await doctor.ask("remove", participant="guest")
        assert await guest.closed() == CloseCode.NOT_ALLOWED
        assert (await patient.event("participant-left"))["reason"] == "removed"
        assert (await patient.ask("end"))["code"] == "not-allowed"
        assert (await doctor.ask("end"))["type"] == "ok"
        assert await doctor.closed() == CloseCode.ROOM_ENDED
        assert await patient.closed() == CloseCode.ROOM_ENDED
        assert patient.events[-1] == {
            "type": "room-ended",
            "reason": "ended",
            "seq": patient.events[-1]["seq"],
        }
        late = await rig.connect(codec)
        assert (await late.join(rig.tickets.issue(somebody("patient"))))["code"] == "room-ended"
        assert await late.closed() == CloseCode.ROOM_ENDED


async def test_leave_is_answered_and_closed_normally(codec: Codec) -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, codec)
        await patient.ask("offer", sdp="v=0", tracks={})
        (key,) = rig.media.open
        assert (await patient.ask("leave"))["type"] == "ok"
        assert await patient.closed() == CloseCode.DONE
        assert (await doctor.event("participant-left"))["reason"] == "left"
        await eventually(lambda: rig.media.closed == [key])


async def test_stats_become_a_quality_that_all_see() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        await patient.ask("stats", uplink={"loss": 0.2}, downlink={"rtt_ms": 20, "loss": None})
        seen = await doctor.event("quality")
        assert (seen["participant"], seen["uplink"], seen["downlink"]) == ("patient", "poor", "good")
        assert "transport" not in seen


# --- Offers ---


async def test_a_refused_offer_says_why_and_changes_nothing(codec: Codec) -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, codec)
        refused = await patient.ask("offer", sdp="bad", tracks={})
        assert (refused["code"], refused["message"]) == ("bad-sdp", "no media section can be read")
        assert (await patient.ask("offer", sdp="v=0", tracks={"0": {"subscribe": "x"}}))[
            "code"
        ] == "unknown-track"
        assert rig.media.open == set()
        assert (await doctor.ask("stats"))["type"] == "ok"
        assert doctor.events == []


async def test_a_bug_costs_one_request_and_says_nothing_private(caplog: pytest.LogCaptureFixture) -> None:
    async with a_server() as rig:
        doctor = await rig.joined(a_doctor())
        assert (await doctor.ask("offer", sdp="bug", tracks={}))["code"] == "internal"
        assert (await doctor.ask("offer", sdp="v=0", tracks={}))["type"] == "ok"
    (record,) = [record for record in caplog.records if record.message == "request.failed"]
    assert record.__dict__["error"] == "ZeroDivisionError"
    assert "private text" not in str(record.__dict__)


async def test_an_offer_the_media_plane_never_answers_times_out_and_starts_media_anew() -> None:
    async with a_server(offer_timeout_s=0.02) as rig:
        doctor = await rig.joined(a_doctor())
        rig.media.stall = asyncio.Event()
        assert (await doctor.ask("offer", sdp="v=0", tracks={}))["code"] == "timed-out"
        assert len(rig.media.closed) == 1
        assert (await doctor.event("quality"))["transport"] == "closed"
        rig.media.stall = None
        assert (await doctor.ask("offer", sdp="v=0", tracks={}))["type"] == "ok"


async def test_no_transport_is_left_when_a_participant_is_removed_during_its_offer() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        rig.media.stall = asyncio.Event()
        await patient.send({"type": "offer", "id": 50, "sdp": "v=0", "tracks": {}})
        await eventually(lambda: rig.media.in_negotiation == 1)
        await doctor.ask("remove", participant="patient")
        rig.media.stall.set()
        assert await patient.closed() == CloseCode.NOT_ALLOWED
        await eventually(lambda: len(rig.media.closed) == 1)
        assert rig.media.open == set()


async def test_tracks_that_an_offer_stops_are_told() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        answer = await patient.ask("offer", sdp="v=0", tracks={"0": {"publish": {"source": "camera"}}})
        await patient.ask("offer", sdp="stop 0", tracks={})
        assert (await doctor.event("track-unpublished"))["id"] == answer["tracks"]["0"]


# --- News of the media side ---


async def test_speakers_silence_and_layers_reach_those_they_concern() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        answer = await patient.ask("offer", sdp="v=0", tracks={"0": {"publish": {"source": "microphone"}}})
        track = TrackId(answer["tracks"]["0"])
        rig.server.speakers({track: 23, TrackId("unknown"): 1})
        heard = (await doctor.event("speakers"))["speakers"]
        assert heard == [{"participant": "patient", "level_dbov": -23}]
        rig.server.speakers({track: 90})
        assert (await doctor.event("speakers"))["speakers"] == []
        rig.server.track_silent(track, True)
        fallen = await doctor.event("track-silent")
        assert (fallen["id"], "silent" in fallen) == (track, False)
        rig.server.track_silent(track, False)
        for peer, silences in ((doctor, 1), (patient, 2)):  # its publisher was told of both
            for _ in range(silences):
                said = await peer.event("track-silent")
            assert (said["id"], said["silent"]) == (track, False)
        rig.server.layers_wanted(track, ("l", "m"))
        assert (await patient.event("layers-wanted"))["rids"] == ["l", "m"]


async def test_lost_media_of_a_connected_participant_asks_for_a_new_offer() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        await patient.ask("offer", sdp="v=0", tracks={"0": {"publish": {"source": "camera"}}})
        (key,) = rig.media.open
        rig.server.media_lost(key)
        own = await patient.event("quality")
        assert (own["participant"], own["uplink"], own["transport"]) == ("patient", "lost", "closed")
        assert rig.media.closed == [key]
        await doctor.event("track-unpublished")
        assert (await doctor.event("quality"))["uplink"] == "lost"
        await patient.ask("offer", sdp="v=0", tracks={"0": {"publish": {"source": "camera"}}})
        assert (await doctor.event("quality"))["uplink"] == "good"
        await doctor.event("track-published")


async def test_lost_media_of_a_participant_who_is_gone_ends_its_stay_at_once() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        await patient.ask("offer", sdp="v=0", tracks={})
        (key,) = rig.media.open
        await patient.socket.close()
        await eventually(lambda: rig.server.counters.connections_now == 1)
        rig.server.media_lost(key)
        rig.server.media_lost(ParticipantId("unknown"))
        assert (await doctor.event("participant-left"))["reason"] == "connection-lost"


async def test_events_decided_elsewhere_reach_one_or_all_admitted() -> None:
    async with a_server() as rig:
        doctor = await rig.joined(a_doctor())
        patient = await rig.joined(a_waiting("patient"))
        rig.server.tell(ROOM, Queue(position=2, estimated_wait_s=60.0), ParticipantId("patient"))
        rig.server.tell(ROOM, ConsentChanged(kind="recording", state="requested"))
        assert (await patient.event("queue"))["position"] == 2
        assert (await doctor.event("consent"))["state"] == "requested"
        assert (await patient.ask("stats"))["type"] == "ok"
        assert patient.events == []


# --- The end of a node ---


async def test_a_draining_node_lets_everybody_go_with_4503_and_takes_nobody() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        await patient.ask("offer", sdp="v=0", tracks={})
        waiting = await rig.connect()
        (key,) = rig.media.open
        peers = (doctor, patient, waiting)
        *codes, _ = await asyncio.gather(*(peer.closed() for peer in peers), rig.server.drain())
        assert codes == [CloseCode.DRAINING] * 3
        for peer in peers:
            assert "room-ended" not in [event["type"] for event in peer.events]
        await eventually(lambda: key in rig.media.closed)
        late = await rig.connect()
        assert await late.closed() == CloseCode.DRAINING
        assert rig.server.draining
        await rig.server.close()
        await rig.server.close()


async def test_a_room_that_stays_empty_ends() -> None:
    async with a_server(room_empty_s=0.01) as rig:
        doctor = await rig.joined(a_doctor())
        assert rig.server.room_state(ROOM) is RoomState.OPEN
        await doctor.ask("leave")
        late = await rig.connect()
        await eventually(lambda: rig.server.room_state(ROOM) is None)
        assert (await late.join(rig.tickets.issue(a_doctor())))["code"] == "room-ended"
