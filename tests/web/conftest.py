"""One site and one browser for all these tests: starting them is the dear part."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.web.browser import Site, a_site, chromium
from tests.web.practice import Practice, a_practice
from tests.web.surgery import Surgery, a_surgery


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[Site]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TEST_BROWSER names one elsewhere)")
    async with a_site() as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(house: Site) -> AsyncIterator[Site]:
    """The site with no page open but, perhaps, the one for what needs no screen."""
    yield house
    await house.close_pages()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened_practice(house: Site) -> AsyncIterator[Practice]:
    async with a_practice(house.browser) as practice:
        yield practice


@pytest_asyncio.fixture(loop_scope="session")
async def practice(opened_practice: Practice) -> AsyncIterator[Practice]:
    """The real server, with nobody in it."""
    yield opened_practice
    await opened_practice.leave()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened_surgery(house: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Surgery]:
    async with a_surgery(house.browser, tmp_path_factory.mktemp("medical-files")) as surgery:
        yield surgery


@pytest_asyncio.fixture(loop_scope="session")
async def surgery(opened_surgery: Surgery) -> AsyncIterator[Surgery]:
    """The real server, with nobody in it but for a call that is kept."""
    yield opened_surgery
    await opened_surgery.tidy()
