"""What goes wrong in the application, and the one table of what every package's errors become on the wire."""

from dataclasses import dataclass

import auth
import signalling.errors as signalling_errors
from signalling.codes import CloseCode


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
    """What a peer gets to see of an error: HTTP status, problem code (RFC 9457), WebSocket close code."""

    status: int
    code: str
    title: str
    close: CloseCode


# First match wins, so a special case stands before its base. What is not here is our own fault: 500.
_TABLE: tuple[tuple[type[Exception], Wire], ...] = (
    (BadBody, Wire(400, "bad-body", "The body cannot be read", CloseCode.BAD_MESSAGE)),
    (BodyNotJson, Wire(415, "not-json", "The body has to be JSON", CloseCode.BAD_MESSAGE)),
    (ForeignOrigin, Wire(403, "foreign-origin", "Not from this origin", CloseCode.NOT_ALLOWED)),
    (NotReady, Wire(503, "not-ready", "The server is not ready", CloseCode.DRAINING)),
    (auth.BadGrant, Wire(400, "bad-grant", "No ticket can say this", CloseCode.BAD_MESSAGE)),
    (auth.TicketRefused, Wire(401, "ticket-refused", "The ticket is refused", CloseCode.TICKET_REFUSED)),
    (
        signalling_errors.TicketRefused,
        Wire(401, "ticket-refused", "The ticket is refused", CloseCode.TICKET_REFUSED),
    ),
    (signalling_errors.NotAllowed, Wire(403, "not-allowed", "Not allowed", CloseCode.NOT_ALLOWED)),
    (signalling_errors.NoSuchRoom, Wire(404, "no-such-room", "No such room", CloseCode.NO_SUCH_ROOM)),
    (signalling_errors.RoomEnded, Wire(410, "room-ended", "The room has ended", CloseCode.ROOM_ENDED)),
    (signalling_errors.Draining, Wire(503, "draining", "The node is draining", CloseCode.DRAINING)),
    (signalling_errors.StoreUnavailable, Wire(503, "try-again", "Try again", CloseCode.DRAINING)),
    (signalling_errors.PeerViolation, Wire(400, "bad-message", "Not understood", CloseCode.BAD_MESSAGE)),
)


def on_the_wire(error: Exception) -> Wire | None:
    """The error's row, or None for what no peer caused and no peer is told about."""
    return next((wire for kind, wire in _TABLE if isinstance(error, kind)), None)
