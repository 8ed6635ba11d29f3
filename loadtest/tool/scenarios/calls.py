"""Rooms that are held: one-to-one consultations, groups, and one publisher to many."""

from loadtest.participant import Publishing
from loadtest.results import Options, ScenarioName
from loadtest.tool.run import Place, Run

NOTHING = Publishing(audio=False, video=False)


def places_of(options: Options, room: str) -> list[Place]:
    """Who belongs into one room: a doctor first, who alone publishes in a fan-out."""
    many = options.participants - 1
    match options.scenario:
        case ScenarioName.FANOUT:
            return [Place(room, "doctor"), *(Place(room, "guest", NOTHING) for _ in range(many))]
        case ScenarioName.GROUP:
            return [Place(room, "doctor"), *(Place(room, "guest") for _ in range(many))]
        case _:
            return [Place(room, "doctor"), Place(room, "patient")]


class Calls:
    """So many rooms at a time. `rooms` are those that are held."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.rooms: list[str] = []

    async def hold(self, count: int) -> None:
        """Open rooms, or close the newest, until there are so many. Rooms that somebody has fallen out of are
        closed, and others take their place.
        """
        for room in [room for room in self.rooms if not self._whole(room)]:
            self.rooms.remove(room)
            await self.close(room)
        opened = [self._run.new_room() for _ in range(count - len(self.rooms))]
        self.rooms += opened
        if opened:
            await self._run.join_all(
                [place for room in opened for place in places_of(self._run.options, room)]
            )
        while len(self.rooms) > count:
            await self.close(self.rooms.pop())

    def _whole(self, room: str) -> bool:
        members = self._run.fleet.room(room)
        living = [member for member in members if member.participant.over is None]
        return len(living) == len(places_of(self._run.options, room))

    async def close(self, room: str) -> None:
        for member in self._run.fleet.room(room):
            await self._run.fleet.leave(member)


async def play(run: Run) -> None:
    """consultations, group, fanout: everybody joins, and stays."""
    await Calls(run).hold(run.options.calls)
    await run.warm_up()
    await run.measure()
