"""The file that an export makes: there whole or not at all, and never in another's place."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
from av.container import OutputContainer

from media_server.recording.errors import OutputRefused


@contextmanager
def new_film(out: Path, format: str) -> Iterator[OutputContainer]:
    """A container that becomes `out` when the block is left without an error.

    Media are in the clear in it, so it is its owner's alone. Raises OutputRefused.
    """
    if out.exists() or out.is_symlink():
        raise OutputRefused(f"{out} exists already; nothing was written")
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with av.open(str(draft), "w", format=format) as container:
                yield container
            _put_in_place(draft, out)
        finally:
            with suppress(OSError):
                draft.unlink()
    except FileExistsError:
        raise OutputRefused(f"{out} exists already; nothing was written") from None
    except OSError as error:
        raise OutputRefused(f"cannot write {out}: {error.strerror}") from error


def _put_in_place(draft: Path, out: Path) -> None:
    """Raises FileExistsError where a rename would replace a file that has come there meanwhile."""
    try:
        os.link(draft, out)
    except FileExistsError:
        raise
    except OSError:
        # No hard links on this file system (exFAT, say): the name is taken first, and then filled.
        os.close(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.replace(draft, out)
