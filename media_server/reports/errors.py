"""What goes wrong with reports, split by who has to act. No text quotes what a report says, or of whom."""

from enum import Enum

from media_server.errors import ApplicationError


class ReportError(ApplicationError):
    """Base of all that is raised on purpose about reports."""


class NoRecipient(ReportError):
    """A report to a GP was asked for, and the patient named none."""


class BadDelivery(ReportError):
    """Where reports are to go is no place to send them to: the operator has to act."""


class Trouble(Enum):
    """Why a delivery failed: a closed set, fit for a metric's label."""

    REFUSED = "refused"  # the receiver will never take it
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed-out"
    STORAGE = "storage"
    KEY_REUSED = "key-reused"  # an idempotency key that stands for something else already
    EXPIRED = "expired"  # the consent ended first
    OUR_FAULT = "our-fault"


class DeliveryFailed(ReportError):
    """Base of what a delivery raises. `trouble` says why."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


class Undeliverable(DeliveryFailed):
    """It will not succeed by trying again."""


class TryLater(DeliveryFailed):
    """It may succeed later; `retry_after_s` if the receiver said when (RFC 9110 §10.2.3)."""

    def __init__(self, trouble: Trouble, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(trouble, text)
        self.retry_after_s = retry_after_s


class LeaseLost(ReportError):
    """The claim has run out and somebody else has the report, or it is no longer to be sent."""
