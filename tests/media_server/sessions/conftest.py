"""Sessions over each kind of database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.media_server.people.conftest import engine, shared_database
from tests.media_server.sessions.builders import Lodge

__all__ = ["engine", "shared_database"]


@pytest.fixture
def lodge(engine: Engine, tmp_path: Path) -> Lodge:
    return Lodge(engine, tmp_path)
