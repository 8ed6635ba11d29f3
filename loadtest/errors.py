"""What can go wrong for a client, by whose fault. Close codes (protocol §2) become types here only."""

import os

import aiohttp

from loadtest.tickets import Ticket


class ClientError(Exception):
    """Base of all that the client raises on purpose. Texts hold codes: no tokens, SDP, addresses."""


class ServerViolation(ClientError):
    """The server said something that the public contract does not allow."""


class Refused(ClientError):
    """The server answered a request with an error; `code` is the stable one."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class RoomMoved(Refused):
    """The room is on another node, at `url`; the ticket, if there was one, is good there."""

    def __init__(self, url: str) -> None:
        super().__init__("moved")
        self.url = url


class Interrupted(ClientError):
    """The WebSocket broke while a request was under way: it may or may not have been carried out."""


class MediaFailed(ClientError):
    """ICE or DTLS gave up, or did not come up in time."""


class SessionClosed(ClientError):
    """The session is over and cannot be resumed; `close_code` is the WebSocket's (RFC 6455 §7.4)."""

    close_code = 1000

    def __init__(self, close_code: int | None = None) -> None:
        self.close_code = close_code if close_code is not None else type(self).close_code
        super().__init__(f"close code {self.close_code}")


class BadMessage(SessionClosed):
    close_code = 4400


class TicketRefused(SessionClosed):
    close_code = 4401


class NotAllowed(SessionClosed):
    close_code = 4403


class NoSuchRoom(SessionClosed):
    close_code = 4404


class TooSlow(SessionClosed):
    close_code = 4408


class Replaced(SessionClosed):
    close_code = 4409


class RoomOver(SessionClosed):
    close_code = 4410


class TooManyRequests(SessionClosed):
    close_code = 4429


class Draining(SessionClosed):
    close_code = 4503


class ConnectionLost(SessionClosed):
    """The WebSocket broke and no resume came about within the window."""

    close_code = 1006


class Elsewhere(ConnectionLost):
    """The WebSocket broke, and the room was found on another node, which `ticket` is for."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__()
        self.ticket = ticket


_BY_CODE: dict[int, type[SessionClosed]] = {
    kind.close_code: kind
    for kind in (
        BadMessage,
        TicketRefused,
        NotAllowed,
        NoSuchRoom,
        TooSlow,
        Replaced,
        RoomOver,
        TooManyRequests,
        Draining,
        ConnectionLost,
    )
}


def closed_with(close_code: int | None) -> SessionClosed:
    """The typed error of a close code; None or an unknown one gives a plain one that keeps the number."""
    if close_code is None:
        return ConnectionLost()
    return _BY_CODE.get(close_code, SessionClosed)(close_code)


def is_final(close_code: int | None) -> bool:
    """Whether the server meant the end; any other close is a cut that `resume` may heal."""
    return close_code is not None and (close_code == 1000 or 4400 <= close_code < 4600)


_CLOSED = {
    1006: "connection lost",
    4400: "bad message",
    4401: "ticket refused",
    4403: "not allowed",
    4404: "no such room",
    4408: "too slow",
    4409: "replaced by a newer join",
    4410: "room over",
    4429: "too many requests",
    4503: "server draining",
}
"""Protocol §2, in words."""


def code_of(error: Exception) -> str:
    """A short stable code for counting failures by; never what a server wrote in words."""
    match error:
        case Refused():
            return f"refused as {error.code}"
        case SessionClosed():
            said = _CLOSED.get(error.close_code)
            return f"{said} (close code {error.close_code})" if said else f"close code {error.close_code}"
        case ClientError():
            return str(error) or type(error).__name__
        case TimeoutError():
            return "not in time"
        case OSError(errno=int(number)) if number > 0:
            return f"{os.strerror(number).lower()} ({type(error).__name__})"
        case aiohttp.ServerDisconnectedError():
            return f"the server hung up ({type(error).__name__})"
        case aiohttp.ClientConnectionError() | OSError():
            return f"no connection ({type(error).__name__})"
        case _:
            return f"an answer that makes no sense ({type(error).__name__})"
