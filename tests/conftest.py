"""For all tests."""

import gc

import pytest
from hypothesis import settings
from xdist.remote import Producer

# A session's fixtures have to be known in one place only, or each place would start a PostgreSQL, a server or
# a browser of its own.
from tests.e2e.stands import pair, stand, the_direct_stand, the_stand
from tests.lanes import Lanes, longest_first
from tests.media_server.records.databases import (
    an_empty_place,
    migrated_database,
    migrated_file,
    postgresql,
    records,
    records_url,
    reused_database,
)

__all__ = [
    "an_empty_place",
    "migrated_database",
    "migrated_file",
    "pair",
    "postgresql",
    "records",
    "records_url",
    "reused_database",
    "stand",
    "the_direct_stand",
    "the_stand",
]

# A machine that is busy with something else takes as long as it takes: no test fails for that.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


def pytest_collection_finish() -> None:
    """What was collected lives until the end: looking through it each time takes a tenth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
