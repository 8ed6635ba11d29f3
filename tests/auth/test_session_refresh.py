"""Refresh tokens: each is used once, and an old one that comes back is known for a copy."""

import hmac

import pytest

from auth import (
    GRACE_S,
    Private,
    RefreshState,
    RefreshTokens,
    SessionId,
    SessionRefusal,
    SessionRefused,
    Verdict,
    refresh_hash,
)
from tests.auth.builders import NOON

SESSION = SessionId("s-0123456789abcdef")


def keyed_by(key: bytes) -> RefreshTokens:
    return RefreshTokens(lambda kind, value: hmac.digest(key, f"{kind}\0{value}".encode(), "sha256"))


TOKENS = keyed_by(b"the service's")


def refused(tokens: RefreshTokens, text: str) -> SessionRefusal:
    with pytest.raises(SessionRefused) as error:
        tokens.session_of(Private(text))
    return error.value.reason


def test_a_token_names_its_session_and_is_never_the_same_twice() -> None:
    first, second = TOKENS.first(SESSION), TOKENS.first(SESSION)
    assert TOKENS.session_of(first) == TOKENS.session_of(second) == SESSION
    assert first != second


def test_the_same_token_has_the_same_successor_and_only_our_nodes_know_which() -> None:
    token = TOKENS.first(SESSION)
    assert TOKENS.successor(token) == keyed_by(b"the service's").successor(token)
    with pytest.raises(SessionRefused):
        keyed_by(b"a thief's").successor(token)
    assert TOKENS.session_of(TOKENS.successor(token)) == SESSION


def test_a_chain_of_successors_never_comes_back_to_one_of_them() -> None:
    chain = [TOKENS.first(SESSION)]
    for _ in range(72):  # a doctor's shift
        chain.append(TOKENS.successor(chain[-1]))
    assert len(set(chain)) == 73


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "s-1", "s-1.x.y", "é.é.é", "\ud800", "x" * 100_000, "." * 100_000]
)
def test_garbage_is_malformed(text: str) -> None:
    assert refused(TOKENS, text) is SessionRefusal.MALFORMED


def test_a_token_invented_for_a_session_is_forged() -> None:
    session, secret, mark = TOKENS.first(SESSION).reveal().split(".")
    _, other, _ = TOKENS.first(SESSION).reveal().split(".")
    assert refused(TOKENS, f"{session}.{other}.{mark}") is SessionRefusal.FORGED
    assert refused(TOKENS, f"s-another.{secret}.{mark}") is SessionRefusal.FORGED
    assert refused(keyed_by(b"another"), f"{session}.{secret}.{mark}") is SessionRefusal.FORGED


def test_the_records_hold_nothing_that_could_be_shown_to_us() -> None:
    token = TOKENS.first(SESSION)
    assert len(refresh_hash(token)) == 32
    assert refused(TOKENS, refresh_hash(token).hex()) is SessionRefusal.MALFORMED


class Chain:
    """A session's first three tokens, and its state after each use."""

    def __init__(self) -> None:
        first = TOKENS.first(SESSION)
        second = TOKENS.successor(first)
        self.hashes = [refresh_hash(token) for token in (first, second, TOKENS.successor(second))]
        self.states = [RefreshState(self.hashes[0])]
        self.states.append(self.states[0].rotated(self.hashes[1], NOON))
        self.states.append(self.states[1].rotated(self.hashes[2], NOON + 3))


def test_the_current_token_rotates_at_any_time() -> None:
    chain = Chain()
    assert chain.states[0].judge(chain.hashes[0], NOON) is Verdict.ROTATE
    assert chain.states[1].judge(chain.hashes[1], NOON + 1) is Verdict.ROTATE
    assert chain.states[1].judge(chain.hashes[1], NOON + 3600) is Verdict.ROTATE


def test_whoever_lost_the_answer_may_ask_again_for_a_moment() -> None:
    chain = Chain()
    assert chain.states[1].judge(chain.hashes[0], NOON) is Verdict.REPEAT
    assert chain.states[1].judge(chain.hashes[0], NOON + GRACE_S - 0.01) is Verdict.REPEAT
    assert chain.states[1].judge(chain.hashes[0], NOON - 0.5) is Verdict.REPEAT, "another node's clock"


def test_a_used_token_that_comes_back_later_was_copied() -> None:
    chain = Chain()
    assert chain.states[1].judge(chain.hashes[0], NOON + GRACE_S) is Verdict.REUSED


def test_the_moment_ends_when_the_successor_was_used() -> None:
    chain = Chain()
    assert chain.states[2].judge(chain.hashes[0], NOON + 4) is Verdict.REUSED
    assert chain.states[2].judge(chain.hashes[1], NOON + 4) is Verdict.REPEAT
