"""What is asked of itsme."""

import json

from auth import Private, RsaKeyRing
from auth.itsme.authorization import code_challenge, ui_locales
from auth.itsme.settings import NATIONAL_NUMBER_CLAIM
from tests.auth.itsme.fake_itsme import SETTINGS, Stand, query_of


async def test_the_request_says_who_asks_what_and_comes_back_where(stand: Stand) -> None:
    wanted = stand.itsme.wanted(await stand.begin())
    assert wanted["response_type"] == "code"
    assert wanted["client_id"] == SETTINGS.client_id
    assert wanted["redirect_uri"] == SETTINGS.redirect_uri
    assert set(wanted["scope"].split()) == {
        "openid", "service:TELECONSULT_LOGIN", "profile", "phone", "email", "eid",
    }  # fmt: skip
    assert wanted["code_challenge_method"] == "S256"
    assert wanted["ui_locales"] == "nl"
    assert NATIONAL_NUMBER_CLAIM in json.loads(wanted["claims"])["id_token"]


async def test_a_signed_request_keeps_all_that_counts_out_of_the_address(stand: Stand) -> None:
    url = await stand.begin()
    assert set(query_of(url)) == {"client_id", "response_type", "scope", "redirect_uri", "request"}
    wanted = stand.itsme.wanted(url)
    assert int(wanted.get("exp", "0")) - stand.clock.now <= 300


async def test_no_two_logins_share_anything_random(stand: Stand, ring: RsaKeyRing) -> None:
    first, second = [stand.itsme.wanted(await stand.begin()) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name]) >= 43


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = Private("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_only_languages_that_itsme_has_are_asked_for() -> None:
    assert ui_locales("nl") == "nl"
    assert ui_locales("DE fr xx fr") == "de fr"
    assert ui_locales("it") is None
    assert ui_locales(None) is None
