"""Tokens of sessions: who is logged in, as what, until when; nothing else is one of them."""

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth import (
    ACCESS_LIFE_S,
    LEEWAY_S,
    LONGEST_SESSION_S,
    SESSION_LIFE_S,
    BadGrant,
    KeyRing,
    PersonId,
    Private,
    Reentries,
    Role,
    SessionClaims,
    SessionId,
    SessionKind,
    SessionRefusal,
    SessionRefused,
    SessionTokens,
    TicketIssuer,
    csrf_matches,
    csrf_token,
    new_session_id,
)
from tests.auth.builders import NOON, HandClock, content_of, resigned

ME = PersonId("pt-0123456789abcdef")
SESSION = SessionId("s-0123456789abcdef")
HOUR = 3600


class Desk:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.ring = KeyRing.open(folder / "keys", longest_life_s=LONGEST_SESSION_S, clock=self.clock)
        self.tokens = SessionTokens(self.ring, clock=self.clock)

    def a_token(self, kind: SessionKind = SessionKind.PAGE, role: Role = Role.PATIENT, **changed: Any) -> str:
        wanted: dict[str, Any] = {"session": SESSION, "person": ME, "ends_at": NOON + SESSION_LIFE_S[role]}
        token, _ = self.tokens.issue(role=role, kind=kind, **(wanted | changed))
        return token.reveal()

    def refusal(self, token: str) -> SessionRefusal:
        with pytest.raises(SessionRefused) as refused:
            self.tokens.read(token)
        return refused.value.reason


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", SessionKind)
def test_a_token_says_who_is_logged_in_as_what(desk: Desk, role: Role, kind: SessionKind) -> None:
    claims = desk.tokens.read(desk.a_token(kind, role))
    assert claims == SessionClaims(SESSION, ME, role, kind, claims.expires_at)


def test_it_holds_our_ids_and_nothing_else_about_the_person(desk: Desk) -> None:
    content = content_of(desk.a_token())
    assert set(content) == {"iss", "aud", "sub", "sid", "role", "kind", "iat", "exp"}
    assert (content["iss"], content["aud"]) == ("teleconsult", "teleconsult.session")


@pytest.mark.parametrize(
    ("role", "hours"), [(Role.PATIENT, 4), (Role.DOCTOR, 12), (Role.GUEST, 2)], ids=lambda value: str(value)
)
def test_a_page_s_token_lives_as_long_as_the_session(desk: Desk, role: Role, hours: int) -> None:
    token = desk.a_token(SessionKind.PAGE, role)
    desk.clock.now = NOON + hours * HOUR - 1
    desk.tokens.read(token)
    desk.clock.now = NOON + hours * HOUR
    assert desk.refusal(token) is SessionRefusal.EXPIRED


def test_an_app_s_token_lives_ten_minutes_and_never_past_the_session(desk: Desk) -> None:
    token = desk.a_token(SessionKind.APP)
    desk.clock.now += ACCESS_LIFE_S - 1
    desk.tokens.read(token)
    desk.clock.now += 1
    assert desk.refusal(token) is SessionRefusal.EXPIRED
    last = desk.a_token(SessionKind.APP, ends_at=desk.clock.now + 30)
    assert content_of(last)["exp"] == int(desk.clock.now) + 30


def test_a_token_from_a_clock_too_far_ahead_has_to_wait(desk: Desk) -> None:
    token = desk.a_token()
    desk.clock.now -= LEEWAY_S
    desk.tokens.read(token)
    desk.clock.now -= 1
    assert desk.refusal(token) is SessionRefusal.EARLY


def test_a_token_outlives_the_rotation_of_keys_as_long_as_its_session(desk: Desk) -> None:
    token = desk.a_token(SessionKind.PAGE, Role.DOCTOR)
    desk.ring.rotate()
    desk.clock.now = NOON + 12 * HOUR - 1
    desk.ring.prune()
    assert desk.tokens.read(token).person == ME


def test_a_token_seen_before_ends_like_any_other(desk: Desk) -> None:
    token = desk.a_token(SessionKind.PAGE, Role.GUEST)
    assert desk.tokens.read(token) == desk.tokens.read(token)
    desk.clock.now = NOON - LEEWAY_S - 1
    assert desk.refusal(token) is SessionRefusal.EARLY
    desk.clock.now = NOON + 2 * HOUR
    assert desk.refusal(token) is SessionRefusal.EXPIRED


def test_a_token_seen_before_ends_with_its_key(desk: Desk, tmp_path: Path) -> None:
    token = desk.a_token()
    desk.tokens.read(token)
    for path in (tmp_path / "keys").glob("*.pem"):
        path.unlink()
    desk.ring.rotate()
    assert desk.refusal(token) is SessionRefusal.FOREIGN


