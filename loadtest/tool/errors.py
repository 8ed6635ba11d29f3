"""Why a load test did not begin, or ended before its time. Each text is one sentence for people."""

from loadtest.errors import ClientError


class LoadTestError(Exception):
    """Base of all that the tool raises on purpose."""


class WrongUsage(LoadTestError):
    """An option that makes no sense; nothing was tried."""


class CannotTest(LoadTestError):
    """The server is not there, is no Teleconsult, or does not take our tickets."""


class TicketFailed(ClientError):
    """No ticket came from where tickets come from; the text is a stable code.

    `aside`: more than that, for who typed the command.
    """

    def __init__(self, code: str, aside: str = "") -> None:
        super().__init__(code)
        self.aside = aside
