"""Records are whole or it is said where they are not, on both databases."""

from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, update

from media_server.consents import ConsentKind, ConsentState, Ledger, Word
from media_server.integrity import Integrity, check
from media_server.records import FieldKeys, tables, writing
from tests.media_server.recording.builders import BEGAN_US, a_signer

consents = tables.consents


@pytest.fixture
def keys(tmp_path: Path) -> FieldKeys:
    return FieldKeys.open(tmp_path / "keys")


@pytest.fixture
def three(records: Engine) -> Engine:
    """Consents of two consultations."""
    ledger = Ledger(records, a_signer(), "belgium", lambda: BEGAN_US)
    for consultation, kind in (
        ("c-1", ConsentKind.TELECONSULTATION),
        ("c-1", ConsentKind.REPORT_TO_GP),
        ("c-2", ConsentKind.TELECONSULTATION),
    ):
        ledger.append(Word(consultation, "pt-1", kind, ConsentState.GRANTED, "pt-1", "patient"))
    return records


def found(engine: Engine, keys: FieldKeys) -> Integrity:
    return check(engine, keys)


def test_sound_records_are_said_to_be(three: Engine, keys: FieldKeys) -> None:
    sound = found(three, keys)
    assert (sound.entries, sound.consents, sound.findings) == (3, 3, ())
    assert len(sound.newest) == 64


def cut_off(connection: Connection) -> None:
    connection.execute(delete(consents).where(consents.c.consultation == "c-1", consents.c.number == 2))


def left_out(connection: Connection) -> None:
    connection.execute(delete(consents).where(consents.c.consultation == "c-2"))


def changed(connection: Connection) -> None:
    connection.execute(update(consents).where(consents.c.number == 2).values(state="refused"))


def unreadable(connection: Connection) -> None:
    connection.execute(update(consents).where(consents.c.number == 2).values(entry="{"))


def put_in(connection: Connection) -> None:
    """A chain of its own, as sound as any."""
    row = connection.execute(select(consents).where(consents.c.consultation == "c-2")).mappings().one()
    said = row["entry"].replace('"consultation":"c-2"', '"consultation":"c-3"').replace(row["id"], "forged")
    forged = {"id": "forged", "consultation": "c-3", "entry": said, "hash": sha256(said.encode()).hexdigest()}
    connection.execute(insert(consents).values(dict(row) | forged))


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (cut_off, "audit entry 2 tells of is missing"),
        (left_out, "audit entry 3 tells of is missing"),
        (changed, "consents of consultation c-1: entry 2 was changed"),
        (unreadable, "was changed"),
        (put_in, "consent forged is not in the audit log"),
    ],
)
def test_whatever_is_done_to_consents_is_named(
    three: Engine, keys: FieldKeys, tamper: object, named: str
) -> None:
    assert callable(tamper)
    with writing(three) as connection:
        tamper(connection)
    assert named in "\n".join(found(three, keys).findings)
