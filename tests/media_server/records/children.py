"""What other processes do in tests; apart, so that they import no more than that."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import insert

from media_server.records import AuditEntry, append_audit, manifest_keys, open_records, writing


def open_and_add(url: str, name: str) -> None:
    """A row."""
    engine = open_records(url)
    with writing(engine) as connection:
        connection.execute(insert(manifest_keys).values(kid=name, public_key=b"k" * 32, node="n"))
    engine.dispose()


def append_entries(url: str, entry: AuditEntry, count: int) -> None:
    """To the audit log, from three threads."""
    engine = open_records(url)

    def one(number: int) -> None:
        with writing(engine) as connection:
            append_audit(connection, replace(entry, at_us=number))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(one, range(count)))
    engine.dispose()
