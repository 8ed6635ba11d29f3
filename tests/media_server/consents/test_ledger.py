"""The ledger: words in the order they were said, by however many at once, and every change of them found."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, delete, select, update

from media_server.consents import (
    ConsentKind,
    ConsentState,
    Ledger,
    Word,
    guest_recipient,
    read_guest_recipient,
)
from media_server.consents.entry import read_receipt
from media_server.consents.ledger import ChainBroken, next_state, verify_chains
from media_server.records import reading, tables, verify_audit, writing

REQUESTED, GRANTED, REFUSED, WITHDRAWN = ConsentState
FILE = ConsentKind.MEDICAL_FILE_ACCESS


@dataclass
class Clock:
    now_us: int = 1_000_000

    def __call__(self) -> int:
        self.now_us += 1
        return self.now_us


@dataclass(frozen=True)
class ASigner:
    kid: str = "key-1"
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(records: Engine, clock: Clock) -> Ledger:
    return Ledger(records, ASigner(), "belgium", clock)


def a_word(state: ConsentState = GRANTED, **changed: object) -> Word:
    word = Word("c-1", "p-1", FILE, state, actor="pt-1", role="patient", text_version="1")
    return replace(word, **changed)  # type: ignore[arg-type]


def test_each_guest_is_agreed_to_one_by_one(ledger: Ledger) -> None:
    kind = ConsentKind.THIRD_PARTY_PRESENCE
    interpreter = a_word(kind=kind, recipient=guest_recipient("interpreter", "i-1"))
    relative = a_word(kind=kind, recipient=guest_recipient("relative", "i-2"))
    ledger.say(interpreter, granted=True)
    ledger.ask(relative)
    assert ledger.guests_granted("c-1") == {"interpreter:i-1"}
    ledger.say(relative, granted=True)
    ledger.say(interpreter, granted=False)
    assert ledger.guests_granted("c-1") == {"relative:i-2"}
    standing = [(e.word.recipient, e.word.state) for e in ledger.current("c-1")]
    assert standing == [("relative:i-2", GRANTED), ("interpreter:i-1", WITHDRAWN)]
    assert read_guest_recipient("interpreter:i-1") == ("interpreter", "i-1")


def test_the_last_word_of_each_on_each_kind_is_what_stands(ledger: Ledger) -> None:
    for word in (
        a_word(REQUESTED),
        a_word(GRANTED),
        a_word(REFUSED, participant="p-2"),
        a_word(GRANTED, kind=ConsentKind.RECORDING),
        a_word(WITHDRAWN),
        a_word(GRANTED, consultation="c-2"),
    ):
        ledger.append(word)
    standing = [(e.word.participant, e.word.kind.value, e.word.state.value) for e in ledger.current("c-1")]
    assert standing == [
        ("p-2", "medical_file_access", "refused"),
        ("p-1", "recording", "granted"),
        ("p-1", "medical_file_access", "withdrawn"),
    ]
    assert ledger.grant("c-1", FILE, "p-1") is None
    assert ledger.grant("c-1", FILE, "p-3") is None
    assert ledger.grant("c-2", FILE, "p-1") is not None


def test_a_grant_ends_at_its_time(ledger: Ledger, clock: Clock) -> None:
    entry = ledger.append(a_word(expires_at_us=clock.now_us + 1_000))
    assert ledger.grant("c-1", FILE, "p-1") == entry
    assert not ledger.expired(entry)
    clock.now_us += 1_000
    assert ledger.grant("c-1", FILE, "p-1") is None
    assert ledger.expired(entry)


@pytest.mark.parametrize(
    ("before", "yes", "no"),
    [
        (None, GRANTED, REFUSED),
        (REQUESTED, GRANTED, REFUSED),
        (GRANTED, GRANTED, WITHDRAWN),
        (REFUSED, GRANTED, REFUSED),
        (WITHDRAWN, GRANTED, WITHDRAWN),
    ],
)
def test_what_yes_and_no_mean_depends_on_what_was_said_before(
    ledger: Ledger, before: ConsentState | None, yes: ConsentState, no: ConsentState
) -> None:
    last = None if before is None else ledger.append(a_word(before))
    assert next_state(last, True, 0) is yes
    assert next_state(last, False, 0) is no
    assert ledger.say(a_word(), granted=False).word.state is no


def test_the_same_said_again_is_one_entry(ledger: Ledger) -> None:
    first = ledger.say(a_word(), granted=True)
    assert ledger.say(a_word(), granted=True) == first
    newer = ledger.say(a_word(text_version="2"), granted=True)
    assert newer.number == first.number + 1, "to other words it is another consent"
    withdrawn = ledger.say(a_word(text_version="2"), granted=False)
    assert ledger.say(a_word(text_version="2"), granted=False) == withdrawn


def test_a_no_to_what_has_expired_takes_nothing_back(ledger: Ledger, clock: Clock) -> None:
    ledger.append(a_word(expires_at_us=clock.now_us + 1_000))
    clock.now_us += 1_000
    assert ledger.say(a_word(), granted=False).word.state is REFUSED
    assert ledger.say(a_word(expires_at_us=clock.now_us + 1_000), granted=True).word.state is GRANTED


def test_receipts_are_verified_with_the_key_that_signs(records: Engine, clock: Clock) -> None:
    signer = ASigner()
    ledger = Ledger(records, signer, "belgium", clock)
    entry = ledger.append(a_word())
    assert read_receipt(ledger.receipt(entry), signer.private.public_key()) == json.loads(entry.text)


def test_words_said_at_once_by_many_are_one_chain(records: Engine, clock: Clock) -> None:
    ledgers = [Ledger(records, ASigner(), "belgium", clock) for _ in range(4)]  # as of four nodes
    with ThreadPoolExecutor(8) as threads:
        words = [a_word(participant=f"p-{number % 4}") for number in range(24)]
        entries = list(threads.map(lambda at: ledgers[at[0] % 4].append(at[1]), enumerate(words)))
    ordered = sorted(entries, key=lambda entry: entry.number)
    assert [entry.number for entry in ordered] == list(range(1, 25))
    assert all(after.previous_hash == before.hash for before, after in pairwise(ordered))
    with reading(records) as connection:
        assert verify_chains(connection) == 24


def test_the_hash_of_each_word_is_in_the_audit_log(ledger: Ledger, records: Engine) -> None:
    entry = ledger.append(a_word())
    with reading(records) as connection:
        assert verify_audit(connection) == 1
        details = connection.execute(select(tables.audit.c.details)).scalar_one()
    assert details["hash"] == entry.hash


@pytest.mark.parametrize(
    "tampering",
    [
        {"state": "refused"},
        {"participant": "p-9"},
        {"recipient": "10829059004"},
        {"expires_at_us": 1},
        {"at_us": 1},
        {"hash": "00" * 32},
        {"number": 7},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_word_that_was_changed_is_found(
    ledger: Ledger, records: Engine, tampering: dict[str, object]
) -> None:
    entries = [ledger.append(a_word()) for _ in range(3)]
    with writing(records) as connection:
        table = tables.consents
        connection.execute(update(table).where(table.c.id == entries[1].id).values(**tampering))
    with reading(records) as connection, pytest.raises(ChainBroken, match="c-1"):
        verify_chains(connection)


def test_a_word_that_was_left_out_is_found(ledger: Ledger, records: Engine) -> None:
    entries = [ledger.append(a_word()) for _ in range(3)]
    with writing(records) as connection:
        connection.execute(delete(tables.consents).where(tables.consents.c.id == entries[1].id))
    with reading(records) as connection, pytest.raises(ChainBroken):
        verify_chains(connection)
