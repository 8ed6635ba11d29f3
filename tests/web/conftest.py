"""One site and one browser for all these tests: starting them is the dear part."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.web.browser import Site, a_site, chromium


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
