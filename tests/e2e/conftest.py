"""One server, its paths and one browser for each module of browser tests: starting them is the dear part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.e2e.stand import Stand, a_stand, chromium

# Its functions assert for the tests; without this a failure would not tell what it saw.
pytest.register_assert_rewrite("tests.e2e.measure")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[Stand]:
    async with _open_house(through_proxy=True) as stand:
        yield stand


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def direct_house() -> AsyncIterator[Stand]:
    async with _open_house(through_proxy=False) as stand:
        yield stand


@pytest_asyncio.fixture(loop_scope="module")
async def stand(house: Stand) -> AsyncIterator[Stand]:
    """The module's stand with no page open and nothing impaired, left like that again."""
    async with _tidied(house):
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def direct_stand(direct_house: Stand) -> AsyncIterator[Stand]:
    """Likewise, without a proxy in the way of media: for tests that keep their own event loop busy."""
    async with _tidied(direct_house):
        yield direct_house


@asynccontextmanager
async def _open_house(*, through_proxy: bool) -> AsyncIterator[Stand]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TEST_BROWSER names one elsewhere)")
    # A small picture: several pages code and decode theirs on the processors of server and tests.
    async with a_stand(camera_height=180, through_proxy=through_proxy) as stand:
        yield stand


@asynccontextmanager
async def _tidied(house: Stand) -> AsyncIterator[None]:
    yield
    await house.close_pages()
    assert house.server.process.returncode is None, f"the server ended:\n{house.server.log()[-4000:]}"
