"""Recordings that only the key holder can open: sealed segments, a signed manifest, what proves and mends
them.

Knows no pages and no sockets, and stays light to import: the recorder and the export, which stand on `sfu`
and on FFmpeg, are imported by their own files.
"""

from media_server.recording.errors import RecordingError
from media_server.recording.folder_store import FolderStore
from media_server.recording.format import (
    BadSegment,
    Record,
    RtpPacket,
    SegmentHeader,
    SenderReport,
    read_segment,
    segment_header,
    segment_name,
)
from media_server.recording.ids import RecordingId, is_recording_id, new_recording_id
from media_server.recording.lines import (
    ConsentRecorded,
    ConsentReference,
    Gap,
    GapCause,
    LastPacket,
    Line,
    Participant,
    ParticipantEvent,
    PersonPresent,
    Segment,
    SegmentTrack,
    Start,
    Stop,
    Track,
    TrackEnd,
)
from media_server.recording.manifest import (
    BadManifest,
    ManifestWriter,
    SignedLine,
    Signer,
    Tail,
    encoded,
    parse_line,
    parse_manifest,
)
from media_server.recording.recovery import NeverBegun, Recovered, Unrecoverable, recover
from media_server.recording.store import RecordingStore, Sealed, StoreFailed, StoreTrouble
from media_server.recording.totals import Totals
from media_server.recording.verification import Finding, Report, State, verify

# In the order a newcomer should read them.
__all__ = [  # noqa: RUF022
    "RecordingId",
    "new_recording_id",
    "is_recording_id",
    "Line",
    "Start",
    "PersonPresent",
    "ConsentReference",
    "Participant",
    "ParticipantEvent",
    "ConsentRecorded",
    "Track",
    "TrackEnd",
    "Segment",
    "SegmentTrack",
    "Gap",
    "GapCause",
    "Stop",
    "LastPacket",
    "ManifestWriter",
    "Signer",
    "Tail",
    "SignedLine",
    "parse_line",
    "parse_manifest",
    "encoded",
    "Totals",
    "read_segment",
    "segment_header",
    "segment_name",
    "SegmentHeader",
    "Record",
    "RtpPacket",
    "SenderReport",
    "RecordingStore",
    "FolderStore",
    "Sealed",
    "verify",
    "Report",
    "Finding",
    "State",
    "recover",
    "Recovered",
    "RecordingError",
    "BadManifest",
    "BadSegment",
    "Unrecoverable",
    "NeverBegun",
    "StoreFailed",
    "StoreTrouble",
]
