"""Sealing every field with the newest key, in small steps, while others read and write; and deleting the keys
that seal nothing any more. It can be broken off at any moment and begun again.

A field's place is `TABLE/COLUMN/ID`, where ID is the row's primary key; bytes are written in hexadecimal. A
running process may seal with the key before for as long as it does not know the newest, and what it sealed
may come into the database later still. So an old key is deleted only when the newest one has been there for
`SETTLED_S` and no field of it is left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Table,
    and_,
    func,
    literal,
    select,
    update,
)

from media_server.records.database import reading, writing
from media_server.records.sealed_fields import MARK_BYTES, CannotOpen, FieldKeys, key_mark
from media_server.records.tables import metadata

# A transaction that stands still ends within half a minute (`postgresql`), and shared folders show new files
# within a minute (nfs(5), acdirmax).
SETTLED_S = 90.0

_COLUMN = "sealed"
_BATCH = 100
_BATCH_OF_LARGE = 4
_LARGE = frozenset({"attachments"})

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many fields were sealed again, and how many stayed because they don't open."""

    fields: int
    unopened: int


def sealed_tables() -> tuple[Table, ...]:
    """All that hold sealed fields."""
    return tuple(table for table in metadata.sorted_tables if _COLUMN in table.c)


def place_of(table: Table, key: str | bytes) -> str:
    """What binds the sealed field of a row to it."""
    return f"{table.name}/{_COLUMN}/{key.hex() if isinstance(key, bytes) else key}"


def to_reseal(engine: Engine, keys: FieldKeys) -> int:
    """How many fields are not sealed with the newest key. Raises RecordsUnusable."""
    with reading(engine) as connection:
        return sum(_count(connection, table, _not_of(table, keys.newest)) for table in sealed_tables())


def reseal(engine: Engine, keys: FieldKeys, progress: Progress = lambda done, total: None) -> Resealed:
    """Seal with the newest key what isn't yet. `progress` hears how many fields of how many are done.

    What others write meanwhile is not waited for, and found when called again. Raises RecordsUnusable,
    FieldKeysUnusable.
    """
    total = to_reseal(engine, keys)
    done, unopened = 0, 0
    progress(0, total)
    for table in sealed_tables():
        for fields, failed in _table(engine, keys, table):
            done, unopened = done + fields, unopened + failed
            progress(done + unopened, max(total, done + unopened))
    return Resealed(done, unopened)


def delete_unused(engine: Engine, keys: FieldKeys, settled_s: float = SETTLED_S) -> tuple[str, ...]:
    """Delete the old keys that no field is sealed with; their ids. None while the newest key is not settled.

    Raises RecordsUnusable, FieldKeysUnusable.
    """
    if keys.age_s(keys.newest) < settled_s:
        return ()
    unused = []
    for kid in keys.known():
        if kid != keys.newest and not fields_of(engine, kid):
            keys.delete(kid)
            unused.append(kid)
    return tuple(unused)


def fields_of(engine: Engine, kid: str) -> int:
    """How many fields one key seals. Raises RecordsUnusable."""
    with reading(engine) as connection:
        return sum(_count(connection, table, _mark(table) == key_mark(kid)) for table in sealed_tables())


def unopened(engine: Engine, keys: FieldKeys, progress: Progress = lambda done, total: None) -> Iterator[str]:
    """The places of all fields that don't open; reads every one.

    Raises RecordsUnusable, FieldKeysUnusable.
    """
    with reading(engine) as connection:
        total = sum(_count(connection, table, table.c[_COLUMN].is_not(None)) for table in sealed_tables())
        done = 0
        for table in sealed_tables():
            (key,) = table.primary_key.columns
            wanted = select(key, table.c[_COLUMN]).where(table.c[_COLUMN].is_not(None)).order_by(key)
            rows = connection.execute(wanted.execution_options(yield_per=_batch(table)))
            for id_, sealed in rows:
                done += 1
                progress(done, total)
                try:
                    keys.open_sealed(place_of(table, id_), sealed)
                except CannotOpen:
                    yield place_of(table, id_)


def _table(engine: Engine, keys: FieldKeys, table: Table) -> Iterator[tuple[int, int]]:
    """One step at a time: fields sealed again, fields that don't open."""
    (key,) = table.primary_key.columns
    column = table.c[_COLUMN]
    after: ColumnElement[bool] = literal(True)
    while True:
        with writing(engine) as connection:
            # Rows that somebody holds are for the next time: waiting for them while holding others could be
            # waiting for each other.
            rows = connection.execute(
                select(key, column)
                .where(and_(_not_of(table, keys.newest), after))
                .order_by(key)
                .limit(_batch(table))
                .with_for_update(skip_locked=True)
            ).all()
            failed = 0
            for id_, sealed in rows:
                try:
                    content = keys.open_sealed(place_of(table, id_), sealed)
                except CannotOpen:
                    failed += 1
                    continue
                again = keys.seal(place_of(table, id_), content)
                connection.execute(update(table).where(key == id_).values({column: again}))
        if not rows:
            return
        yield len(rows) - failed, failed
        after = key > rows[-1][0]


def _not_of(table: Table, newest: str) -> ColumnElement[bool]:
    """Whether a field is there and another key's."""
    return and_(table.c[_COLUMN].is_not(None), _mark(table) != key_mark(newest))


def _mark(table: Table) -> ColumnElement[bytes]:
    return func.substr(table.c[_COLUMN], 1, MARK_BYTES, type_=LargeBinary)


def _count(connection: Connection, table: Table, where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()


def _batch(table: Table) -> int:
    return _BATCH_OF_LARGE if table.name in _LARGE else _BATCH
