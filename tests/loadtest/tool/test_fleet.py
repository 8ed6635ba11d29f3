"""What each participant of a test is given, whatever order they come in."""

from collections.abc import Iterable

from loadtest.impairment import Impairment
from loadtest.participant import Joining, MakeParticipant, Participant
from loadtest.results import Options, ScenarioName, Silent, TicketSource
from loadtest.tickets import Ticket
from loadtest.tool.entrances import OneTicket
from loadtest.tool.errors import TicketFailed
from loadtest.tool.fleet import Fleet


class AnyoneMayCome:
    async def ticket(self, room: str, role: str, *, waiting: bool = False) -> Ticket:
        return OneTicket("ws://127.0.0.1:9/v1/signal", room)


async def given(rooms: Iterable[str], seed: int = 1) -> dict[str, list[Joining]]:
    """What those who come into these rooms, one after the other, were made from; they get no further."""
    made: dict[str, list[Joining]] = {}

    def make(joining: Joining) -> Participant:
        made.setdefault(joining.ticket, []).append(joining)
        raise TicketFailed("far enough")

    fleet = a_fleet(make, seed)
    for room in rooms:
        assert await fleet.enter(room, "guest") is None
    return made


def a_fleet(make: MakeParticipant, seed: int = 1) -> Fleet:
    options = Options(
        scenario=ScenarioName.GROUP,
        servers=("http://127.0.0.1:9",),
        tickets=TicketSource.WALK_IN,
        seed=seed,
        impairment="loss=5%,burst=2",
    )
    return Fleet([AnyoneMayCome()], make, options, Silent())


def nobody(joining: Joining) -> Participant:
    raise AssertionError("nobody comes")


async def test_the_bad_network_of_a_place_is_the_same_in_every_test_with_the_same_seed() -> None:
    one = await given(["a-0", "a-0", "a-1", "a-1"])
    other = await given(["b-1", "b-0", "b-1", "b-0"])
    seeds = {room: [joining.seed for joining in joinings] for room, joinings in one.items()}
    assert seeds == {
        room.replace("b", "a"): [joining.seed for joining in joinings] for room, joinings in other.items()
    }
    assert len({seed for each in seeds.values() for seed in each}) == 4, "each has its own"
    assert [joining.seed for joining in (await given(["a-0"], seed=2))["a-0"]] != seeds["a-0"][:1]


async def test_everybody_has_the_network_that_was_asked_for() -> None:
    made = await given(["a-0", "a-1"])
    assert {joining.impairment for each in made.values() for joining in each} == {
        Impairment(loss=0.05, burst=2)
    }


def test_each_step_of_a_search_has_failures_of_its_own_and_those_before_the_first() -> None:
    fleet = a_fleet(nobody)
    fleet.fail("bots: no picture in time")
    for _ in range(2):
        fleet.begin_step()
        assert fleet.tally.failures == {"bots: no picture in time": 1}
        fleet.fail("join: close code 4401")
        fleet.fail("bots: no picture in time")
