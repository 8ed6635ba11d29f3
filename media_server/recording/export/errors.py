"""What stands in the way of an export, and what is wrong with single packets."""

from media_server.recording.errors import RecordingError


class ExportError(RecordingError):
    """Base of what is raised on purpose about an export; its text is one line for whoever asked for it."""


class EndToEndEncrypted(ExportError):
    """Tracks whose frames only the participants could open."""


class NothingToExport(ExportError):
    """No track of the recording has a frame that can be shown or heard."""


class UnreadableSegment(ExportError):
    """A segment that the identity opens, but whose content is not a segment's."""


class Malformed(Exception):
    """What a publisher sent is not what its format says. It is counted and left out, and never ends an
    export.
    """
