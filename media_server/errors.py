"""What goes wrong in the application, split by who has to act. What it becomes in HTTP: `problems.py`."""


class ApplicationError(Exception):
    """Base of all that the application raises on purpose; its text is for the operator."""


class BadSettings(ApplicationError):
    """A setting cannot be read: wrong usage."""


class RefusedSettings(ApplicationError):
    """The settings make sense, but this server will not run with them."""


class CannotStart(ApplicationError):
    """Something outside stands in the way: a port in use, a certificate that cannot be read."""


class Failed(ApplicationError):
    """The running server met an error of our own making. What and where is in the log, without private
    words.
    """


class RequestRefused(ApplicationError):
    """Base of what an HTTP client did wrong; its text goes to that client and never quotes it."""


class BadBody(RequestRefused):
    """The body is not the JSON that the call takes."""


class BodyNotJson(RequestRefused):
    """The body is declared as something else than JSON."""


class BodyTooLarge(RequestRefused):
    """More bytes than the call takes."""


class ForeignOrigin(RequestRefused):
    """A page of another origin, or a name that is not ours, is behind the request (RFC 6454)."""


class TooManyRequests(RequestRefused):
    """The caller comes too often; may come again after `retry_after_s`."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class NotReady(RequestRefused):
    """The server is starting, or on its way out."""