def test_as_many_tokens_as_come_are_read_and_few_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.sessions._MOST_SEEN", 3)
    tokens = [desk.a_token(session=SessionId(f"s-{n}")) for n in range(10)]
    for _ in range(2):
        assert [desk.tokens.read(token).session for token in tokens] == [f"s-{n}" for n in range(10)]
    assert len(desk.tokens._seen) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"session": SessionId("")},
        {"session": SessionId("../x")},
        {"person": PersonId("a b")},
        {"person": PersonId("85.07.30-033 28")},
        {"ends_at": NOON},
        {"ends_at": NOON + 5 * HOUR},
    ],
    ids=repr,
)
def test_what_is_out_of_bounds_is_not_signed(desk: Desk, changed: dict[str, Any]) -> None:
    with pytest.raises(BadGrant):
        desk.a_token(**changed)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        *(({name: None}, SessionRefusal.MALFORMED) for name in ("sub", "sid", "role", "kind", "iat", "exp")),
        *(({name: None}, SessionRefusal.FOREIGN) for name in ("aud", "iss")),
        ({"aud": "teleconsult.signal"}, SessionRefusal.FOREIGN),
        ({"iss": "else"}, SessionRefusal.FOREIGN),
        ({"role": "king"}, SessionRefusal.MALFORMED),
        ({"kind": "ticket"}, SessionRefusal.MALFORMED),
        ({"sub": "../x"}, SessionRefusal.MALFORMED),
        ({"sid": 1}, SessionRefusal.MALFORMED),
        ({"exp": float(NOON + 60)}, SessionRefusal.MALFORMED),
        ({"exp": int(NOON) + 4 * HOUR + 1}, SessionRefusal.MALFORMED),
        ({"exp": int(NOON)}, SessionRefusal.MALFORMED),
        ({"exp": -1, "iat": -60}, SessionRefusal.EXPIRED),
        ({"header": {"typ": "at+jwt"}}, SessionRefusal.FOREIGN),
    ],
    ids=repr,
)
def test_tokens_we_would_not_have_signed_are_refused(
    desk: Desk, changed: dict[str, Any], reason: SessionRefusal
) -> None:
    assert desk.refusal(resigned(desk.a_token(), desk.ring, **changed)) is reason


@pytest.mark.parametrize("garbage", ["", "..", "a.b.c", "x" * 4097, "é.é.é", "\ud800", "e30.e30.e30"])
def test_garbage_is_malformed(desk: Desk, garbage: str) -> None:
    assert desk.refusal(garbage) is SessionRefusal.MALFORMED


def test_another_key_another_algorithm_another_installation_are_refused(desk: Desk, tmp_path: Path) -> None:
    token = desk.a_token()
    header = {k: v for k, v in jwt.get_unverified_header(token).items() if k != "alg"}
    content = content_of(token)
    stranger = Ed25519PrivateKey.generate()
    assert desk.refusal(jwt.encode(content, stranger, "EdDSA", headers=header)) is SessionRefusal.FORGED
    assert desk.refusal(jwt.encode(content, "", "none", headers=header)) is SessionRefusal.FORGED
    assert desk.refusal(Desk(tmp_path / "elsewhere").a_token()) is SessionRefusal.FOREIGN


def test_tickets_and_reentries_are_no_sessions(desk: Desk) -> None:
    ticket = TicketIssuer(desk.ring, clock=desk.clock).issue(
        room="demo", role=Role.PATIENT, name=Private("A")
    )
    reentry = Reentries(desk.ring, clock=desk.clock).issue(room="demo", role=Role.PATIENT, participant="p-1")
    assert desk.refusal(ticket) is desk.refusal(reentry) is SessionRefusal.FOREIGN


def test_ids_of_sessions_never_repeat_and_can_be_signed(desk: Desk) -> None:
    ids = {new_session_id() for _ in range(50)}
    assert len(ids) == 50
    assert desk.tokens.read(desk.a_token(session=next(iter(ids)))).session in ids


# --- The CSRF token ---


def test_the_csrf_token_fits_its_own_session_only(desk: Desk) -> None:
    mine, other = desk.a_token(), desk.a_token(session=SessionId("s-other"))
    assert csrf_matches(mine, csrf_token(mine))
    assert not csrf_matches(mine, csrf_token(other))


def test_it_tells_nothing_of_the_cookie(desk: Desk) -> None:
    token = desk.a_token()
    assert not any(part in token for part in (csrf_token(token), csrf_token(token)[:12]))


@pytest.mark.parametrize("sent", ["", "x", "é" * 43, "\ud800" * 43, "A" * 43, "A" * 44])
def test_other_values_do_not_fit(desk: Desk, sent: str) -> None:
    assert not csrf_matches(desk.a_token(), sent)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0, 42), character=st.sampled_from("ABCxyz059-_"))
def test_no_other_value_near_it_fits(desk: Desk, position: int, character: str) -> None:
    token = desk.a_token()
    right = csrf_token(token)
    changed = right[:position] + character + right[position + 1 :]
    assert csrf_matches(token, changed) is (changed == right)
