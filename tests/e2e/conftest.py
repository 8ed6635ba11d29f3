"""One server, its paths and one browser for each module of browser tests: starting them is the dear part."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.stand import Stand, a_stand, chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand() -> AsyncIterator[Stand]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TELECONSULT_CHROMIUM names one elsewhere)")
    async with a_stand() as stand:
        yield stand
