"""The fourteen things that a relying party of itsme verifies: in each test one of them alone fails.

The numbers are those of the list that the code is held to. Of 13 and 14, which are about our own answers to
the browser, the other half is in tests/media_server/login/test_checks.py.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from jwcrypto.jwk import JWK

from auth import (
    Acr,
    ItsmeSettings,
    KeyUse,
    LoginExpired,
    LoginFailed,
    LoginFault,
    LoginRefused,
    Private,
    RequestObject,
    RsaKeyRing,
)
from auth.identifiers import Sex
from auth.itsme.provider import FORCED_INTERVAL_S, FRESH_S
from auth.itsme.settings import NATIONAL_NUMBER_CLAIM
from tests.auth.builders import HandClock
from tests.auth.itsme.fake_itsme import (
    BROWSER,
    CONTEXT,
    GIVEN_NAME,
    ISSUER,
    NAME,
    NUMBER,
    PERSON,
    PHONE,
    SETTINGS,
    SUBJECT,
    FakeItsme,
    OpenStates,
    Stand,
    encrypted,
    own_keys,
    query_of,
    rsa_key,
    signed,
)

Turn = Callable[[FakeItsme], None]


def set_(**fields: Any) -> Turn:
    """Turn these fields of the provider."""

    def turn(itsme: FakeItsme) -> None:
        for name, value in fields.items():
            assert hasattr(itsme, name)
            setattr(itsme, name, value)

    return turn


async def fault_of(stand: Stand, turn: Turn | None = None) -> LoginFault:
    if turn is not None:
        turn(stand.itsme)
    with pytest.raises(LoginFailed) as failed:
        await stand.log_in()
    return failed.value.fault


# --- With nothing wrong ---


async def test_with_nothing_wrong_it_is_the_person_whom_itsme_says(stand: Stand) -> None:
    person = await stand.log_in()
    assert person.subject == Private(SUBJECT)
    assert (person.family_name, person.given_name) == (Private(NAME), Private(GIVEN_NAME))
    assert person.birthdate == Private(date(2005, 6, 15))
    assert person.national_number == Private(NUMBER)
    assert person.phone == Private(PHONE)
    assert person.gender == Private(Sex.FEMALE)
    assert (person.issuer, person.acr, person.locale, person.email) == (ISSUER, Acr.ADVANCED, "nl", None)
    assert person.verified_at == stand.clock.now


@pytest.mark.parametrize("request_object", RequestObject)
async def test_with_any_form_of_request_it_succeeds(ring: RsaKeyRing, request_object: RequestObject) -> None:
    settings = ItsmeSettings.of(
        ISSUER,
        client_id=SETTINGS.client_id,
        service_code=SETTINGS.service_code,
        redirect_uri=SETTINGS.redirect_uri,
        request_object=request_object,
    )
    assert (await Stand(ring, HandClock(), settings).log_in()).national_number == Private(NUMBER)


async def test_with_the_person_in_userinfo_only_it_succeeds(stand: Stand) -> None:
    stand.itsme.in_userinfo = True
    assert (await stand.log_in()).family_name == Private(NAME)


# --- 1. state: present, bound to the browser, at most 5 minutes old, used up before the code exchange ---


async def test_1_a_return_without_state_is_refused(stand: Stand) -> None:
    query = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginFailed) as failed:
        await stand.end([pair for pair in query if pair[0] != "state"])
    assert failed.value.fault is LoginFault.STATE


async def test_1_a_state_that_we_never_gave_is_refused(stand: Stand) -> None:
    code, _ = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginExpired):
        await stand.end([code, ("state", "made-up")])


async def test_1_two_states_are_refused(stand: Stand) -> None:
    query = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginFailed) as failed:
        await stand.end([*query, ("state", "another")])
    assert failed.value.fault is LoginFault.STATE


@pytest.mark.parametrize("browser", [None, Private("another browser's secret")])
async def test_1_a_state_of_another_browser_is_refused(stand: Stand, browser: Private[str] | None) -> None:
    query = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginExpired):
        await stand.end(query, browser)
    assert stand.itsme.forms == []


async def test_1_a_state_older_than_five_minutes_is_refused(stand: Stand) -> None:
    url = await stand.begin()
    stand.clock.now += 299
    query = stand.itsme.consent(url)
    stand.clock.now += 1
    with pytest.raises(LoginExpired):
        await stand.end(query)


async def test_1_a_state_is_too_old_even_where_the_store_forgets_to_forget_it(ring: RsaKeyRing) -> None:
    stand = Stand(ring, HandClock(), states=OpenStates())
    query = stand.itsme.consent(await stand.begin())
    stand.clock.now += 300
    with pytest.raises(LoginExpired):
        await stand.end(query)


async def test_1_a_state_is_used_up_before_the_code_is_exchanged(stand: Stand) -> None:
    url = await stand.begin()
    stand.itsme.used_jtis = Everything()  # so that the exchange fails
    with pytest.raises(LoginFailed):
        await stand.end(stand.itsme.consent(url))
    stand.itsme.used_jtis = set()
    with pytest.raises(LoginExpired):
        await stand.end(stand.itsme.consent(url))
    assert len(stand.itsme.forms) == 1


class Everything(set[str]):
    def __contains__(self, each: object) -> bool:
        return True


# --- 2. The redirect carries exactly one of code and error; an error uses the state up, too ---


@pytest.mark.parametrize(
    "query",
    [
        [],
        [("code", "a"), ("error", "access_denied")],
        [("code", "a"), ("code", "b")],
        [("error", "access_denied"), ("error", "login_required")],
        [("code", "")],
        [("code", "a" * 2049)],
    ],
)
async def test_2_anything_but_one_code_or_one_error_is_refused(
    stand: Stand, query: list[tuple[str, str]]
) -> None:
    [state] = [pair for pair in stand.itsme.consent(await stand.begin()) if pair[0] == "state"]
    with pytest.raises(LoginFailed) as failed:
        await stand.end([*query, state])
    assert failed.value.fault is LoginFault.RESPONSE
    assert stand.itsme.forms == []


async def test_2_an_error_uses_the_state_up_too(stand: Stand) -> None:
    code, state = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginRefused):
        await stand.end([("error", "access_denied"), ("error_description", "The user said no"), state])
    with pytest.raises(LoginExpired):
        await stand.end([code, state])


@pytest.mark.parametrize("error", ["invalid_request", "temporary_unavailable", "words of somebody's own"])
async def test_2_an_error_that_is_no_refusal_is_a_failure(stand: Stand, error: str) -> None:
    _, state = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginFailed) as failed:
        await stand.end([("error", error), state])
    assert failed.value.fault is LoginFault.PROVIDER_ERROR


async def test_2_a_redirect_of_another_issuer_is_refused(stand: Stand) -> None:
    query = stand.itsme.consent(await stand.begin())
    with pytest.raises(LoginFailed) as failed:
        await stand.end([*query, ("iss", "https://other.example")])
    assert failed.value.fault is LoginFault.ISSUER_OF_RESPONSE


# --- 3. The PKCE verifier stays with us; redirect_uri is the same both times, byte for byte ---


async def test_3_the_verifier_is_shown_at_the_token_call_only_and_has_to_fit(ring: RsaKeyRing) -> None:
    states = OpenStates()
    stand = Stand(ring, HandClock(), states=states)
    url = await stand.begin()
    query = stand.itsme.consent(url)
    [(key, login)] = states.logins.items()
    assert login.code_verifier.reveal() not in url.reveal()
    assert 43 <= len(login.code_verifier.reveal()) <= 128
    states.logins[key] = replace(login, code_verifier=Private("x" * 64))
    with pytest.raises(LoginFailed) as failed:
        await stand.end(query)
    assert failed.value.fault is LoginFault.TOKEN_ENDPOINT


async def test_3_the_redirect_uri_of_the_token_call_is_the_first_one(stand: Stand) -> None:
    url = await stand.begin()
    await stand.end(stand.itsme.consent(url))
    assert stand.itsme.forms[0]["redirect_uri"] == stand.itsme.wanted(url)["redirect_uri"]
    assert query_of(url)["redirect_uri"] == [SETTINGS.redirect_uri]


async def test_3_a_code_for_another_redirect_uri_is_refused_by_the_provider(stand: Stand) -> None:
    query = stand.itsme.consent(await stand.begin())
    stand.itsme.codes[query[0][1]]["redirect_uri"] += "/"
    with pytest.raises(LoginFailed) as failed:
        await stand.end(query)
    assert failed.value.fault is LoginFault.TOKEN_ENDPOINT


# --- 4. The ID token is encrypted for us, in one of few ways ---


async def test_4_a_token_that_is_signed_only_is_refused(stand: Stand) -> None:
    claims = {"iss": ISSUER, "aud": SETTINGS.client_id, "sub": SUBJECT}
    assert await fault_of(stand, set_(id_token=signed(claims))) is LoginFault.NOT_ENCRYPTED


@pytest.mark.parametrize("header", [{"alg": "RSA1_5"}, {"enc": "A256CBC-HS512"}, {"enc": "A128GCM"}])
async def test_4_other_algorithms_are_refused(stand: Stand, header: dict[str, str]) -> None:
    assert await fault_of(stand, set_(jwe_header=header)) is LoginFault.ENCRYPTION_ALGORITHM


@pytest.mark.parametrize("header", [{"alg": "RSA-OAEP"}, {"enc": "A256GCM"}])
async def test_4_the_other_algorithms_of_itsme_are_taken(stand: Stand, header: dict[str, str]) -> None:
    stand.itsme.jwe_header = header
    await stand.log_in()


@pytest.mark.parametrize("header", [{"zip": "DEF"}, {"cty": None}, {"cty": "text"}])
async def test_4_compressed_or_unnamed_content_is_refused(stand: Stand, header: dict[str, Any]) -> None:
    assert await fault_of(stand, set_(jwe_header=header)) is LoginFault.ENCRYPTION_HEADER


@pytest.mark.parametrize("header", [{"kid": "not-ours"}, {"kid": None}, {"kid": ""}])
async def test_4_a_key_id_that_is_not_ours_is_refused(stand: Stand, header: dict[str, Any]) -> None:
    assert await fault_of(stand, set_(jwe_header=header)) is LoginFault.ENCRYPTION_KEY


async def test_4_the_id_of_our_signing_key_is_refused(stand: Stand) -> None:
    header = {"kid": stand.keys.signing().kid}
    assert await fault_of(stand, set_(jwe_header=header)) is LoginFault.ENCRYPTION_KEY


async def test_4_what_was_encrypted_for_somebody_else_is_refused(stand: Stand) -> None:
    ours = next(key["kid"] for key in stand.keys.jwks()["keys"] if key["use"] == "enc")
    theirs = rsa_key("somebody", "enc").export_public(as_dict=True) | {"kid": ours}
    assert await fault_of(stand, set_(encrypting=theirs)) is LoginFault.DECRYPTION


@pytest.mark.parametrize("segment", range(5))
async def test_4_a_token_that_was_changed_on_the_way_is_refused(stand: Stand, segment: int) -> None:
    url = await stand.begin()
    query = stand.itsme.consent(url)
    parts = stand.itsme._id_token(stand.itsme.wanted(url)).split(".")
    middle = len(parts[segment]) // 2
    other = "A" if parts[segment][middle] != "A" else "B"
    parts[segment] = parts[segment][:middle] + other + parts[segment][middle + 1 :]
    stand.itsme.id_token = ".".join(parts)
    with pytest.raises(LoginFailed):
        await stand.end(query)


async def test_4_a_key_that_we_replaced_still_decrypts_for_a_day_and_then_no_longer() -> None:
    clock = HandClock()
    with own_keys(clock) as keys:
        stand = Stand(keys, clock)
        stand.itsme.encrypting = stand.itsme._our_key()
        keys.rotate(KeyUse.DECRYPTION)
        clock.now += 24 * 3600
        await stand.log_in()
        clock.now += 61
        assert await fault_of(stand) is LoginFault.ENCRYPTION_KEY


@pytest.mark.parametrize("token", ["", "....", "a.b.c.d.e", ". . . . .", "é.é.é.é.é", "x" * 400_000])
async def test_4_what_is_no_token_at_all_is_refused(stand: Stand, token: str) -> None:
    itsme = stand.itsme
    itsme.in_userinfo, itsme.userinfo = True, token or " "
    faults = {
        LoginFault.NOT_ENCRYPTED, LoginFault.ENCRYPTION_HEADER, LoginFault.ENCRYPTION_ALGORITHM,
        LoginFault.TOO_LARGE,
    }  # fmt: skip
    assert await fault_of(stand) in faults


async def test_4_there_is_room_for_a_photograph_and_not_for_more(stand: Stand) -> None:
    photo = "http://itsme.services/v2/claim/physical_person_photo"
    stand.itsme.claims = {photo: {"format": "jpeg", "value": "x" * 100_000}}
    await stand.log_in()
    stand.itsme.claims = {photo: {"format": "jpeg", "value": "x" * 250_000}}
    assert await fault_of(stand) is LoginFault.TOO_LARGE


# --- 5. What is inside is signed by the provider ---


async def test_5_what_is_inside_has_to_be_signed(stand: Stand) -> None:
    token = encrypted('{"sub": "me"}', stand.itsme._our_key())
    assert await fault_of(stand, set_(id_token=token)) is LoginFault.NOT_SIGNED


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "RS512"])
async def test_5_other_signatures_are_refused(stand: Stand, algorithm: str) -> None:
    assert await fault_of(stand, set_(jws_header={"alg": algorithm})) is LoginFault.SIGNATURE_ALGORITHM


async def test_5_a_signature_of_somebody_else_is_refused(stand: Stand) -> None:
    turn = set_(signing=rsa_key("somebody"), jws_header={"kid": rsa_key("itsme")["kid"]})
    assert await fault_of(stand, turn) is LoginFault.SIGNATURE


async def test_5_a_key_that_the_provider_does_not_publish_is_refused(stand: Stand) -> None:
    assert await fault_of(stand, set_(signing=rsa_key("somebody"))) is LoginFault.SIGNATURE_KEY


async def test_5_the_providers_encryption_key_signs_nothing(stand: Stand) -> None:
    misused = JWK(**rsa_key("itsme", "enc").export(as_dict=True) | {"use": "sig"})
    assert await fault_of(stand, set_(signing=misused)) is LoginFault.SIGNATURE_KEY


async def test_5_a_critical_header_that_we_do_not_know_is_refused(stand: Stand) -> None:
    turn = set_(jws_header={"crit": ["b64"], "b64": True})
    assert await fault_of(stand, turn) is LoginFault.NOT_SIGNED


async def test_5_the_providers_keys_are_asked_for_once_more_when_it_has_a_new_one(stand: Stand) -> None:
    await stand.log_in()
    stand.itsme.signing = rsa_key("next")
    stand.itsme.published = [rsa_key("itsme"), rsa_key("next")]
    stand.clock.now += FORCED_INTERVAL_S
    await stand.log_in()


async def test_5_made_up_key_ids_make_us_ask_no_more_than_every_half_minute(stand: Stand) -> None:
    for _ in range(5):
        assert await fault_of(stand, set_(signing=rsa_key("somebody"))) is LoginFault.SIGNATURE_KEY
        stand.clock.now += FORCED_INTERVAL_S / 4
    assert stand.itsme.urls.count(SETTINGS.jwks_uri) == 2


async def test_5_a_key_that_the_provider_took_away_is_not_believed_on(stand: Stand) -> None:
    await stand.log_in()
    stand.itsme.published = [rsa_key("next")]
    stand.clock.now += FRESH_S
    assert await fault_of(stand) is LoginFault.SIGNATURE_KEY


# --- 6. Issuer, audience, times and nonce ---


async def test_6_another_issuer_is_refused(stand: Stand) -> None:
    assert await fault_of(stand, set_(claims={"iss": f"{ISSUER}/"})) is LoginFault.ISSUER


@pytest.mark.parametrize("audience", ["other-client", ["other-client"], [], None, {"teleconsult-client": 1}])
async def test_6_a_token_for_another_client_is_refused(stand: Stand, audience: Any) -> None:
    assert await fault_of(stand, set_(claims={"aud": audience})) is LoginFault.AUDIENCE


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["teleconsult-client", "other"]},
        {"aud": ["teleconsult-client", "other"], "azp": "other"},
        {"azp": "other"},
    ],
)
async def test_6_a_token_that_another_client_was_given_is_refused(
    stand: Stand, claims: dict[str, Any]
) -> None:
    assert await fault_of(stand, set_(claims=claims)) is LoginFault.AUTHORIZED_PARTY


async def test_6_a_token_for_several_that_we_were_given_is_taken(stand: Stand) -> None:
    stand.itsme.claims = {"aud": ["teleconsult-client", "other"], "azp": "teleconsult-client"}
    await stand.log_in()


@pytest.mark.parametrize(
    ("name", "seconds"), [("exp", -60), ("iat", 61), ("nbf", 61)], ids=["expired", "from-later", "not-yet"]
)
async def test_6_a_token_of_another_time_is_refused(stand: Stand, name: str, seconds: int) -> None:
    claims = {name: int(stand.clock.now) + seconds}
    assert await fault_of(stand, set_(claims=claims)) is LoginFault.TIME


@pytest.mark.parametrize(("name", "seconds"), [("exp", -59), ("iat", 60), ("nbf", 60)])
async def test_6_clocks_may_differ_by_a_minute(stand: Stand, name: str, seconds: int) -> None:
    stand.itsme.claims = {name: int(stand.clock.now) + seconds}
    await stand.log_in()


@pytest.mark.parametrize("name", ["exp", "iat"])
async def test_6_a_token_without_its_times_is_refused(stand: Stand, name: str) -> None:
    assert await fault_of(stand, set_(without={name})) is LoginFault.TIME


@pytest.mark.parametrize("value", ["1800000300", True, -1, 1e300, [1], float("nan")])
async def test_6_a_time_that_is_no_number_is_refused(stand: Stand, value: Any) -> None:
    assert await fault_of(stand, set_(claims={"exp": value})) is LoginFault.TIME


@pytest.mark.parametrize("nonce", ["another", "", 7, None, "\ud800"])
async def test_6_another_nonce_is_refused(stand: Stand, nonce: Any) -> None:
    assert await fault_of(stand, set_(claims={"nonce": nonce})) is LoginFault.NONCE


async def test_6_the_token_of_an_earlier_login_is_refused(stand: Stand) -> None:
    """Its nonce was that login's, and is not asked for again."""
    url = await stand.begin()
    earlier = stand.itsme._id_token(stand.itsme.wanted(url))
    assert await fault_of(stand, set_(id_token=earlier)) is LoginFault.NONCE


