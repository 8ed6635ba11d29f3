"""Specifies sessions that outlive their WebSocket: signalling.session alone, then with real sockets."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalling.codes import CloseCode
from signalling.errors import ResumeExpired
from signalling.events import TrackUnpublished
from signalling.media import TrackId
from signalling.memory_rooms import MemoryRooms
from signalling.session import EventLog, SessionId, hash_token
from signalling.settings import SignallingSettings
from signalling.store import NodeId, SessionRecord
from signalling.wire import Codec, EncodedEvent, decode
from tests.signalling.people import ROOM, a_doctor, somebody
from tests.signalling.rig import Peer, Rig, a_server, eventually, found


def an_event(name: str) -> EncodedEvent:
    return EncodedEvent(TrackUnpublished(id=TrackId(name)))


def a_log(names: list[str], max_events: int = 100, max_bytes: int = 100_000) -> EventLog:
    log = EventLog(max_events, max_bytes)
    for name in names:
        log.append(an_event(name), Codec.MSGPACK)
    return log


def names_in(log: EventLog, last_seq: int) -> list[tuple[object, object]]:
    frames = [decode(Codec.MSGPACK, frame) for frame in log.after(last_seq, Codec.MSGPACK)]
    return [(frame["seq"], frame["id"]) for frame in frames]


def test_events_are_numbered_from_one() -> None:
    log = a_log(["a", "b"])
    assert log.last_seq == 2
    assert names_in(log, 0) == [(1, "a"), (2, "b")]


@given(st.lists(st.text(max_size=5), max_size=40), st.data())
def test_a_replay_is_what_came_after_exactly_once_and_in_order(names: list[str], data: st.DataObject) -> None:
    last_seq = data.draw(st.integers(0, len(names)))
    expected = list(enumerate(names, start=1))[last_seq:]
    assert names_in(a_log(names), last_seq) == expected


def test_what_was_never_sent_or_is_kept_no_longer_cannot_be_resumed() -> None:
    log = a_log(["a", "b", "c"], max_events=2)
    assert names_in(log, 1) == [(2, "b"), (3, "c")]
    assert names_in(log, 3) == []
    for impossible in (0, 4):
        with pytest.raises(ResumeExpired):
            log.after(impossible, Codec.MSGPACK)


def test_big_events_push_old_ones_out_too() -> None:
    log = a_log(["x" * 400] * 10, max_bytes=1000)
    assert len(log.after(8, Codec.JSON)) == 2
    with pytest.raises(ResumeExpired):
        log.after(7, Codec.JSON)


# --- With sockets ---


async def a_call(rig: Rig, codec: Codec = Codec.JSON) -> tuple[Peer, Peer]:
    doctor = await rig.joined(a_doctor(), codec)
    patient = await rig.joined(somebody("patient"), codec)
    await doctor.event("participant-joined")
    return doctor, patient


@pytest.mark.parametrize("codec", list(Codec), ids=lambda codec: str(codec.name).lower())
async def test_a_cut_connection_resumes_and_misses_nothing(codec: Codec) -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, codec)
        await patient.ask("offer", sdp="v=0", tracks={"0": {"publish": {"source": "camera"}}})
        await doctor.event("track-published")
        body = "aGk" if codec is Codec.JSON else b"hi"
        await patient.ask("relay", to=None, kind="n0", body=body)
        seen = (await doctor.event("relay"))["seq"]
        await doctor.cut()
        await eventually(lambda: rig.server.counters.connections_now == 1)
        for n in (1, 2, 3):
            await patient.ask("relay", to=None, kind=f"n{n}", body=body)
        again, state = await rig.resumed(doctor, seen)
        assert (state["type"], state["session"]) == ("ok", doctor.state["session"])
        assert [t["participant"] for p in state["participants"] for t in p["tracks"]] == ["patient"]
        await patient.ask("relay", to=None, kind="n4", body=body)
        heard = [await again.next_event() for _ in range(4)]
        assert [(event["seq"], event["kind"]) for event in heard] == [
            (seen + n, f"n{n}") for n in (1, 2, 3, 4)
        ]
        assert rig.media.closed == []
        assert patient.events == []  # nobody was told that the doctor was away
        assert rig.server.counters.resumes == {"ok": 1}


async def test_all_that_is_kept_can_be_replayed_at_once() -> None:
    async with a_server(rate_burst=1e6) as rig:
        doctor, patient = await a_call(rig, Codec.JSON)
        await patient.ask("relay", to=None, kind="n", body="aGk")
        seen = (await doctor.event("relay"))["seq"]
        await doctor.cut()
        await eventually(lambda: rig.server.counters.connections_now == 1)
        kept = SignallingSettings().replay_events
        for _ in range(kept):
            await patient.ask("relay", to=None, kind="n", body="aGk")
        again, state = await rig.resumed(doctor, seen)
        assert state["type"] == "ok"
        heard = [(await again.next_event())["seq"] for _ in range(kept)]
        assert heard == list(range(seen + 1, seen + kept + 1))


def test_an_outbox_that_cannot_hold_a_replay_is_refused() -> None:
    with pytest.raises(ValueError, match="outbox"):
        SignallingSettings(outbox_frames=512, replay_events=1024)


async def test_a_session_may_go_on_in_the_other_encoding() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig, Codec.JSON)
        await patient.ask("relay", to="doctor", kind="chat", body="aGk")
        again, _ = await rig.resumed(doctor, 1, Codec.MSGPACK)
        assert (await again.event("relay"))["body"] == b"hi"


async def test_a_resume_takes_over_from_a_connection_that_is_still_open() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        again, _ = await rig.resumed(doctor, doctor.state.get("seq", 1))
        assert await doctor.closed() == CloseCode.REPLACED
        await patient.ask("relay", to=None, kind="chat", body="")
        assert (await again.event("relay"))["from"] == "patient"
        assert rig.server.sessions_now == 2


async def test_a_new_join_of_the_same_participant_replaces_connection_session_and_media() -> None:
    async with a_server() as rig:
        doctor, patient = await a_call(rig)
        await patient.ask("offer", sdp="v=0", tracks={"0": {"publish": {"source": "camera"}}})
        (old,) = rig.media.open
        newer = await rig.joined(somebody("patient"))
        assert await patient.closed() == CloseCode.REPLACED
        await eventually(lambda: rig.media.closed == [old])
        types = [(await doctor.next_event())["type"] for _ in range(4)]
        assert types == ["track-published", "track-unpublished", "participant-left", "participant-joined"]
        expired = await rig.connect()
        assert (await expired.ask("resume", resume_token=patient.state["resume_token"], last_seq=0))[
            "code"
        ] == "resume-expired"
        assert (await newer.ask("stats"))["type"] == "ok"


async def test_who_does_not_come_back_leaves_when_the_window_closes() -> None:
    async with a_server(resume_window_s=0.02) as rig:
        doctor, patient = await a_call(rig)
        await patient.ask("offer", sdp="v=0", tracks={})
        await patient.cut()
        assert (await doctor.event("participant-left"))["reason"] == "connection-lost"
        await eventually(lambda: not rig.media.open)
        again = await rig.connect()
        reply = await again.ask("resume", resume_token=patient.state["resume_token"], last_seq=0)
        assert reply["code"] == "resume-expired"
        # A new join on the same connection is possible: the token was the first try.
        assert (await again.join(rig.tickets.issue(somebody("patient"))))["type"] == "ok"


async def test_a_guessed_token_is_worth_nothing() -> None:
    async with a_server() as rig:
        await rig.joined(a_doctor())
        stranger = await rig.connect()
        assert (await stranger.ask("resume", resume_token="guess", last_seq=0))["code"] == "resume-expired"
        assert (await stranger.ask("stats"))["code"] == "not-joined"


async def test_the_token_is_stored_as_a_hash_only() -> None:
    store = MemoryRooms(asyncio.get_running_loop().time)
    async with a_server(store=store) as rig:
        doctor = await rig.joined(a_doctor())
        token = doctor.state["resume_token"]
        record = await found(lambda: store.find_session(hash_token(token)))
        assert token not in repr(record)
        assert token not in repr(vars(store))
        await doctor.ask("leave")

        async def forgotten() -> bool | None:
            return await store.find_session(hash_token(token)) is None or None

        assert await found(forgotten)


async def test_a_session_of_another_node_is_sent_there() -> None:
    store = MemoryRooms(asyncio.get_running_loop().time)
    elsewhere = NodeId("elsewhere")
    await store.acquire(ROOM, elsewhere, "wss://elsewhere.example/v1/signal", 60.0)
    doctor = a_doctor()
    record = SessionRecord(hash_token("token"), SessionId("s"), ROOM, doctor.participant, elsewhere)
    await store.save_session(record, 60.0)
    async with a_server(store=store) as rig:
        for request in ("resume", "join"):
            peer = await rig.connect()
            if request == "resume":
                reply = await peer.ask("resume", resume_token="token", last_seq=0)
            else:
                reply = await peer.join(rig.tickets.issue(doctor))
            assert (reply["code"], reply["url"]) == ("moved", "wss://elsewhere.example/v1/signal")
            assert await peer.closed() == CloseCode.DONE
