"""One server, its paths and one browser for all tests of calls between browsers: to start them is dear.

`pair` is a call for a test that leaves it as it found it, `stand` is for one that has people of its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
import pytest_asyncio

from tests.e2e.stand import Participant, Stand, a_stand, chromium

WELL_S = 3.0
_rooms = (f"standing-{number}" for number in count())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def the_stand() -> AsyncIterator[Stand]:
    async with _open_stand(through_proxy=True) as stand:
        yield stand


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def the_direct_stand() -> AsyncIterator[Stand]:
    """Without a proxy in the way of media: for tests that keep their own event loop busy."""
    async with _open_stand(through_proxy=False) as stand:
        yield stand


@pytest_asyncio.fixture(loop_scope="session")
async def stand(the_stand: Stand) -> AsyncIterator[Stand]:
    """The stand with no page open and nothing impaired, left like that again."""
    await the_stand.close_pages()
    async with _tidied(the_stand):
        yield the_stand


@pytest_asyncio.fixture(loop_scope="session")
async def pair(the_stand: Stand) -> AsyncIterator[tuple[Participant, Participant]]:
    """A patient and a doctor who see and hear each other: those of the test before, if it left them well."""
    people = the_stand.standing
    if people is None or not await _are_well(people):
        await the_stand.close_pages()
        the_stand.standing = people = await the_stand.pair(room=next(_rooms))
    yield people
    the_stand.heal()
    _assert_alive(the_stand)


async def _are_well(people: tuple[Participant, Participant]) -> bool:
    try:
        for each in people:
            await each.until_more_frames(5, WELL_S)
            await each.until_client("client.publications.every(({ muted }) => !muted)", WELL_S)
    except Exception:  # whatever it is, they are to be replaced
        return False
    return True


@asynccontextmanager
async def _open_stand(*, through_proxy: bool) -> AsyncIterator[Stand]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TEST_BROWSER names one elsewhere)")
    # A small picture: several pages code and decode theirs on the processors of server and tests.
    async with a_stand(camera_height=180, through_proxy=through_proxy) as stand:
        yield stand


@asynccontextmanager
async def _tidied(stand: Stand) -> AsyncIterator[None]:
    yield
    await stand.close_pages()
    _assert_alive(stand)


def _assert_alive(stand: Stand) -> None:
    assert stand.server.process.returncode is None, f"the server ended:\n{stand.server.log()[-4000:]}"
