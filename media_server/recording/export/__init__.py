"""Films out of recordings, for whoever can open them. Needs a custodian's identity and FFmpeg's libraries."""

from media_server.recording.export.errors import (
    EndToEndEncrypted,
    ExportError,
    NothingToExport,
    UnreadableSegment,
)
from media_server.recording.export.matroska import export_matroska
from media_server.recording.export.opening import Opened, open_recording
from media_server.recording.export.side_by_side import export_side_by_side
from media_server.recording.export.summary import Summary, TrackSummary

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "open_recording",
    "Opened",
    "export_matroska",
    "export_side_by_side",
    "Summary",
    "TrackSummary",
    "ExportError",
    "EndToEndEncrypted",
    "NothingToExport",
    "UnreadableSegment",
]
