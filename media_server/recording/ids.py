"""Ids of recordings: opaque, unguessable, and safe as a folder's name and as a command's argument."""

import re
import secrets
from typing import NewType

RecordingId = NewType("RecordingId", str)

_SHAPE = re.compile(r"[A-Za-z0-9_-]{16,64}")


def new_recording_id() -> RecordingId:
    """128 random bits, base64url."""
    # A command would take an id that starts with a dash for an option.
    while (text := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return RecordingId(text)


def is_recording_id(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None
