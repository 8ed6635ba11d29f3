"""The shape of ids that travel in our tokens."""

import re
import secrets
from typing import Annotated

from pydantic import Field

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")  # unreserved in a URI (RFC 3986 §2.3)

Id = Annotated[str, Field(pattern=rf"^{ID.pattern}$")]


def new_participant_id() -> str:
    """A participant id that nobody guesses: 96 random bits."""
    return f"p-{secrets.token_hex(12)}"
