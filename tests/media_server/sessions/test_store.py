"""Sessions: good until they end or are revoked, on every node; a copied refresh token ends its session."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth import (
    ACCESS_LIFE_S,
    GRACE_S,
    PersonId,
    Private,
    Role,
    SessionId,
    SessionKind,
    SessionRefusal,
    SessionRefused,
)
from media_server.records import scrub
from tests.auth.builders import content_of
from tests.media_server.people.builders import DUBOIS, PEETERS
from tests.media_server.people.test_doctors import imported
from tests.media_server.sessions.builders import DOCTOR, HOUR_US, ME, Lodge

APP, PAGE = SessionKind.APP, SessionKind.PAGE

# --- Pages ---


@pytest.mark.parametrize(("role", "hours"), [(Role.PATIENT, 4), (Role.DOCTOR, 12), (Role.GUEST, 2)])
def test_a_page_s_cookie_is_good_until_the_session_ends(lodge: Lodge, role: Role, hours: int) -> None:
    begun = lodge.a_page(role=role)
    assert begun.cookie is not None
    assert begun.life_s == hours * 3600
    assert lodge.store.check(begun.cookie.reveal(), PAGE) == begun.session
    assert begun.session.expires_at_us == lodge.clock.now + hours * HOUR_US
    lodge.pass_s(begun.life_s - 1)
    assert lodge.refusal(begun.cookie) is None
    lodge.pass_s(1)
    assert lodge.refusal(begun.cookie) is SessionRefusal.EXPIRED


def test_a_guest_s_session_is_of_one_consultation(lodge: Lodge) -> None:
    begun = lodge.a_page(PersonId("gt-1"), Role.GUEST, consultation="c-1")
    assert begun.cookie is not None
    assert lodge.store.check(begun.cookie.reveal(), PAGE).consultation == "c-1"


def test_a_session_that_is_revoked_ends_on_every_node_at_once(lodge: Lodge) -> None:
    begun, other = lodge.a_page(), lodge.a_page()
    twin = lodge.twin()
    assert twin.refusal(begun.cookie) is None
    lodge.store.revoke(begun.session.id, "logout")
    assert twin.refusal(begun.cookie) is lodge.refusal(begun.cookie) is SessionRefusal.REVOKED
    assert twin.refusal(other.cookie) is None


def test_all_of_somebody_s_sessions_are_revoked_together(lodge: Lodge) -> None:
    mine, also_mine = lodge.a_page(), lodge.an_app()
    tokens = lodge.store.first_tokens(also_mine.id)
    theirs = lodge.a_page(DOCTOR, Role.DOCTOR)
    assert lodge.store.revoke_all_of(ME, "operator") == 2
    assert lodge.refusal(mine.cookie) is SessionRefusal.REVOKED
    assert lodge.refusal(tokens.access_token, APP) is SessionRefusal.REVOKED
    assert lodge.refresh_refusal(tokens.refresh_token) is SessionRefusal.REVOKED
    assert lodge.refusal(theirs.cookie) is None
    assert lodge.store.revoke_all_of(ME, "operator") == 0


def test_whoever_logged_in_by_a_doctor_s_wrong_number_is_out_when_it_is_corrected(lodge: Lodge) -> None:
    peeters, dubois = imported(lodge.house, PEETERS, DUBOIS)
    wrong, right = lodge.a_page(peeters.id, Role.DOCTOR), lodge.a_page(dubois.id, Role.DOCTOR)
    imported(lodge.house, PEETERS | {"given_name": "Johan"}, DUBOIS)
    assert lodge.refusal(wrong.cookie) is None
    imported(lodge.house, PEETERS | {"national_number": "93051822361"}, DUBOIS | {"given_name": "Zoe"})
    assert lodge.refusal(wrong.cookie) is SessionRefusal.REVOKED
    assert lodge.refusal(right.cookie) is None


def test_what_stands_of_somebody_is_listed(lodge: Lodge) -> None:
    first, second = lodge.a_page().session, lodge.an_app()
    assert {each.id for each in lodge.store.standing_of(ME)} == {first.id, second.id}
    lodge.store.revoke(first.id, "logout")
    assert lodge.store.standing_of(ME) == [second]
    lodge.pass_s(4 * 3600)
    assert lodge.store.standing_of(ME) == []


def test_revoking_twice_or_nothing_changes_nothing(lodge: Lodge) -> None:
    begun = lodge.a_page()
    lodge.store.revoke(begun.session.id, "logout")
    lodge.store.revoke(begun.session.id, "operator")
    lodge.store.revoke(SessionId("s-nobody"), "logout")
    assert lodge.notes() == [("session.begun", None), ("session.revoked", "logout")]


def test_a_token_whose_session_is_not_in_the_records_is_nobody_s(lodge: Lodge) -> None:
    begun = lodge.a_page()
    lodge.pass_s(3 * 24 * 3600)
    assert lodge.store.forget_ended() == 1
    lodge.pass_s(-3 * 24 * 3600)
    assert lodge.refusal(begun.cookie) is SessionRefusal.UNKNOWN


def test_only_what_ended_long_ago_is_forgotten(lodge: Lodge) -> None:
    begun = lodge.a_page()
    lodge.pass_s(15 * 3600)  # it ended eleven hours ago
    assert lodge.store.forget_ended() == 0
    assert lodge.refusal(begun.cookie) is SessionRefusal.EXPIRED


def test_a_page_s_token_is_none_of_an_app_and_the_other_way_round(lodge: Lodge) -> None:
    tokens = lodge.store.first_tokens(lodge.an_app().id)
    assert lodge.refusal(lodge.a_page().cookie, APP) is SessionRefusal.FOREIGN
    assert lodge.refusal(tokens.access_token, PAGE) is SessionRefusal.FOREIGN


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "\0" * 10, "x" * 10_000])
def test_garbage_is_nobody_s(lodge: Lodge, token: str) -> None:
    assert lodge.refusal(Private(token)) is SessionRefusal.MALFORMED


# --- Apps ---


def test_an_app_has_tokens_for_ten_minutes_and_a_way_to_the_next(lodge: Lodge) -> None:
    session = lodge.an_app()
    first = lodge.store.first_tokens(session.id)
    assert first.expires_in_s == ACCESS_LIFE_S
    assert lodge.store.check(first.access_token.reveal(), APP) == session
    lodge.pass_s(ACCESS_LIFE_S)
    assert lodge.refusal(first.access_token, APP) is SessionRefusal.EXPIRED
    second = lodge.store.refresh(first.refresh_token)
    assert lodge.store.check(second.access_token.reveal(), APP) == session
    assert second.refresh_token != first.refresh_token


def test_the_first_tokens_are_asked_for_once_and_by_apps_only(lodge: Lodge) -> None:
    session = lodge.an_app().id
    lodge.store.first_tokens(session)
    for id_, reason in (
        (session, SessionRefusal.REUSED),
        (lodge.a_page().session.id, SessionRefusal.FOREIGN),
        (SessionId("s-nobody"), SessionRefusal.UNKNOWN),
    ):
        with pytest.raises(SessionRefused) as refused:
            lodge.store.first_tokens(id_)
        assert refused.value.reason is reason


def test_refreshing_prolongs_no_session(lodge: Lodge) -> None:
    tokens = lodge.store.first_tokens(lodge.an_app().id)
    while (tokens := lodge.store.refresh(tokens.refresh_token)).expires_in_s == ACCESS_LIFE_S:
        lodge.pass_s(ACCESS_LIFE_S - 7)
    assert 0 < tokens.expires_in_s < ACCESS_LIFE_S
    lodge.pass_s(tokens.expires_in_s)
    assert lodge.refresh_refusal(tokens.refresh_token) is SessionRefusal.EXPIRED


def test_an_app_that_lost_the_answer_gets_the_same_again(lodge: Lodge) -> None:
    first = lodge.store.first_tokens(lodge.an_app().id)
    lost = lodge.store.refresh(first.refresh_token)
    lodge.pass_s(GRACE_S - 1)
    twin = lodge.twin()
    again = twin.store.refresh(first.refresh_token)
    assert again.refresh_token == lost.refresh_token
    assert twin.refusal(again.access_token, APP) is None
    assert lodge.refresh_refusal(again.refresh_token) is None


def test_a_copied_refresh_token_ends_the_session_for_both(lodge: Lodge) -> None:
    """Owner or thief, whoever comes second with it: we cannot know which (RFC 9700 §4.14.2)."""
    copied = lodge.store.first_tokens(lodge.an_app().id).refresh_token
    tokens = lodge.store.refresh(copied)
    lodge.pass_s(GRACE_S)
    assert lodge.refresh_refusal(copied) is SessionRefusal.REUSED
    assert lodge.refresh_refusal(tokens.refresh_token) is SessionRefusal.REVOKED
    assert lodge.refusal(tokens.access_token, APP) is SessionRefusal.REVOKED
    assert lodge.notes() == [("session.begun", None), ("session.revoked", "refresh-reused")]


def test_a_thief_within_the_grace_is_found_out_one_rotation_later(lodge: Lodge) -> None:
    copied = lodge.store.first_tokens(lodge.an_app().id).refresh_token
    owners, thiefs = lodge.store.refresh(copied), lodge.store.refresh(copied)
    assert owners.refresh_token == thiefs.refresh_token
    lodge.pass_s(300)
    lodge.store.refresh(thiefs.refresh_token)
    lodge.pass_s(300)
    assert lodge.refresh_refusal(owners.refresh_token) is SessionRefusal.REUSED


def test_a_token_of_any_generation_ends_the_session(lodge: Lodge) -> None:
    tokens = [lodge.store.first_tokens(lodge.an_app().id).refresh_token]
    for _ in range(5):
        tokens.append(lodge.store.refresh(tokens[-1]).refresh_token)
    assert lodge.refresh_refusal(tokens[0]) is SessionRefusal.REUSED
    assert lodge.refresh_refusal(tokens[-1]) is SessionRefusal.REVOKED


def test_nobody_ends_another_s_session_by_inventing_tokens(lodge: Lodge) -> None:
    session = lodge.an_app().id
    tokens = lodge.store.first_tokens(session)
    secret = tokens.refresh_token.reveal().split(".")[1]
    for invented in (f"{session}.{'A' * 43}.{'A' * 22}", f"{session}.{secret}.{'A' * 22}"):
        assert lodge.refresh_refusal(Private(invented)) is SessionRefusal.FORGED
    assert lodge.refresh_refusal(tokens.refresh_token) is None


def test_a_refresh_token_is_no_access_token(lodge: Lodge) -> None:
    tokens = lodge.store.first_tokens(lodge.an_app().id)
    assert lodge.refusal(tokens.refresh_token, APP) is SessionRefusal.MALFORMED
    assert lodge.refresh_refusal(tokens.access_token) is SessionRefusal.MALFORMED


def test_the_same_token_on_many_threads_rotates_once(lodge: Lodge) -> None:
    first = lodge.store.first_tokens(lodge.an_app().id)
    at_once = threading.Barrier(6)

    def refresh(_: int) -> Private[str]:
        at_once.wait()
        return lodge.store.refresh(first.refresh_token).refresh_token

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(refresh, range(6)))
    assert len(answers) == 1
    assert lodge.refresh_refusal(answers.pop()) is None


# --- What is where ---


def test_tokens_hold_no_more_than_our_ids_and_records_no_token(lodge: Lodge) -> None:
    begun, tokens = lodge.a_page(), lodge.store.first_tokens(lodge.an_app().id)
    assert begun.cookie is not None
    assert content_of(begun.cookie.reveal()).keys() == content_of(tokens.access_token.reveal()).keys()
    assert content_of(begun.cookie.reveal()).keys() == {
        *("iss", "aud", "sub", "sid", "role", "kind", "iat", "exp")
    }
    dump = lodge.house.dump()
    for token in (begun.cookie, tokens.access_token, tokens.refresh_token):
        for part in token.reveal().split("."):
            assert part.encode() not in dump or part.startswith("s-")


def test_nothing_of_a_token_is_shown_by_accident(lodge: Lodge) -> None:
    begun, tokens = lodge.a_page(), lodge.store.first_tokens(lodge.an_app().id)
    assert "eyJ" not in repr(begun) + repr(tokens)


def test_who_looks_at_sessions_is_not_in_the_way_of_cleaning_up(lodge: Lodge) -> None:
    begun = lodge.a_page()
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: lodge.refusal(begun.cookie), range(9))) == [None] * 9
        scrub(lodge.engine)
        assert list(threads.map(lambda _: lodge.refusal(begun.cookie), range(9))) == [None] * 9