# --- 7. Claims in the outer header are those inside ---


@pytest.mark.parametrize("header", [{"iss": "https://other.example"}, {"aud": "other"}, {"sub": "other"}])
async def test_7_a_header_that_says_something_else_is_refused(stand: Stand, header: dict[str, str]) -> None:
    assert await fault_of(stand, set_(jwe_header=header)) is LoginFault.HEADER_CLAIMS


async def test_7_a_header_that_says_the_same_is_taken(stand: Stand) -> None:
    stand.itsme.jwe_header = {"iss": ISSUER, "aud": SETTINGS.client_id, "sub": SUBJECT}
    await stand.log_in()


# --- 8. acr is at least what was asked for, where it is said ---


@pytest.mark.parametrize("acr", [Acr.BASIC.value, "http://itsme.services/v2/claim/acr_other", 3, ["x"]])
async def test_8_a_weaker_or_unknown_way_of_proving_is_refused(stand: Stand, acr: Any) -> None:
    assert await fault_of(stand, set_(claims={"acr": acr})) is LoginFault.ACR


async def test_8_where_itsme_does_not_say_it_the_signed_request_has_asked_for_it(stand: Stand) -> None:
    stand.itsme.without = {"acr"}
    url = await stand.begin()
    assert stand.itsme.wanted(url)["acr_values"] == Acr.ADVANCED.value
    assert (await stand.end(stand.itsme.consent(url))).acr is None


