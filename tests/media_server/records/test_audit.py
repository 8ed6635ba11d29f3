"""The audit log: one chain, whoever writes; and no change to it goes unnamed."""

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from media_server.records import (
    AuditBroken,
    AuditEntry,
    append_audit,
    audit_entries_about,
    newest_audit,
    reading,
    verify_audit,
    writing,
)
from media_server.records.tables import audit, audit_head
from tests.media_server.records.children import append_entries

AN_ENTRY = AuditEntry(
    at_us=1_800_000_000_000_000,
    actor="d-1",
    role="doctor",
    action="medical-file.read",
    outcome="refused",
    subject="c-1",
    why="consent-needed",
    details={"documents": 3, "break_glass": False, "version": "2026-01"},
)


def append(engine: Engine, *entries: AuditEntry) -> None:
    for entry in entries:
        with writing(engine) as connection:
            append_audit(connection, entry)


def verified(engine: Engine) -> int:
    with reading(engine) as connection:
        return verify_audit(connection)


@pytest.fixture
def five(records: Engine) -> Engine:
    append(records, *(replace(AN_ENTRY, at_us=AN_ENTRY.at_us + n, subject=f"c-{n}") for n in range(5)))
    return records


# --- Written ---


def test_entries_come_back_as_they_were_written_oldest_first(records: Engine) -> None:
    second = AuditEntry(AN_ENTRY.at_us + 1, "purge", "system", "content.purged", subject="c-1")
    append(records, AN_ENTRY, replace(AN_ENTRY, subject="c-2"), second)
    with reading(records) as connection:
        assert audit_entries_about(connection, "c-1") == [AN_ENTRY, second]
    assert verified(records) == 3


def test_an_empty_log_is_sound(records: Engine) -> None:
    assert verified(records) == 0


def test_what_was_not_done_was_not_logged_either(records: Engine) -> None:
    def failing() -> None:
        with writing(records) as connection:
            append_audit(connection, AN_ENTRY)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    append(records, AN_ENTRY)
    assert verified(records) == 1


def test_the_newest_hash_changes_with_each_entry_so_that_it_can_be_noted_elsewhere(records: Engine) -> None:
    seen = set()
    for number in range(3):
        with reading(records) as connection:
            count, hash_ = newest_audit(connection)
        assert count == number
        seen.add(hash_)
        append(records, AN_ENTRY)
    assert len(seen) == 3


