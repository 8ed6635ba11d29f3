"""Records in SQL: one engine for each process, its tables, and how they grow from version to version.

Blocking: called on threads. Knows no rules; those are with whoever keeps a table, such as the recordings
catalogue.
"""

from media_server.records import tables
from media_server.records.audit import AuditBroken, AuditEntry
from media_server.records.audit import append as append_audit
from media_server.records.audit import entries_about as audit_entries_about
from media_server.records.audit import newest as newest_audit
from media_server.records.audit import newest_about_nothing as newest_audit_about_nothing
from media_server.records.audit import verify as verify_audit
from media_server.records.database import exclusively, open_records, reading, scrub, tidy, writing
from media_server.records.errors import RecordsUnusable
from media_server.records.row_reader import RowReader, ask_rows
from media_server.records.sealed_fields import CannotOpen, FieldKeys, FieldKeysUnusable
from media_server.records.sqlite import sqlite_url
from media_server.records.tables import manifest_keys, metadata, recordings

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "open_records",
    "sqlite_url",
    "reading",
    "writing",
    "RowReader",
    "ask_rows",
    "exclusively",
    "scrub",
    "tidy",
    "tables",
    "recordings",
    "manifest_keys",
    "metadata",
    "FieldKeys",
    "AuditEntry",
    "append_audit",
    "verify_audit",
    "newest_audit",
    "audit_entries_about",
    "newest_audit_about_nothing",
    "RecordsUnusable",
    "FieldKeysUnusable",
    "CannotOpen",
    "AuditBroken",
]
