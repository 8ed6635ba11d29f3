"""Ctrl-C while everything is still being imported, which takes a second: an exit status, and no trace."""

import subprocess
import sys

import pytest

INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from media_server.entry import main
sys.argv = ["teleconsult", "loadtest", "consultations"]
main()
"""


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("media_server.cli_parts", 130, ""),
        ("loadtest.tool.fleet", 1, "teleconsult: It was stopped by Ctrl-C before it had begun.\n"),
    ],
)
def test_an_interrupted_import_leaves_no_trace(name: str, status: int, told: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.replace("sys.argv[2]", repr(name))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == status
    assert ended.stderr == told
