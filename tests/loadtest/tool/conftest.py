"""One server for all real runs here."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from loadtest.tool.signals import ENDING
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


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """The command keeps hold of them until its program ends, which here is the tests' own."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
