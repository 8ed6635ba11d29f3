"""Sessions over each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.media_server.people.conftest import engine, shared_database
from tests.media_server.sessions.builders import Lodge

__all__ = ["engine", "shared_database"]


@pytest.fixture
def lodge(engine: Engine, tmp_path: Path) -> Iterator[Lodge]:
    lodge = Lodge(engine, tmp_path)
    yield lodge
    lodge.store.close()