# --- 9. userinfo: the same checks, and the same person ---


async def test_9_userinfo_about_somebody_else_is_refused(stand: Stand) -> None:
    assert (
        await fault_of(stand, set_(in_userinfo=True, userinfo_claims={"sub": "other"})) is LoginFault.SUBJECT
    )


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"iss": "https://other.example"}, LoginFault.ISSUER),
        ({"aud": "other"}, LoginFault.AUDIENCE),
        ({"exp": 1}, LoginFault.TIME),
    ],
)
async def test_9_userinfo_of_or_for_others_or_of_long_ago_is_refused(
    stand: Stand, claims: dict[str, Any], fault: LoginFault
) -> None:
    assert await fault_of(stand, set_(in_userinfo=True, userinfo_claims=claims)) is fault


async def test_9_userinfo_that_is_not_encrypted_is_refused(stand: Stand) -> None:
    token = signed({"iss": ISSUER, "aud": SETTINGS.client_id, "sub": SUBJECT, **PERSON})
    assert await fault_of(stand, set_(in_userinfo=True, userinfo=token)) is LoginFault.NOT_ENCRYPTED


async def test_9_userinfo_signed_by_somebody_else_is_refused(stand: Stand) -> None:
    claims = {"iss": ISSUER, "aud": SETTINGS.client_id, "sub": SUBJECT, **PERSON}
    forged = signed(claims, rsa_key("somebody"), kid=rsa_key("itsme")["kid"])
    token = encrypted(forged, stand.itsme._our_key())
    assert await fault_of(stand, set_(in_userinfo=True, userinfo=token)) is LoginFault.SIGNATURE


