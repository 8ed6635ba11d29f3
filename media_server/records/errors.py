"""What goes wrong with records, in words that quote none."""

import sqlite3
from collections.abc import Mapping

import psycopg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from media_server.errors import ApplicationError

# What fails outside a statement, such as a connection's first pragma, SQLAlchemy passes on as it is.
FAILURES = (DBAPIError, PoolTimeout, sqlite3.Error, psycopg.Error)

# What libpq says of a connection that cannot be made names hosts and users, and has no code. A server that
# speaks another language than English falls through to the last words.
_CANNOT_CONNECT: Mapping[str, str] = {
    "password": "the user or the password is not accepted",
    "role": "the user is not known",
    "pg_hba.conf": "the server lets this user in from elsewhere only, or only with TLS",
    "database": "there is no such database",
    "resolve": "the host is not found",
    "translate host name": "the host is not found",
    "timeout": "the host does not answer",
    "connection refused": "nobody listens at the host and port",
    "no such file": "nobody listens at the socket",
    "no route to host": "the host is not reached",
    "network is unreachable": "the host is not reached",
    "does not support ssl": "the server has no TLS, which the URL asks for",
    "certificate": "the server's certificate is not accepted",
    "invalid connection option": "there is no such parameter",
    "invalid": "a part or parameter is not valid",
    "starting up": "the server is starting",
    "shutting down": "the server is shutting down",
    "too many": "the server has no connection left",
    "remaining connection slots": "the server has no connection left",
}


class RecordsUnusable(ApplicationError):
    """The database cannot be opened, read or written, or is not (or no longer) ours. Quotes no record."""


def said(error: Exception) -> str:
    """The database's own words ("database is locked"), without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, PoolTimeout):
        return "all connections of this process are in use"
    if isinstance(cause, psycopg.DataError):
        return type(cause).__name__  # quotes what was to be written
    if isinstance(cause, psycopg.Error):
        return cause.diag.message_primary or _of_connecting(cause)  # its details quote rows
    return str(cause)


def without_values(error: IntegrityError) -> IntegrityError:
    """The same, naming the constraint; PostgreSQL's details would quote the row."""
    kind = sqlite3.IntegrityError if isinstance(error.orig, sqlite3.Error) else psycopg.IntegrityError
    return IntegrityError(error.statement, None, kind(said(error)), hide_parameters=True)


def _of_connecting(error: psycopg.Error) -> str:
    text = str(error).lower()
    # The server's own words come last, after a host that may be called anything.
    text = text.rpartition("fatal:")[2]
    found = (meaning for words, meaning in _CANNOT_CONNECT.items() if words in text)
    return next(found, "no connection can be made, or it broke")
