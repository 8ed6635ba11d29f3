"""What goes wrong with recordings, split by who has to act. No text quotes a key, a name or media."""

from media_server.errors import ApplicationError


class RecordingError(ApplicationError):
    """Base of all that is raised on purpose about recordings; its text is for the operator."""


class BadRecipient(RecordingError):
    """Not an age X25519 recipient."""


class BadIdentity(RecordingError):
    """An identity file that cannot be read, is open to others, or holds no X25519 identity."""


class WrongIdentity(RecordingError):
    """Well-formed, but what is to be opened was sealed to somebody else."""


class SealBroken(RecordingError):
    """Not an age file, or a damaged one."""


class OutputRefused(RecordingError):
    """A file that was to be made is there already, or cannot be written."""


class CatalogueError(RecordingError):
    """The catalogue cannot be read or written, or a record is not in the state that was asked of it."""


class UnknownRecording(RecordingError):
    """The catalogue has no recording of that id."""


class BadReceipt(RecordingError):
    """An erasure receipt that is malformed, or not signed by a key of ours."""


class RecordingForbidden(RecordingError):
    """A recorder was asked for under a policy that has no recording."""
