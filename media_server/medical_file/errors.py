"""What goes wrong with reading a medical file. No text quotes a number, a path or a word of a file."""

from enum import Enum

from media_server.errors import ApplicationError


class MedicalFileError(ApplicationError):
    """Base of all that is raised on purpose about medical files."""


class NotFound(MedicalFileError):
    """There is no file of this patient."""


class Fault(Enum):
    """Why a file cannot be read: a closed set, fit for a metric's label."""

    STORAGE = "storage"  # the folder or the source does not answer
    NOT_A_FILE = "not-a-file"  # a link, a folder, a pipe; or it has a second name
    TOO_LARGE = "too-large"
    NOT_A_BUNDLE = "not-a-bundle"
    ANOTHER_PATIENT = "another-patient"  # it does not say that it is this patient's


class Unavailable(MedicalFileError):
    """There may be a file, and it cannot be shown now."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"the medical file cannot be shown: {fault.value}")
        self.fault = fault


class BadKey(MedicalFileError):
    """The key of file names is too short to keep national numbers from being guessed."""
