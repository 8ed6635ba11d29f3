"""One server with the development provider for all tests here; each takes persons of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.server_process import ServerProcess, running_server

SETTINGS = {"ITSME_ENVIRONMENT": "development", "WORKERS": "1", "FAIR_USE_PER_MONTH": "1000"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    async with running_server(SETTINGS, beneath=tmp_path_factory.mktemp("consultation")) as running:
        yield running
