"""What goes wrong with records, in words that quote none."""

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError

from media_server.errors import ApplicationError

# What fails outside a statement, such as a connection's first pragma, SQLAlchemy passes on as it is.
FAILURES = (DBAPIError, sqlite3.Error, psycopg.Error)


class RecordsUnusable(ApplicationError):
    """The database cannot be opened, read or written, or is not (or no longer) ours. Quotes no record."""


def said(error: Exception) -> str:
    """The database's own words ("database is locked"), without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.Error):
        # Its details quote rows, and what it says of a failed connection names hosts and users.
        return cause.diag.message_primary or type(cause).__name__
    return str(cause)
