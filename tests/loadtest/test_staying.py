"""The staying participant between two servers that aiortc answers for: real ICE, DTLS and SRTP."""

from aiortc.mediastreams import AudioStreamTrack

from loadtest.events import ParticipantId
from loadtest.media_socket import Traffic
from loadtest.staying import StayingParticipant
from loadtest.stays import State
from loadtest.tickets import Ticket
from tests.loadtest.fake_server import APass, a_participant, a_server, a_track

OTHERS_VOICE = (ParticipantId("other"), "microphone")


async def test_it_follows_its_room_and_leaves_the_old_node_after_media_came_over_the_new_one() -> None:
    async with a_server() as old, a_server() as new:
        old.with_a_voice("t-old")

        async def ticket(why: str) -> Ticket:
            assert why == "join"
            return APass(old.url)

        async with StayingParticipant(ticket, traffic=Traffic(kinds=("audio",))) as participant:
            await participant.until(lambda one: OTHERS_VOICE in one.heard)
            first = participant.stay
            participant.measure()
            await old.event("moved", url=new.url, ticket="for-there")
            await participant.until(lambda one: one.url == new.url)
            # The other one is slower: it comes to the new node now.
            new.sources["t-new"] = AudioStreamTrack()
            assert participant.state is State.MOVING
            assert not [message for message in old.requests if message["type"] == "leave"]
            assert first.counters.received > 0
            await new.event("participant-joined", participant=a_participant())
            await new.event("track-published", track=a_track("t-new", kind="audio"))
            await participant.until(lambda one: one.state is State.CONNECTED)
            await old.asked("leave")
            moved_at_s = participant.events[-1].at_s
            assert OTHERS_VOICE in participant.heard
            assert len(participant.silences) == 1  # one participant, whichever node it comes over
            assert participant.stay is not first
        assert new.requests[0]["ticket"] == "for-there"
        assert [event.what for event in participant.events] == ["joined", "moving", "moved"]
        assert participant.events[0].at_s < participant.events[1].at_s < moved_at_s


async def test_a_killed_node_is_left_for_the_one_that_a_new_ticket_names() -> None:
    async with a_server() as dead, a_server() as alive:
        dead.with_a_voice("t-dead")
        alive.with_a_voice("t-alive")
        tickets = [APass(dead.url), APass(dead.url), APass(alive.url)]
        reasons: list[str] = []

        async def ticket(why: str) -> Ticket:
            reasons.append(why)
            return tickets.pop(0)

        async with StayingParticipant(ticket, traffic=Traffic(kinds=("audio",))) as participant:
            await participant.until(lambda one: OTHERS_VOICE in one.heard)
            participant.measure()
            await dead.die()
            await participant.until(lambda one: one.state is State.RECONNECTING)
            await participant.until(lambda one: one.url == alive.url and OTHERS_VOICE in one.heard)
            silence = participant.silence["audio"]
            assert silence.participant == OTHERS_VOICE[0]
            assert silence.longest_s > 1  # one looks elsewhere a second after the loss
            assert silence.ended_s is not None
    assert reasons == ["join", "rejoin", "rejoin"]
    assert [event.what for event in participant.events] == ["joined", "cut", "lost", "rejoined"]


async def test_whoever_comes_later_is_received_and_whoever_leaves_is_not_missed() -> None:
    async with a_server() as server:
        now = 0.0

        async def ticket(_: str) -> Ticket:
            return APass(server.url)

        packets = 0

        def count(_: bytes) -> None:
            nonlocal packets
            packets += 1

        async with StayingParticipant(ticket, on_packet=count, clock=lambda: now) as participant:
            server.sources["late"] = AudioStreamTrack()
            await server.event("participant-joined", participant=a_participant())
            await server.event("track-published", track=a_track("late", kind="audio"))
            await participant.until(lambda one: OTHERS_VOICE in one.heard)
            assert packets > 0
            await server.close()  # its media, not its signalling
            now = 30.0
            assert participant.silence["audio"].longest_s == 30.0
            await server.event("participant-left", id="other", reason="left")
            await participant.until(lambda one: not one.room.participants)
            now = 60.0
            assert participant.silence["audio"].longest_s == 30.0
