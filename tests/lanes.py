"""How the tests are shared out between processes that run side by side (`pytest --numprocesses`).

The tests of a file stay together, in their order, for the sake of what they share; those of several files
that share something dear to start stay together too. What takes longest begins first, so that at the end no
process has a long file before it while the others have none.
"""

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Folders whose files use one server or one browser: started in two processes, each would cost twice.
TOGETHER = {
    "tests/consultation": "tests/consultation",
    "tests/e2e": "tests/e2e",
    "tests/robustness": "tests/e2e",
}
# What the names of long lanes begin with, the longest first.
LONG = (
    "tests/web/test_doctor",
    "tests/web/test_consultation",
    "tests/e2e",
    "tests/web/test_story",
    "tests/web",
    "tests/consultation",
    "tests/media_server/test_serve",
    "tests/nodes",
    "tests/recording",
    "tests/signalling/test_recording_invariants",
)


class Lanes(LoadScopeScheduling):
    """Gives each process a lane at a time, in the order that the tests are in."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)


def lane(nodeid: str) -> str:
    """Where the test belongs: a file, or the name of several."""
    path = PurePosixPath(nodeid.partition("::")[0])
    together = (TOGETHER.get(str(parent)) for parent in path.parents)
    return next(filter(None, together), str(path))


def longest_first(items: list[pytest.Item]) -> None:
    """In place."""
    items.sort(key=lambda item: _rank(lane(item.nodeid)))


def _rank(name: str) -> int:
    return next((rank for rank, long in enumerate(LONG) if name.startswith(long)), len(LONG))
