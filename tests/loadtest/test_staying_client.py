"""The staying client between two servers that aiortc answers for."""

from aiortc.mediastreams import AudioStreamTrack

from loadtest.client import Client, Publication, Source
from loadtest.events import ParticipantId, TrackId
from loadtest.staying_client import StayingClient
from loadtest.stays import State
from loadtest.tickets import Ticket
from tests.loadtest.fake_server import APass, a_participant, a_server, a_track

OTHERS_VOICE = (ParticipantId("other"), "microphone")


async def speak(client: Client) -> None:
    await client.publish(Publication(AudioStreamTrack(), Source.MICROPHONE))


async def test_it_follows_its_room_and_leaves_the_old_node_after_media_came_over_the_new_one() -> None:
    async with a_server() as old, a_server() as new:
        old.with_a_voice("t-old")

        async def ticket(_: str) -> Ticket:
            return APass(old.url)

        async with StayingClient(ticket, speak) as participant:
            await participant.until(lambda one: OTHERS_VOICE in one.heard)
            first = participant.stay
            await old.event("moved", url=new.url, ticket="for-there")
            await participant.until(lambda one: one.stay is not first)
            assert participant.state is State.MOVING
            assert first.connected
            # The other one is slower: it comes to the new node now.
            new.sources["t-new"] = AudioStreamTrack()
            await new.event("participant-joined", participant=a_participant())
            await new.event("track-published", track=a_track("t-new", kind="audio"))
            await participant.until(lambda one: one.state is State.CONNECTED)
            await old.asked("leave")
            assert OTHERS_VOICE in participant.heard
            await participant.stay.received[TrackId("t-new")].recv()
        assert [event.what for event in participant.events] == ["joined", "moving", "moved"]
        published = [message for message in new.requests if message["type"] == "offer"]
        assert any("publish" in wish for offer in published for wish in offer["tracks"].values())


async def test_a_killed_node_is_left_for_the_one_that_a_new_ticket_names() -> None:
    async with a_server() as dead, a_server() as alive:
        dead.with_a_voice("t-dead")
        alive.with_a_voice("t-alive")

        async def ticket(why: str) -> Ticket:
            return APass(dead.url if why == "join" else alive.url)

        async with StayingClient(ticket, speak) as participant:
            await participant.until(lambda one: OTHERS_VOICE in one.heard)
            await dead.die()
            await participant.until(lambda one: one.stay.url == alive.url and OTHERS_VOICE in one.heard)
            assert participant.over is None
        assert [event.what for event in participant.events] == ["joined", "cut", "lost", "rejoined"]