# --- 10. The national number: 11 digits, right check digits, and of the day of birth ---


@pytest.mark.parametrize(
    "number", ["05061500216", "0506150021", "05.06.15-002.15", 5061500215, "", "\u0660" * 11]
)
async def test_10_what_is_no_national_number_is_refused(stand: Stand, number: Any) -> None:
    assert await fault_of(stand, set_(claims={NATIONAL_NUMBER_CLAIM: number})) is LoginFault.NATIONAL_NUMBER


@pytest.mark.parametrize("birthdate", ["1905-06-15", "2005-06-16", "2005-05-15"])
async def test_10_a_number_of_another_day_of_birth_is_refused(stand: Stand, birthdate: str) -> None:
    assert await fault_of(stand, set_(claims={"birthdate": birthdate})) is LoginFault.NATIONAL_NUMBER


async def test_10_a_bis_number_need_not_know_the_day_of_birth(stand: Stand) -> None:
    stand.itsme.claims = {NATIONAL_NUMBER_CLAIM: "98472899765", "birthdate": "1998-01-01"}
    assert (await stand.log_in()).national_number == Private("98472899765")


async def test_10_a_number_without_a_birthdate_is_taken(stand: Stand) -> None:
    stand.itsme.person = {name: value for name, value in PERSON.items() if name != "birthdate"}
    assert (await stand.log_in()).national_number == Private(NUMBER)


