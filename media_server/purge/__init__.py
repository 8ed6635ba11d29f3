"""Removing content when its time has come. What remains, and for how long, is in docs/records.md."""

from media_server.purge.job import PurgeJob
from media_server.purge.purging import CONTENT, PURGING, Purged, blocked, purge

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "PurgeJob",
    "purge",
    "Purged",
    "blocked",
    "CONTENT",
    "PURGING",
]
