"""Why a load test did not begin, or ended before its time. Each text is one sentence for people."""

from loadtest.errors import ClientError, Refused, SessionClosed


class LoadTestError(Exception):
    """Base of all that the tool raises on purpose."""


class WrongUsage(LoadTestError):
    """An option that makes no sense; nothing was tried."""


class CannotTest(LoadTestError):
    """The server is not there, is no Teleconsult, or does not take our tickets."""


class TicketFailed(ClientError):
    """No ticket came from where tickets come from; the text is a stable code."""


def code_of(error: Exception) -> str:
    """A short stable code for counting failures by; never what a server wrote in words."""
    match error:
        case Refused():
            return f"refused as {error.code}"
        case SessionClosed():
            return f"close code {error.close_code}"
        case ClientError():
            return str(error) or type(error).__name__
        case TimeoutError():
            return "not in time"
        case _:
            return type(error).__name__
