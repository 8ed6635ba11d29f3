"""What an endpoint is: declared once, served from it, checked by it, and described by it in OpenAPI."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from auth import Operation, needs_login
from media_server.api.call import Answer, Call

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$"
MOST_CHARACTERS = 4096
CONSULTATION = "consultation"
"""The path parameter that names one; the consultation is read, and who may know of it checked, beforehand."""

Handler = Callable[[Call[Any]], Awaitable[Answer | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """In the path, always required, or in the query. `pattern` is a whole match (ECMA-262 as far as JSON
    Schema takes it); `values` a closed set instead.
    """

    name: str
    description: str
    pattern: str = ID_PATTERN
    values: tuple[str, ...] | None = None
    required: bool = True

    def fits(self, value: str) -> bool:
        if self.values is not None:
            return value in self.values
        # All of it: for `re`, `$` is before a line break at the end, too.
        return re.fullmatch(self.pattern, value) is not None and len(value) <= MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is aiohttp's and OpenAPI's alike (`/consultations/{consultation}`), under /v1.

    `answer`: the model of what succeeds, None for no content; `media_types`: of an answer that is not one
    of our models. `raw_body`: media types of a body that is not JSON, with the most bytes it may have.
    `refusals`: status and codes of the problems that are this endpoint's own. `tag`: under which heading it
    is described.
    """

    method: str
    path: str
    operation: Operation
    summary: str
    handler: Handler
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    query: tuple[Parameter, ...] = ()
    path_parameters: tuple[Parameter, ...] = ()
    media_types: tuple[str, ...] = ()
    raw_body: tuple[str, ...] = ()
    most_bytes: int = 64 * 1024
    refusals: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    tag: str = "Other"

    @property
    def safe(self) -> bool:
        """Changes nothing (RFC 9110 §9.2.1)."""
        return self.method == "GET"

    @property
    def repeatable(self) -> bool:
        """Whether it takes an Idempotency-Key."""
        return not self.safe and not self.raw_body and needs_login(self.operation)

    @property
    def about_consultation(self) -> bool:
        return f"{{{CONSULTATION}}}" in self.path
