"""Debian's `age`, the stock tool that recordings have to open with."""

import shutil
import subprocess
from pathlib import Path

import pytest


def opened_with_age(identity: Path | bytes, sealed: Path | bytes) -> bytes:
    """What `age -d -i IDENTITY SEALED` writes; an identity in bytes goes in by standard input.

    Raises subprocess.CalledProcessError when it cannot be opened.
    """
    program = shutil.which("age")
    if program is None:
        pytest.fail("this test needs the program `age`: run .ci/need age (Debian: apt-get install age)")
    assert isinstance(identity, Path) or isinstance(sealed, Path), "only one of them fits standard input"
    words = [program, "-d", "-i", str(identity) if isinstance(identity, Path) else "-"]
    given = identity if isinstance(identity, bytes) else None
    if isinstance(sealed, Path):
        words.append(str(sealed))
    else:
        given = sealed
    return subprocess.run(words, input=given, capture_output=True, check=True, timeout=90).stdout
