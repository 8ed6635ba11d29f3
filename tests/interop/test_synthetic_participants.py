"""Synthetic participants on the real server: what is sent arrives, once, in time, whatever the profile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest
import pytest_asyncio

from loadtest.dtls_client import SrtpProfile
from loadtest.errors import Refused, SessionClosed, TicketRefused
from loadtest.lean import LeanParticipant
from loadtest.lean_sdp import VP8
from loadtest.media_socket import Traffic
from tests.loadtest.rtp import is_keyframe
from tests.server_process import ServerProcess, running_server

rooms = (f"synthetic-{number}" for number in count())
THIN = Traffic(video_bps=300_000, frames_per_s=15)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    async with running_server({"WORKERS": "2"}, beneath=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def room() -> str:
    return next(rooms)


async def a_participant(
    server: ServerProcess,
    room: str,
    role: str = "doctor",
    traffic: Traffic | None = THIN,
    profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
    on_packet: Callable[[bytes], None] | None = None,
) -> LeanParticipant:
    ticket = await server.ticket(role, room)
    return LeanParticipant(ticket.url, ticket.ticket, traffic=traffic, profile=profile, on_packet=on_packet)


@asynccontextmanager
async def sending(participant: LeanParticipant) -> AsyncIterator[None]:
    task = asyncio.create_task(participant.send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def replays(server: ServerProcess) -> float:
    return (await server.metrics())['teleconsult_datagrams_refused_total{reason="replayed"}']


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_all_that_one_sends_reaches_the_other_once(
    server: ServerProcess, room: str, profile: SrtpProfile
) -> None:
    one = await a_participant(server, room, "doctor", profile=profile)
    other = await a_participant(server, room, "patient", profile=profile)
    async with one, other:
        await asyncio.wait_for(asyncio.gather(one.room_is_followed(2), other.room_is_followed(2)), 10)
        await asyncio.gather(one.send(1.5), other.send(1.5))
        for participant in (one, other):
            receptions = list(participant.counters.receptions.values())
            assert len(receptions) == 2
            assert all(reception.packets > 20 for reception in receptions)
            assert [reception.lost for reception in receptions] == [0, 0]
            assert [reception.duplicates for reception in receptions] == [0, 0]
            assert participant.counters.refused_by_srtp == 0
            assert participant.failures == []


async def test_reports_of_several_senders_are_no_replays(server: ServerProcess, room: str) -> None:
    """Each SSRC counts its SRTCP packets for itself (RFC 3711 §3.2.3, §3.4), as libsrtp does."""
    before = await replays(server)
    async with await a_participant(server, room) as participant:
        await participant.send(2.5)
    assert await replays(server) == before


async def test_a_late_joiner_gets_a_key_frame_at_once(server: ServerProcess, room: str) -> None:
    """The synthetic publisher makes key frames only at its start and when asked to."""
    async with await a_participant(server, room) as publisher:
        await publisher.send(0.5)
        async with sending(publisher):
            seen = asyncio.Event()

            def look(packet: bytes) -> None:
                if packet[1] & 0x7F == VP8 and is_keyframe(packet):
                    seen.set()

            async with await a_participant(server, room, "guest", traffic=None, on_packet=look):
                await asyncio.wait_for(seen.wait(), 3)


async def test_a_new_local_port_is_followed(server: ServerProcess, room: str) -> None:
    publisher = await a_participant(server, room)
    viewer = await a_participant(server, room, "guest", traffic=None)
    async with publisher, viewer, sending(publisher):
        await viewer.first_packet()
        viewer.media.move()
        more = asyncio.Event()
        viewer.media.on_packet = lambda _: more.set()
        await asyncio.wait_for(more.wait(), 3)


async def test_a_ticket_is_good_for_one_join(server: ServerProcess, room: str) -> None:
    ticket = await server.ticket("doctor", room)
    async with LeanParticipant(ticket.url, ticket.ticket, traffic=None):
        with pytest.raises(TicketRefused):
            await LeanParticipant(ticket.url, ticket.ticket, traffic=None).join()


async def test_a_forged_ticket_is_refused(server: ServerProcess, room: str) -> None:
    ticket = await server.ticket("doctor", room)
    forged = ticket.ticket[:-8] + "AAAAAAAA"
    with pytest.raises((SessionClosed, Refused)) as refusal:
        await LeanParticipant(ticket.url, forged, traffic=None).join()
    assert isinstance(refusal.value, TicketRefused)