async def test_10_people_with_foreign_documents_have_none(stand: Stand) -> None:
    stand.itsme.without = {NATIONAL_NUMBER_CLAIM}
    assert (await stand.log_in()).national_number is None


# --- 11. Issuer and endpoints are pinned ---


@pytest.mark.parametrize("name", ["issuer", "token_endpoint", "userinfo_endpoint", "jwks_uri"])
async def test_11_another_discovery_document_raises_an_alarm_and_changes_nothing(
    stand: Stand, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stand.itsme.discovery = {name: "https://evil.example/v2"}
    assert await stand.relying_party.check_discovery() == (name,)
    [alarm] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (alarm.message, vars(alarm)["setting"]) == ("itsme.discovery_differs", name)
    stand.itsme.in_userinfo = True
    await stand.log_in()  # the fake would not have answered at another address
    assert not any("evil" in url for url in stand.itsme.urls)


async def test_11_the_discovery_document_that_we_know_raises_none(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    assert await stand.relying_party.check_discovery() == ()
    assert caplog.records == []


# --- 12. Ours to the provider: a fresh jti each time, a minute to live, and a clock that is right ---


async def test_12_each_assertion_has_its_own_id_and_lives_a_minute(stand: Stand) -> None:
    for _ in range(3):
        await stand.log_in()
    claims = [stand.itsme._ours(form["client_assertion"]) for form in stand.itsme.forms]
    assert len({each["jti"] for each in claims}) == 3
    assert all(0 < each["exp"] - stand.clock.now <= 60 for each in claims)


async def test_12_an_assertion_used_again_would_be_refused(ring: RsaKeyRing) -> None:
    stand = Stand(ring, HandClock(), random=lambda count: b"7" * count)
    await stand.log_in()
    assert await fault_of(stand) is LoginFault.TOKEN_ENDPOINT


@pytest.mark.parametrize("seconds", [-61, 61])
async def test_12_a_clock_that_differs_from_the_providers_ends_the_login(
    stand: Stand, seconds: float
) -> None:
    assert await fault_of(stand, set_(clock_ahead_s=seconds)) is LoginFault.CLOCK


# --- 13. No token, code, number or name in a log, an error or an address that we call ---


@pytest.mark.parametrize(
    "turn",
    [
        set_(),
        set_(in_userinfo=True),
        set_(claims={"birthdate": "1905-06-15"}),
        set_(claims={"sub": 7}),
        set_(used_jtis=Everything()),
        set_(jwe_header={"kid": "not-ours"}),
    ],
    ids=["well", "userinfo", "number", "subject", "refused", "key"],
)
async def test_13_nothing_private_is_logged_or_said(
    stand: Stand, turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    turn(stand.itsme)
    url = await stand.begin()
    query = stand.itsme.consent(url)
    told = ""
    try:
        person = await stand.end(query)
        told += f"{person!r} {person}"
    except LoginFailed as failed:
        told += f"{failed!r} {failed}"
    told += " ".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)
    told += " ".join(stand.itsme.urls)
    secrets = {
        NAME, GIVEN_NAME, NUMBER, PHONE, SUBJECT, "2005", *(value for _, value in query),
        *stand.itsme.forms[0].values(), stand.itsme.wanted(url)["nonce"], BROWSER.reveal(),
    } - {"authorization_code", SETTINGS.redirect_uri}  # fmt: skip
    assert [secret for secret in secrets if secret in told] == []


async def test_13_what_a_login_waits_with_shows_nothing(ring: RsaKeyRing) -> None:
    states = OpenStates()
    await Stand(ring, HandClock(), states=states).begin()
    [(key, login)] = states.logins.items()
    assert login.context == CONTEXT
    assert BROWSER.reveal() not in login.to_json() + key
    assert "nonce=<private>" in repr(login)
