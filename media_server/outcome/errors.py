"""What goes wrong with the outcome of a consultation, split by who has to act. Texts quote nothing."""

from media_server.errors import ApplicationError, RequestRefused


class BadRules(ApplicationError):
    """A file of rules about medicines cannot be read, or contradicts itself; the operator has to act."""


class OutcomeRefused(RequestRefused):
    """Base of what a doctor may not conclude a consultation with."""


class MedicineBlocked(OutcomeRefused):
    """The rules keep this medicine out of the service. Nobody can override it: a referral is what remains."""


class MedicineUnknown(OutcomeRefused):
    """The code names no medicine that the rules could judge; the doctor is asked for a better one."""
