"""Why a request is refused before any handler sees it. What each becomes in HTTP: `media_server.problems`."""

from collections.abc import Sequence
from dataclasses import dataclass

from media_server.errors import RequestRefused


@dataclass(frozen=True, slots=True)
class FieldFault:
    """`field`: a JSON pointer into the body (RFC 6901), or a parameter's name; quotes no value."""

    field: str
    code: str
    detail: str


class NotLoggedIn(RequestRefused):
    """Nobody is logged in, or no longer: the session is over or was revoked."""


class CsrfRefused(RequestRefused):
    """A page's request without the token that only our own pages can know."""


class MayNot(RequestRefused):
    """Somebody of this standing may not do this."""


class NotFound(RequestRefused):
    """There is none, or none that the caller may know of."""


class Invalid(RequestRefused):
    """The body is JSON, and not what the call takes; `faults` says where."""

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults[:5]))
        self.faults = tuple(faults)


class BadParameter(Invalid):
    """A parameter in path or query."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__((FieldFault(name, "parameter", detail),))


class WrongMediaType(RequestRefused):
    """A body of a type that the call does not take."""


class KeyReused(RequestRefused):
    """An Idempotency-Key that came with another request before."""


class InProgress(RequestRefused):
    """The first request with this Idempotency-Key is being answered."""
