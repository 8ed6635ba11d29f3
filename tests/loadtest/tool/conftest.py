"""One server for all real runs here."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.server_process import ServerProcess, running_server

SETTINGS = {
    "WORKERS": "1",
    "ITSME_ENVIRONMENT": "development",
    "FAIR_USE_PER_MONTH": "1000",
    "ROOM_EMPTY_S": "1",  # a soak waits until its rooms are gone
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[ServerProcess]:
    async with running_server(SETTINGS) as running:
        yield running
