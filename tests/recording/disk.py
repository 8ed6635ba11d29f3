"""Real disks that fail: small file systems in a file, which can be filled, made read-only and frozen.

Needs root and loop devices; where there are none `a_disk` raises `Unavailable`.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory


class Unavailable(Exception):
    """This machine does not let us mount."""


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self) -> Iterator[None]:
        ballast = self.folder / "ballast"
        with ballast.open("wb") as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        yield
        ballast.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        _run("mount", "-o", "remount,ro", str(self.folder))
        try:
            yield
        finally:
            _run("mount", "-o", "remount,rw", str(self.folder))

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Whoever writes waits, until this is left."""
        _run("fsfreeze", "--freeze", str(self.folder))
        try:
            yield
        finally:
            _run("fsfreeze", "--unfreeze", str(self.folder))


@contextmanager
def a_disk(folder: Path, mebibytes: int = 24) -> Iterator[Disk]:
    """An ext4 mounted at `folder`, which is made. Raises Unavailable."""
    if os.geteuid() != 0:
        raise Unavailable("not root")
    with TemporaryDirectory() as elsewhere:
        image = Path(elsewhere) / "image"
        with image.open("wb") as file:
            file.truncate(mebibytes << 20)
        folder.mkdir(parents=True)
        try:
            _run("mkfs.ext4", "-q", "-m", "0", str(image))
            _run("mount", "-o", "loop", str(image), str(folder))
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            raise Unavailable(str(error)) from None
        try:
            yield Disk(folder)
        finally:
            _run("umount", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
