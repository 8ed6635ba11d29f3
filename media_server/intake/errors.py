"""What intake raises on purpose."""

from media_server.intake.faults import Fault


class IntakeError(Exception):
    """Base of all that intake raises on purpose. `faults`: everything found, at least one."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(", ".join(f"{fault.code.value} at {fault.path or 'the top'}" for fault in faults))
        self.faults = faults


class BadQuestionnaire(IntakeError):
    """Its author has to mend it."""


class BadResponse(IntakeError):
    """Whoever sent it has to mend it."""
