"""The ledger in SQL: words are appended, never changed; where things stand follows from the last one.

Each consultation has a chain of its own, and each entry's hash is in the audit log, whose chain nobody can
cut without its being seen. Asked at the moment of use: nothing here is kept in memory, so that a withdrawal
holds on every node as soon as it is written. Blocking.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from media_server.consents.entry import ConsentKind, ConsentState, Entry, Signer, Word, receipt, write
from media_server.errors import ApplicationError
from media_server.records import (
    AuditEntry,
    RecordsUnusable,
    RowReader,
    append_audit,
    reading,
    tables,
    writing,
)

_TRIES = 8
_consents = tables.consents
_LAST_WORD = (
    select(_consents)
    .where(
        _consents.c.consultation == bindparam("of"),
        _consents.c.kind == bindparam("about"),
        _consents.c.participant == bindparam("who"),
    )
    .order_by(_consents.c.number.desc())
    .limit(1)
)


class ChainBroken(ApplicationError):
    """A consultation's consents were tampered with; its text names the place."""


class Ledger:
    """`clock_us`: Unix microseconds; `policy`: this deployment's, noted in each entry."""

    def __init__(self, engine: Engine, signer: Signer, policy: str, clock_us: Callable[[], int]) -> None:
        self._engine = engine
        self._signer = signer
        self._policy = policy
        self._clock_us = clock_us
        self._reader = RowReader(engine, _LAST_WORD)

    def append(self, word: Word) -> Entry:
        """Write it down; durable on return. Raises RecordsUnusable."""
        return self._in_turn(lambda connection: self.append_within(connection, word))

    def say(self, word: Word, granted: bool) -> Entry:
        """As `append`, with the state that a yes or no has now: a no after a grant is a withdrawal. The same
        said again is not written again.
        """

        def said(connection: Connection) -> Entry:
            before = _last_word(connection, word)
            now_us = self._clock_us()
            state = next_state(before, granted, now_us)
            stands = before is not None and (not granted or before.holds(now_us))
            if before is not None and stands and before.word.state is state and _same(before.word, word):
                return before
            return self.append_within(connection, replace(word, state=state))

        return self._in_turn(said)

    def ask(self, word: Word) -> Entry:
        """Write down that somebody was asked, unless they have granted it: then that grant."""

        def asked(connection: Connection) -> Entry:
            before = _last_word(connection, word)
            if before is not None and before.holds(self._clock_us()):
                return before
            return self.append_within(connection, replace(word, state=ConsentState.REQUESTED))

        return self._in_turn(asked)

    def _in_turn(self, step: Callable[[Connection], Entry]) -> Entry:
        """Read and written in one go: if another writes the consultation's next entry first, once more."""
        for _ in range(_TRIES):
            try:
                with writing(self._engine) as connection:
                    return step(connection)
            except IntegrityError:
                continue
        raise RecordsUnusable("the ledger of consents is written to by too many at once")

    def append_within(self, connection: Connection, word: Word) -> Entry:
        """As part of the caller's transaction. Raises IntegrityError when another node was first."""
        if connection.dialect.name == "postgresql":
            # One at a time for each consultation (PostgreSQL §13.3.5); else, of many who write at once, some
            # would find another's entry in their place again and again. SQLite has one writer anyway.
            lock = func.pg_advisory_xact_lock(func.hashtextextended(word.consultation, 0))
            connection.execute(select(lock))
        last = connection.execute(
            select(_consents.c.number, _consents.c.hash)
            .where(_consents.c.consultation == word.consultation)
            .order_by(_consents.c.number.desc())
            .limit(1)
        ).one_or_none()
        number, previous = (last.number + 1, last.hash) if last else (1, None)
        entry = write(word, f"k-{secrets.token_hex(12)}", number, self._clock_us(), previous, self._policy)
        connection.execute(
            insert(_consents).values(
                id=entry.id,
                consultation=word.consultation,
                number=number,
                participant=word.participant,
                kind=word.kind.value,
                state=word.state.value,
                at_us=entry.at_us,
                expires_at_us=word.expires_at_us,
                text_version=word.text_version,
                recipient=word.recipient,
                entry=entry.text,
                previous_hash=previous,
                hash=entry.hash,
            )
        )
        details = {"kind": word.kind.value, "entry": entry.id, "hash": entry.hash}
        append_audit(
            connection,
            AuditEntry(
                at_us=entry.at_us,
                actor=word.actor,
                role=word.role,
                action=f"consent.{word.state.value}",
                subject=word.consultation,
                details=details,
            ),
        )
        return entry

    def receipt(self, entry: Entry) -> str:
        """Signed anew each time it is asked for; the entry is what counts."""
        return receipt(entry, self._signer)

    def current(self, consultation: str) -> list[Entry]:
        """The last word of each participant on each kind, of presence on each guest, oldest first.

        Raises RecordsUnusable.
        """
        with reading(self._engine) as connection:
            last = {entry.word.about: entry for entry in _entries(connection, consultation)}
        return sorted(last.values(), key=lambda entry: entry.number)

    def last_word(self, consultation: str, kind: ConsentKind, participant: str) -> Entry | None:
        """Asks a RowReader, and nothing else. Raises RecordsUnusable."""
        row = self._reader.row(of=consultation, about=kind.value, who=participant)
        return None if row is None else _entry(row)

    def grant(self, consultation: str, kind: ConsentKind, participant: str) -> Entry | None:
        """The grant that holds now, if one does. Asks as `last_word` does. Raises RecordsUnusable."""
        entry = self.last_word(consultation, kind, participant)
        return entry if entry is not None and entry.holds(self._clock_us()) else None

    def guests_granted(self, consultation: str) -> frozenset[str]:
        """Whose presence somebody agrees to now, as recipients; that is the patient's word alone to give.

        Raises RecordsUnusable.
        """
        now_us, kind = self._clock_us(), ConsentKind.THIRD_PARTY_PRESENCE
        standing = (entry for entry in self.current(consultation) if entry.word.kind is kind)
        return frozenset(e.word.recipient for e in standing if e.word.recipient and e.holds(now_us))

    def expired(self, entry: Entry) -> bool:
        return entry.word.state is ConsentState.GRANTED and not entry.holds(self._clock_us())


