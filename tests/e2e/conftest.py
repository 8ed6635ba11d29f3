"""One server, its paths and one browser for each module of browser tests: starting them is the dear part."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.stand import Stand, a_stand, chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[Stand]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (TELECONSULT_CHROMIUM names one elsewhere)")
    # A small picture: several pages code and decode theirs on the processors of server and tests.
    async with a_stand(camera_height=180) as stand:
        yield stand


@pytest_asyncio.fixture(loop_scope="module")
async def stand(house: Stand) -> AsyncIterator[Stand]:
    """The module's stand with no page open and nothing impaired, left like that again."""
    yield house
    await house.close_pages()
    assert house.server.process.returncode is None, f"the server ended:\n{house.server.log()[-4000:]}"
