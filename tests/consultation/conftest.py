"""One server with the development provider for all tests here, and everybody logged in once.

Tests take persons from `people`; whatever they began with them is ended after each test.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from media_server.consulting import medical_file_key
from media_server.medical_file import file_name
from media_server.recording.identity import make_identity_file
from media_server.records import FieldKeys
from signalling import Private
from tests.consultation.person import Person, a_person
from tests.consultation.story import MEDICAL_FILE, end_everything
from tests.server_process import ServerProcess, running_server

EMMAS_NUMBER = "05061500215"
People = Mapping[str, Person]
CAST = {"emma": "patient", "youssef": "patient", "sofie": "patient", "claes": "doctor", "dubois": "doctor"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("consultation")
    files = folder / "files"
    files.mkdir()
    settings = {
        "ITSME_ENVIRONMENT": "development",
        "WORKERS": "1",
        "FAIR_USE_PER_MONTH": "1000",
        "POLICY": "consented-recording",
        "RECORDING_CUSTODIANS": make_identity_file(folder / "custodian.key"),
        "RECORDING_SEGMENT_S": "0.2",
        "MEDICAL_FILES_DIR": str(files),
    }
    async with running_server(settings, beneath=folder) as running:
        key = medical_file_key(FieldKeys.open(running.data_dir / "keys" / "fields"))
        (files / file_name(key, Private(EMMAS_NUMBER))).write_bytes(MEDICAL_FILE)
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cast(server: ServerProcess) -> AsyncIterator[Mapping[str, Person]]:
    async with AsyncExitStack() as stack:
        yield {
            key: await stack.enter_async_context(a_person(server.origin, key, role))
            for key, role in CAST.items()
        }


@pytest_asyncio.fixture(loop_scope="session")
async def people(cast: Mapping[str, Person]) -> AsyncIterator[Mapping[str, Person]]:
    """By the development provider's keys; nobody waits, nobody is on duty."""
    yield cast
    await end_everything([cast["claes"], cast["dubois"]], [cast["emma"], cast["youssef"], cast["sofie"]])
