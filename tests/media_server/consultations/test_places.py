"""Where somebody stands among those who wait: by arrival, whatever the queue has forgotten meanwhile."""

from dataclasses import replace

from media_server.consultations import Consultation, State
from media_server.consultations.desk import waiting_of
from media_server.languages import Language
from signalling import MemoryWaiting

A_DAY_US = 86_400_000_000


def a_consultation(id_: str, created_at_us: int) -> Consultation:
    return Consultation(
        id=id_,
        patient="patient",
        state=State.ARRIVED,
        language=Language.NL,
        priority=0,
        questionnaire_version="1",
        created_at_us=created_at_us,
    )


async def test_who_came_first_is_first_also_in_a_queue_that_was_emptied() -> None:
    first, second = a_consultation("c-1", A_DAY_US), a_consultation("c-2", A_DAY_US + 5_000)
    emptied = MemoryWaiting(lambda: 2 * 86_400.0)
    for seen in (second, first):  # by different nodes, in whatever order
        await emptied.push(waiting_of(seen), 600.0)
    assert [await emptied.position(waiting_of(each).id) for each in (first, second)] == [1, 2]


async def test_who_goes_before_others_does_so_among_equals_by_arrival() -> None:
    queue = MemoryWaiting(lambda: 2 * 86_400.0)
    early, late, again = (a_consultation(f"c-{n}", A_DAY_US + n * 5_000) for n in range(3))
    for each in (early, late, replace(again, priority=100)):
        await queue.push(waiting_of(each), 600.0)
    assert [await queue.position(waiting_of(each).id) for each in (again, early, late)] == [1, 2, 3]
