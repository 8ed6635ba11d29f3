"""Ids of recordings: opaque, unguessable, and safe as a folder's name and as a command's argument."""

import re
import secrets
from typing import NewType

RecordingId = NewType("RecordingId", str)

# A recording that went on at other nodes has parts: the first by the bare id, then ".2", ".3", ….
_SHAPE = re.compile(r"(?P<whole>[A-Za-z0-9_-]{16,64})(\.(?P<part>[1-9][0-9]{0,3}))?")


def new_recording_id() -> RecordingId:
    """128 random bits, base64url."""
    # A command would take an id that starts with a dash for an option.
    while (text := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return RecordingId(text)


def is_recording_id(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None


def next_part(text: str) -> RecordingId:
    """The id under which another node goes on with a recording; a new one if that was none."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return new_recording_id()
    return RecordingId(f"{found['whole']}.{int(found['part'] or 1) + 1}")
