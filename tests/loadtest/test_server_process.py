"""A server for tests and load: on ports of its own choice, and gone with whoever started it."""

import asyncio
import os
import select
import sys
from pathlib import Path

import pytest

from loadtest.server_process import Ports, ServerFailed, _told_ports, running_server

READY = b'{"event": "server.ready", "http_port": 1, "metrics_port": 2, "media_port": 3}\n'


def test_the_ports_are_read_from_the_whole_line_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for cut in range(len(READY)):
        log.write_bytes(b'{"event": "other"}\n' + READY[:cut])
        assert _told_ports(log) is None
    log.write_bytes(READY)
    assert _told_ports(log) == Ports(1, 2, 3)


async def test_a_server_that_ends_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    dying = (sys.executable, "-c", "import sys; sys.exit('no luck')")
    with pytest.raises(ServerFailed, match="ended with 1:\nno luck"):
        async with running_server(command=dying, beneath=tmp_path):
            pass
    assert os.listdir(tmp_path) == []


_KILLED_PARENT = """
import asyncio, os, signal, sys
from loadtest.server_process import dying_with_parent
async def main():
    child = await asyncio.create_subprocess_exec("/bin/sleep", "60", preexec_fn=dying_with_parent())
    print(child.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_child_does_not_outlive_its_parent_even_if_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED_PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(await parent.stdout.readline()))
    try:
        parent.kill()
        await parent.wait()
        ended, _, _ = select.select([child], [], [], 10)
        assert ended
    finally:
        os.close(child)