def next_state(before: Entry | None, granted: bool, now_us: int) -> ConsentState:
    """What a yes or a no means after the last word."""
    if granted:
        return ConsentState.GRANTED
    if before is None:
        return ConsentState.REFUSED
    if before.holds(now_us) or before.word.state is ConsentState.WITHDRAWN:
        return ConsentState.WITHDRAWN
    return ConsentState.REFUSED


def verify_chains(connection: Connection) -> int:
    """How many entries there are, each chain whole. Raises ChainBroken."""
    count = 0
    heads: dict[str, tuple[int, str | None]] = {}
    rows = connection.execute(
        select(_consents).order_by(_consents.c.consultation, _consents.c.number)
    ).yield_per(1000)
    for row in rows:
        number, previous = heads.get(row.consultation, (0, None))
        entry = _entry(row)
        again = write(entry.word, entry.id, number + 1, entry.at_us, previous, _policy_of(entry))
        if row.number != number + 1 or row.previous_hash != previous or again.hash != row.hash:
            raise ChainBroken(f"consents of consultation {row.consultation}: entry {number + 1} was changed")
        heads[row.consultation] = number + 1, row.hash
        count += 1
    return count


def _last_word(connection: Connection, word: Word) -> Entry | None:
    """On the same."""
    said = [entry for entry in _entries(connection, word.consultation) if entry.word.about == word.about]
    return said[-1] if said else None


def _policy_of(entry: Entry) -> str:
    return str(json.loads(entry.text)["policy"])


def _entries(connection: Connection, consultation: str) -> Iterator[Entry]:
    rows = connection.execute(
        select(_consents).where(_consents.c.consultation == consultation).order_by(_consents.c.number)
    )
    return (_entry(row) for row in rows.all())


def _entry(row: Row[Any] | tuple[Any, ...]) -> Entry:
    """Of a row of all columns."""
    id_, consultation, number, participant, kind, state, at_us, expires_at_us, version, recipient = row[:10]
    text, previous_hash, hash_ = row[10:]
    said = json.loads(text)
    word = Word(
        consultation=consultation,
        participant=participant,
        kind=ConsentKind(kind),
        state=ConsentState(state),
        actor=said["actor"],
        role=said["role"],
        text_version=version,
        text_hash=said["text_hash"],
        language=said["language"],
        recipient=recipient,
        expires_at_us=expires_at_us,
    )
    return Entry(id_, number, at_us, word, text, previous_hash, hash_)


def _same(before: Word, word: Word) -> bool:
    return (before.text_version, before.recipient) == (word.text_version, word.recipient)
