"""What goes wrong in the application, and the one table of what errors become in HTTP."""

from dataclasses import dataclass

import auth
import signalling


class ApplicationError(Exception):
    """Base of all that the application raises on purpose; its text is for the operator."""


class BadSettings(ApplicationError):
    """A setting cannot be read: wrong usage."""


class RefusedSettings(ApplicationError):
    """The settings make sense, but this server will not run with them."""


class CannotStart(ApplicationError):
    """Something outside stands in the way: a port in use, a certificate that cannot be read."""


class RequestRefused(ApplicationError):
    """Base of what an HTTP client did wrong; its text goes to that client and never quotes it."""


class BadBody(RequestRefused):
    """The body is not the JSON that the call takes."""


class BodyNotJson(RequestRefused):
    """The body is declared as something else than JSON."""


class ForeignOrigin(RequestRefused):
    """A page of another origin, or a name that is not ours, is behind the request (RFC 6454)."""


class NotReady(RequestRefused):
    """The server is starting, or on its way out."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What an HTTP client gets to see of an error: status, and the problem's code and title (RFC 9457)."""

    status: int
    code: str
    title: str


# First match wins, so a special case stands before its base. What is not here is our own fault: 500.
# On the WebSocket it is signalling that answers: each of its refusals carries its code and close code itself.
_TABLE: tuple[tuple[type[Exception], Wire], ...] = (
    (BadBody, Wire(400, "bad-body", "The body cannot be read")),
    (BodyNotJson, Wire(415, "not-json", "The body has to be JSON")),
    (ForeignOrigin, Wire(403, "foreign-origin", "Not from this origin")),
    (NotReady, Wire(503, "not-ready", "The server is not ready")),
    (auth.BadGrant, Wire(400, "bad-grant", "No ticket can say this")),
    (signalling.StoreUnavailable, Wire(503, "try-again", "Try again")),
)


def on_the_wire(error: Exception) -> Wire | None:
    """The error's row, or None for what no peer caused and no peer is told about."""
    return next((wire for kind, wire in _TABLE if isinstance(error, kind)), None)
