"""Logging in over HTTP: a browser's journey, an app's, and how each may end."""

import json
from pathlib import Path
from typing import Any

import pytest

from auth import Private, ProviderUnreachable, Role, RsaKeyRing, SessionKind
from auth.itsme.settings import NATIONAL_NUMBER_CLAIM
from media_server.login.routes import APP_RETURN
from tests.auth.itsme.fake_itsme import NUMBER, FakeItsme
from tests.media_server.login.stand import (
    APP_QUERY,
    LINK,
    VERIFIER,
    SessionsInMemory,
    a_site,
    cookie,
    query_of,
)

PAGE = {"role": "patient", "return_to": "/patient?room=a"}


# --- Pages ---


async def test_a_patient_comes_back_to_the_page_with_a_session(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        arrived = await site.log_in(**PAGE)
        assert (arrived.status, arrived.headers["Location"]) == (303, "/patient?room=a")
        session = cookie(arrived, "teleconsult")
        assert session[""] == "opaque.session.token"
        assert (
            session.items() >= {"max-age": "3600", "path": "/", "samesite": "Strict", "httponly": ""}.items()
        )
        [(identity, role, kind)] = site.sessions.began
        assert (identity.national_number, role, kind) == (Private(NUMBER), Role.PATIENT, SessionKind.PAGE)


async def test_over_tls_cookies_are_of_this_host_alone_and_secure(tmp_path: Path, ring: RsaKeyRing) -> None:
    given: dict[str, Any] = {"public_url": "https://consult.example", "behind_tls_proxy": True}
    async with a_site(tmp_path, ring, **given) as site:
        begun = await site.begin(**PAGE)
        browser = cookie(begun, "__Host-teleconsult-login")
        assert browser.items() >= {"path": "/", "samesite": "Lax", "httponly": "", "secure": ""}.items()
        query = site.itsme.consent(Private(begun.headers["Location"]))
        arrived = await site.get(
            "/v1/auth/itsme/callback",
            params=query,
            headers={"Cookie": f"__Host-teleconsult-login={browser['']}"},
        )
        session = cookie(arrived, "__Host-teleconsult")
        assert session.items() >= {"path": "/", "samesite": "Strict", "httponly": "", "secure": ""}.items()
        assert "domain" not in session | browser


async def test_a_doctor_of_the_registry_gets_in_and_another_does_not(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        stranger = await site.log_in(role="doctor", return_to="/doctor")
        assert stranger.headers["Location"] == "/doctor?login=refused"
        assert cookie(stranger, "teleconsult") == {}
        site.sessions.doctors = {NUMBER}
        assert (await site.log_in(role="doctor", return_to="/doctor")).headers["Location"] == "/doctor"


async def test_whoever_says_no_is_told_so_and_getsno_signalling(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        begun = await site.begin(**PAGE)
        state = site.itsme.wanted(Private(begun.headers["Location"]))["state"]
        said = [("error", "access_denied"), ("error_description", "Annelies said no"), ("state", state)]
        ended = await site.come_back(said)
        assert ended.headers["Location"] == "/patient?room=a&login=refused"
        assert site.sessions.began == []


async def test_a_login_that_is_over_begins_anew_at_the_front_page(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        begun = await site.begin(**PAGE)
        query = site.itsme.consent(Private(begun.headers["Location"]))
        site.itsme.clock.now += 300
        assert (await site.come_back(query)).headers["Location"] == "/?login=expired"


async def test_a_browser_that_began_no_login_ends_none(tmp_path: Path, ring: RsaKeyRing) -> None:
    """Somebody sends their victim the end of their own login, to have them type into a wrong account."""
    async with a_site(tmp_path, ring) as site:
        begun = await site.begin(**PAGE)
        query = site.itsme.consent(Private(begun.headers["Location"]))
        site.browser.cookie_jar.clear()
        assert (await site.come_back(query)).headers["Location"] == "/?login=expired"
        assert site.sessions.began == []


@pytest.mark.parametrize(
    "turned",
    [
        {"claims": {NATIONAL_NUMBER_CLAIM: "05061500216"}},
        {"claims": {"nonce": "another"}},
        {"jwe_header": {"kid": "not-ours"}},
        {"clock_ahead_s": 100.0},
    ],
)
async def test_what_is_not_to_be_believed_ends_as_failed(
    tmp_path: Path, ring: RsaKeyRing, turned: dict[str, Any]
) -> None:
    async with a_site(tmp_path, ring) as site:
        for name, value in turned.items():
            setattr(site.itsme, name, value)
        assert (await site.log_in(**PAGE)).headers["Location"] == "/patient?room=a&login=failed"
        assert site.sessions.began == []


class Unreachable(FakeItsme):
    """Somebody pulled the plug of the provider."""

    def __init__(self, itsme: FakeItsme) -> None:
        super().__init__(itsme.settings, itsme.keys, itsme.clock)

    async def get(self, url: str, bearer: Private[str] | None = None) -> Any:
        raise ProviderUnreachable("gone")

    async def post(self, url: str, form: Any) -> Any:
        raise ProviderUnreachable("gone")


async def test_a_provider_that_does_not_answer_ends_as_failed(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring, http=Unreachable) as site:
        assert (await site.log_in(**PAGE)).headers["Location"] == "/patient?room=a&login=failed"


async def test_logins_in_two_tabs_do_not_disturb_each_other(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        first, second = await site.begin(return_to="/patient"), await site.begin(return_to="/doctor")
        for begun, page in ((second, "/doctor"), (first, "/patient")):
            query = site.itsme.consent(Private(begun.headers["Location"]))
            assert (await site.come_back(query)).headers["Location"] == page


async def test_on_ones_own_machine_a_page_under_another_name_moves_to_ours_first(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        moved = await site.get(
            "/v1/auth/itsme/login?role=patient&return_to=/patient",
            headers={"Host": f"localhost:{site.port}"},
        )
        ours = f"http://127.0.0.1:{site.port}/v1/auth/itsme/login?role=patient&return_to=/patient"
        assert (moved.status, moved.headers["Location"]) == (303, ours)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"role": "admin"}, "role"),
        ({"return_to": "https://evil.example"}, "return_to"),
        ({"return_to": "//evil.example"}, "return_to"),
        (APP_QUERY | {"code_challenge_method": "plain"}, "code_challenge_method"),
    ],
)
async def test_a_bad_address_is_answered_with_the_name_of_what_is_wrong(
    tmp_path: Path, ring: RsaKeyRing, query: dict[str, str], name: str
) -> None:
    async with a_site(tmp_path, ring) as site:
        answer = await site.begin(**query)
        document = json.loads(await answer.text())
        assert (answer.status, document["code"]) == (400, "bad-query")
        assert document["detail"].startswith(f"{name}:")
        assert "evil" not in document["detail"]


# --- Apps ---


async def test_an_app_exchanges_its_code_for_tokens_and_these_for_newer_ones(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        arrived = await site.log_in(**APP_QUERY)
        address = arrived.headers["Location"]
        assert address.startswith(f"{LINK}?")
        assert query_of(address)["state"] == "the-apps-own-state"
        assert cookie(arrived, "teleconsult") == {}
        status, tokens = await site.token({"code": query_of(address)["code"], "code_verifier": VERIFIER})
        assert status == 200
        assert tokens == {
            "access_token": "access-s-1",
            "refresh_token": "refresh-s-1",
            "token_type": "Bearer",
            "expires_in": 600,
        }
        assert site.sessions.began[0][2] is SessionKind.APP
        status, newer = await site.token({"refresh_token": tokens["refresh_token"]})
        assert (status, newer["access_token"]) == (200, "access-2")
        status, problem = await site.token({"refresh_token": tokens["refresh_token"]})
        assert (status, problem["code"]) == (400, "invalid-grant")


async def test_a_code_is_good_once_for_a_minute_and_for_who_has_the_verifier(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        for verifier, later_s, again in ((VERIFIER, 0, True), (VERIFIER, 60, False), ("x" * 43, 0, False)):
            code = query_of((await site.log_in(**APP_QUERY)).headers["Location"])["code"]
            if again:
                assert (await site.token({"code": code, "code_verifier": verifier}))[0] == 200
            site.itsme.clock.now += later_s
            status, problem = await site.token({"code": code, "code_verifier": verifier})
            assert (status, problem["code"]) == (400, "invalid-grant")
            assert code not in json.dumps(problem)


@pytest.mark.parametrize(
    "body",
    [{}, [], "code", {"code": "a"}, {"code": 1, "code_verifier": VERIFIER}, {"refresh_token": "x" * 5000},
     {"code": "a", "code_verifier": VERIFIER, "refresh_token": "b"}],
)  # fmt: skip
async def test_anything_else_in_exchange_for_tokens_is_a_bad_body(
    tmp_path: Path, ring: RsaKeyRing, body: Any
) -> None:
    async with a_site(tmp_path, ring) as site:
        status, problem = await site.token(body)
        assert (status, problem["code"]) == (400, "bad-body")


async def test_tokens_are_for_no_other_sites_pages_and_forms(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        status, problem = await site.token({"refresh_token": "a"}, Origin="https://evil.example")
        assert (status, problem["code"]) == (403, "foreign-origin")
        status, problem = await site.token({"refresh_token": "a"}, **{"Content-Type": "text/plain"})
        assert (status, problem["code"]) == (415, "not-json")


async def test_an_app_whose_person_says_no_hears_of_it_with_its_state(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring, sessions=SessionsInMemory()) as site:
        ended = await site.log_in(**APP_QUERY | {"role": "doctor"})
        assert query_of(ended.headers["Location"]) == {"login": "refused", "state": "the-apps-own-state"}


# --- What apps and itsme find here ---


async def test_our_public_keys_are_there_for_itsme_to_keep_for_half_an_hour(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        answer = await site.get("/.well-known/jwks.json")
        assert answer.headers["Cache-Control"] == "public, max-age=1800"
        assert await answer.json() == ring.jwks()


async def test_phones_learn_which_apps_open_our_links(tmp_path: Path, ring: RsaKeyRing) -> None:
    fingerprint = ":".join(["AB"] * 32)
    given: dict[str, Any] = {
        "apple_app_ids": ("ABCDE12345.org.example.app",),
        "android_apps": (f"org.example.app={fingerprint}",),
    }
    async with a_site(tmp_path, ring, **given) as site:
        apple = await (await site.get("/.well-known/apple-app-site-association")).json()
        [details] = apple["applinks"]["details"]
        assert details["appIDs"] == ["ABCDE12345.org.example.app"]
        assert details["components"][0]["/"] == "/app/return"
        [android] = await (await site.get("/.well-known/assetlinks.json")).json()
        assert android["target"]["package_name"] == "org.example.app"
        assert android["target"]["sha256_cert_fingerprints"] == [fingerprint]


async def test_without_apps_there_are_no_such_files(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        for name in ("apple-app-site-association", "assetlinks.json"):
            assert (await site.get(f"/.well-known/{name}")).status == 404


async def test_a_link_that_opened_no_app_ends_at_a_page_with_a_button(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        query = {"code": 'c"><script>', "state": "s&x", "other": "dropped"}
        page = await site.get(APP_RETURN, params=query, headers={"Accept-Language": "de-BE,fr;q=0.5"})
        text = await page.text()
        assert page.status == 200
        assert 'lang="de"' in text
        assert 'href="/app/return?code=c%22%3E%3Cscript%3E&amp;state=s%26x"' in text
        assert 'target="_blank"' in text
        assert "<script" not in text
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert (
            "nicht angemeldet" in await (await site.get(APP_RETURN, headers={"Accept-Language": "de"})).text()
        )
