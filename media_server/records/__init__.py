"""Records in SQL: one engine for each process, its tables, and how they grow from version to version.

Blocking: called on threads. Knows no rules; those are with whoever keeps a table, such as the recordings
catalogue.
"""

from media_server.records.database import (
    RecordsUnusable,
    open_records,
    reading,
    scrub,
    sqlite_url,
    writing,
)
from media_server.records.tables import manifest_keys, metadata, recordings

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "open_records",
    "sqlite_url",
    "reading",
    "writing",
    "scrub",
    "recordings",
    "manifest_keys",
    "metadata",
    "RecordsUnusable",
]
