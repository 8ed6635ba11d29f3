"""One site and one browser for each module: starting them is the dear part."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.web.browser import Site, a_site, chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[Site]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TELECONSULT_CHROMIUM names one elsewhere)")
    async with a_site() as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """The module's site with no page open."""
    yield house
    await house.close_pages()