def test_more_entries_than_are_read_at_once_are_verified(
    records: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media_server.records.audit._BATCH", 3)
    append(records, *[AN_ENTRY] * 10)
    assert verified(records) == 10
    with writing(records) as connection:
        connection.execute(delete(audit).where(audit.c.number == 7))
    with pytest.raises(AuditBroken, match="audit entry 7 is missing"):
        verified(records)


# --- Many at once ---


def test_processes_and_threads_that_write_at_once_make_one_chain(records: Engine, records_url: str) -> None:
    spawning = multiprocessing.get_context("spawn")
    processes = [spawning.Process(target=append_entries, args=(records_url, AN_ENTRY, 15)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 2
    assert verified(records) == 30


def test_a_log_can_be_verified_while_others_write(records: Engine, records_url: str) -> None:
    append(records, AN_ENTRY)
    with reading(records) as connection:
        before = verify_audit(connection)
        append(records, AN_ENTRY, AN_ENTRY)
        assert verify_audit(connection) == before == 1
    assert verified(records) == 3


# --- Tampered with ---


def change(number: int, **values: object) -> Callable[[Connection], None]:
    def tamper(connection: Connection) -> None:
        connection.execute(update(audit).where(audit.c.number == number).values(**values))

    return tamper


def remove(*numbers: int) -> Callable[[Connection], None]:
    def tamper(connection: Connection) -> None:
        connection.execute(delete(audit).where(audit.c.number.in_(numbers)))

    return tamper


def put_in(number: int) -> Callable[[Connection], None]:
    """A copy of entry 1."""

    def tamper(connection: Connection) -> None:
        row = connection.execute(select(audit).where(audit.c.number == 1)).mappings().one()
        connection.execute(insert(audit).values(dict(row) | {"number": number}))

    return tamper


def swap(one: int, other: int) -> Callable[[Connection], None]:
    def tamper(connection: Connection) -> None:
        for number, to in ((one, -1), (other, one), (-1, other)):
            connection.execute(update(audit).where(audit.c.number == number).values(number=to))

    return tamper


def squeeze_in(connection: Connection) -> None:
    """Room made after entry 2, and a copy put there."""
    for number in (5, 4, 3):
        connection.execute(update(audit).where(audit.c.number == number).values(number=number + 1))
    put_in(3)(connection)


def renumbered_after_removal(connection: Connection) -> None:
    remove(2)(connection)
    for number in (3, 4, 5):
        connection.execute(update(audit).where(audit.c.number == number).values(number=number - 1))
    connection.execute(update(audit_head).values(number=4))


def note(**values: object) -> Callable[[Connection], None]:
    def tamper(connection: Connection) -> None:
        connection.execute(update(audit_head).values(**values))

    return tamper


def without_note(connection: Connection) -> None:
    connection.execute(delete(audit_head))


TAMPERING: Sequence[tuple[Callable[[Connection], None], str]] = [
    (change(3, at_us=1), "entry 3 was changed"),
    (change(3, actor="d-2"), "entry 3 was changed"),
    (change(3, actor="Somebody Else"), "entry 3 was changed"),
    (change(3, role="patient"), "entry 3 was changed"),
    (change(3, action="medical-file.listed"), "entry 3 was changed"),
    (change(3, outcome="done"), "entry 3 was changed"),
    (change(3, subject="c-9"), "entry 3 was changed"),
    (change(3, subject=None), "entry 3 was changed"),
    (change(3, why=None), "entry 3 was changed"),
    (change(3, why="ANYTHING"), "entry 3 was changed"),
    (change(3, details={}), "entry 3 was changed"),
    (
        change(3, details={"documents": 4, "break_glass": False, "version": "2026-01"}),
        "entry 3 was changed",
    ),
    (
        change(3, details={"documents": 3.0, "break_glass": False, "version": "2026-01"}),
        "entry 3 was changed",
    ),
    (change(3, details={"documents": 3, "break_glass": 0, "version": "2026-01"}), "entry 3 was changed"),
    (change(3, details=["documents"]), "entry 3 was changed"),
    (change(3, details=None), "entry 3 was changed"),
    (change(3, previous_hash="0" * 64), "entry 3 was changed"),
    (change(3, hash="0" * 64), "entry 3 was changed"),
    (change(1, actor="d-2"), "entry 1 was changed"),
    (change(5, actor="d-2"), "entry 5 was changed"),
    (remove(1), "entry 1 is missing"),
    (remove(3), "entry 3 is missing"),
    (remove(2, 3, 4), "entry 2 is missing"),
    (remove(5), "entry 5 is missing"),
    (remove(1, 2, 3, 4, 5), "entry 1 is missing"),
    (put_in(6), "entry 6 was changed"),
    (put_in(0), "0 was put in"),
    (put_in(-7), "-7 was put in"),
    (squeeze_in, "entry 3 was changed"),
    (swap(2, 4), "entry 2 was changed"),
    (renumbered_after_removal, "entry 2 was changed"),
    (note(number=4), "entry 5 was put in"),
    (note(number=6), "entry 6 is missing"),
    (note(hash="0" * 64), "note of its newest entry was changed"),
    (without_note, "note of its newest entry is missing"),
]


def test_whatever_is_done_to_it_is_named(five: Engine) -> None:
    """Each in a transaction that is undone."""
    unnamed = []
    for number, (tamper, named) in enumerate(TAMPERING):
        with five.connect() as connection:
            tamper(connection)
            try:
                verify_audit(connection)
            except AuditBroken as broken:
                said = str(broken)
            else:
                said = "nothing"
        if named not in said:
            unnamed.append((number, named, said))
    assert unnamed == []
    assert verified(five) == 5


def test_an_entry_forged_with_its_hash_but_not_noted_is_named(five: Engine) -> None:
    """As another copy of the log would continue."""
    with writing(five) as connection:
        before = connection.execute(select(audit_head.c.number, audit_head.c.hash)).one()
        append_audit(connection, AN_ENTRY)
        connection.execute(update(audit_head).values(number=before.number, hash=before.hash))
    with pytest.raises(AuditBroken, match="entry 6 was put in"):
        verified(five)


def test_details_that_are_no_json_are_named(five: Engine) -> None:
    if five.dialect.name == "postgresql":
        pytest.skip("PostgreSQL takes JSON only")
    with writing(five) as connection:
        connection.execute(text("UPDATE audit SET details = 'x{' WHERE number = 2"))
    with pytest.raises(AuditBroken, match="entry 2 was changed"):
        verified(five)


def test_nobody_appends_to_a_log_without_its_note(five: Engine) -> None:
    with writing(five) as connection:
        connection.execute(delete(audit_head))
    with pytest.raises(AuditBroken):
        append(five, AN_ENTRY)
    with reading(five) as connection:
        assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == 5


def test_an_entry_that_was_never_written_so_is_not_handed_out(five: Engine) -> None:
    with writing(five) as connection:
        change(1, actor="Somebody Else")(connection)
    with reading(five) as connection, pytest.raises(AuditBroken):
        audit_entries_about(connection, "c-0")


# --- Never about people ---


@pytest.mark.parametrize("field", ["actor", "role", "action", "outcome", "subject", "why"])
@pytest.mark.parametrize(
    "said", ["Jan Peeters", "jan@example.be", "Zoë", "pijn op de borst", "", "a" * 200, "a\0b"]
)
def test_names_addresses_and_sentences_are_refused(field: str, said: str) -> None:
    changed: Any = {field: said}
    with pytest.raises(ValueError, match="made of"):
        replace(AN_ENTRY, **changed)


@pytest.mark.parametrize("code", ["-8Vb_x~", "_", "medical_file_access", "sha-256=ab/9+", "2026-01", "c:1"])
def test_ids_and_codes_are_taken_as_they_are(code: str) -> None:
    assert AuditEntry(0, code, "doctor", "x", subject=code, details={"code": code}).actor == code


@given(said=st.text().filter(lambda text: any(not letter.isascii() or letter.isspace() for letter in text)))
def test_details_hold_codes_and_counts_only(said: str) -> None:
    with pytest.raises(ValueError, match="made of"):
        replace(AN_ENTRY, details={"reason": said})
    with pytest.raises(ValueError, match="made of"):
        replace(AN_ENTRY, details={said: 1})
