"""What goes wrong with the outcome of a consultation, split by who has to act. Texts quote nothing."""

from collections.abc import Mapping

from media_server.errors import ApplicationError, RequestRefused
from media_server.languages import Language


class BadRules(ApplicationError):
    """A file of rules about medicines cannot be read, or contradicts itself; the operator has to act."""


class OutcomeRefused(RequestRefused):
    """Base of what a doctor may not conclude a consultation with."""


class MedicineBlocked(OutcomeRefused):
    """The rules keep this medicine out of the service. Nobody can override it: a referral is what remains.

    `kind` and `reason` are codes of the rule, `version` that of the rules; `text`: why, for people.
    """

    def __init__(
        self, message: str, kind: str, reason: str, version: str, text: Mapping[Language, str]
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.version = version
        self.text = text


class MedicineUnknown(OutcomeRefused):
    """The code names no medicine that the rules could judge; the doctor is asked for a better one."""
