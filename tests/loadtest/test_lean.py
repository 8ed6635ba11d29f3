"""The synthetic participant against a peer that aiortc answers for: real ICE, DTLS and SRTP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from loadtest.dtls_client import SrtpProfile
from loadtest.errors import MediaFailed, Refused, ServerViolation
from loadtest.film import DOCTOR, Format, film
from loadtest.lean import LeanParticipant
from loadtest.lean_sdp import new_section, read_answer, write_offer
from loadtest.media_socket import Traffic
from tests.endless_film import endless_film
from tests.loadtest.fake_server import a_joined_state, a_participant, a_server, a_track, refused

SMALL = Format(width=160, height=120, frames_per_s=10, duration_s=2, bit_rate=60_000)


@pytest.fixture(scope="module")
def doctor_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"), DOCTOR, SMALL)


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_it_joins_receives_and_says_how_long_each_step_took(
    doctor_film: Path, profile: SrtpProfile
) -> None:
    async with a_server() as server:
        server.sources["their-video"], _ = endless_film(doctor_film)
        there = [a_participant(tracks=[a_track("their-video")])]
        server.answers["join"] = lambda _: a_joined_state(participants=there)
        async with LeanParticipant(server.url, "ticket", profile=profile) as participant:
            steps = await participant.first_packet()
            assert participant.counters.received > 0
    times = [steps.websocket, steps.answer, steps.ice, steps.dtls, steps.first_packet]
    reached = [step for step in times if step is not None]
    assert len(reached) == 5
    assert reached == sorted(reached)


async def test_what_it_sends_arrives_and_is_recognised_as_vp8(doctor_film: Path) -> None:
    async with a_server() as server, LeanParticipant(server.url, "ticket", traffic=Traffic()) as participant:
        await participant.send(0.3)
        (pc,) = server.pcs
        received = 0
        async with asyncio.timeout(5):
            while received == 0:
                reports = (await pc.getStats()).values()
                received = sum(r.packetsReceived for r in reports if r.type == "inbound-rtp")
        assert participant.counters.sent > 20


async def test_it_asks_for_a_recording_and_answers_for_itself() -> None:
    async with a_server() as server:
        server.answers["recording"] = lambda _: {"recording": "starting"}
        async with LeanParticipant(server.url, "ticket", traffic=Traffic()) as participant:
            await participant.consent("recording", "granted")
            assert await participant.recording("start") == "starting"
        asked = [message for message in server.requests if message["type"] in ("consent", "recording")]
        assert [(m.get("state"), m.get("action")) for m in asked] == [("granted", None), (None, "start")]


async def test_a_refused_offer_is_raised() -> None:
    async with a_server() as server:
        server.answers["offer"] = refused("not-admitted")
        participant = LeanParticipant(server.url, "ticket", traffic=Traffic())
        with pytest.raises(Refused):
            await participant.join()


async def test_a_track_that_ends_while_one_joins_does_not_sink_the_join() -> None:
    async with a_server() as server:
        server.with_a_voice("good")
        tracks = [a_track("gone"), a_track("good", kind="audio")]
        server.answers["join"] = lambda _: a_joined_state(participants=[a_participant(tracks=tracks)])
        negotiate = server._negotiate

        async def picky(message: dict[str, Any]) -> dict[str, Any]:
            if {"subscribe": "gone"} in message["tracks"].values():
                await server.event("track-unpublished", id="gone")
                return {"type": "error", "code": "unknown-track", "message": "no"}
            return await negotiate(message)

        server._negotiate = picky  # type: ignore[method-assign]  # one refusal, else as ever
        async with LeanParticipant(server.url, "ticket") as participant:
            await participant.first_packet()
            assert {track.id for track in participant.received.values()} == {"good"}
            assert participant.failures == []


async def test_who_cannot_follow_for_a_mistake_of_ours_is_lost() -> None:
    async with a_server() as server:
        there = [a_participant()]
        server.answers["join"] = lambda _: a_joined_state(participants=there)
        async with LeanParticipant(server.url, "ticket", traffic=Traffic()) as participant:
            server.answers["offer"] = lambda _: {}  # an answer without what each answer has
            await server.event("track-published", track=a_track("late"))
            await server.asked("offer", 2)
            async with asyncio.timeout(10):
                while participant.over is None:  # noqa: ASYNC110  nothing tells of it: all look
                    await asyncio.sleep(0.01)
            assert isinstance(participant.over, MediaFailed)


def test_offers_name_only_what_is_sent() -> None:
    sending, receiving = new_section(0, "video", "sendonly"), new_section(1, "audio", "recvonly")
    offer = write_offer([sending, receiving], "u", "p", "sha-256 AA", 1)
    assert f"a=ssrc-group:FID {sending.ssrc} {sending.rtx_ssrc}" in offer
    assert str(receiving.ssrc) not in offer
    assert offer.count("a=ice-ufrag:u") == 2


def test_an_answer_gives_transport_candidates_and_ssrcs() -> None:
    answer = read_answer(
        "v=0\r\na=ice-lite\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
        "a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n"
        "a=candidate:2 1 tcp 1518280447 127.0.0.1 40000 typ host tcptype passive\r\n"
        "a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\na=mid:0\r\n"
        "a=ssrc:1 cname:c\r\na=ssrc:2 cname:c\r\n"
    )
    assert answer.candidates == (("127.0.0.1", 40000),)
    assert (answer.ufrag, answer.pwd, answer.fingerprint) == ("u", "p", "sha-256 AA")
    assert answer.ssrcs == {"0": (1, 2)}


def test_an_answer_without_transport_is_the_servers_violation() -> None:
    with pytest.raises(ServerViolation):
        read_answer("v=0\r\n")
