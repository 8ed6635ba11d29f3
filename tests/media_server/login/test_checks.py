"""Of the fourteen things that a relying party of itsme verifies, those about our answers to the browser.

The others are in tests/auth/itsme/test_checks.py.
"""

import io
import logging
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from auth import Private, RsaKeyRing, VerifiedIdentity
from media_server import logs
from tests.auth.itsme.fake_itsme import GIVEN_NAME, NAME, NUMBER, PHONE, SUBJECT
from tests.media_server.login.stand import APP_QUERY, VERIFIER, SessionsInMemory, a_site, cookie, query_of

# --- 13. Nothing private in a log; no-store and no-referrer, so that no cache or other site learns a code ---


async def test_13_no_answer_of_a_login_is_kept_and_none_tells_where_it_was(
    tmp_path: Path, ring: RsaKeyRing
) -> None:
    async with a_site(tmp_path, ring) as site:
        begun = await site.begin()
        arrived = await site.log_in()
        app = await site.log_in(**APP_QUERY)
        body = {"code": query_of(app.headers["Location"])["code"], "code_verifier": VERIFIER}
        tokens = await site.browser.post("/v1/auth/token", json=body)
        expired = await site.come_back([("state", "made-up"), ("code", "x")])
        for answer in (begun, arrived, app, tokens, expired):
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_13_the_log_of_logins_that_go_well_and_wrong_tellsno_signalling_of_the_person(
    tmp_path: Path, ring: RsaKeyRing, capture_logs: io.StringIO
) -> None:
    async with a_site(tmp_path, ring) as site:
        begun = await site.begin()
        query = site.itsme.consent(Private(begun.headers["Location"]))
        arrived = await site.come_back(query)
        app = await site.log_in(**APP_QUERY)
        code = query_of(app.headers["Location"])["code"]
        _, tokens = await site.token({"code": code, "code_verifier": VERIFIER})
        site.itsme.claims = {"birthdate": "1905-06-15"}
        await site.log_in(return_to="/patient")
        said = capture_logs.getvalue()
        assert said.count('"login.ended"') == 3, "the log was looked at"
        secrets = {
            NAME, GIVEN_NAME, NUMBER, PHONE, SUBJECT, code, tokens["access_token"], tokens["refresh_token"],
            cookie(arrived, "teleconsult")[""], *(value for _, value in query),
        }  # fmt: skip
        assert [secret for secret in secrets if secret in said] == []


@pytest.fixture
def capture_logs(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The log as an operator has it, at its most talkative."""
    written = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.configure("debug", written)
    return written


# --- 14. Our own session, without the national number ---


async def test_14_the_cookie_is_our_own_and_tells_no_number(tmp_path: Path, ring: RsaKeyRing) -> None:
    async with a_site(tmp_path, ring) as site:
        arrived = await site.log_in()
        assert cookie(arrived, "teleconsult")[""] == "opaque.session.token"
        [form] = site.itsme.forms
        for line in arrived.headers.getall("Set-Cookie"):
            assert not any(part in line for part in (NUMBER, NAME, form["code"], "an access token"))


def in_clear(person: VerifiedIdentity) -> str:
    assert person.national_number is not None
    return f"patient-{person.national_number.reveal()}"


def in_base64(person: VerifiedIdentity) -> str:
    return f"header.{urlsafe_b64encode(in_clear(person).encode()).decode().rstrip('=')}.signature"


@pytest.mark.parametrize("cookie_of", [in_clear, in_base64])
async def test_14_a_session_that_would_tell_the_number_is_not_given_out(
    tmp_path: Path, ring: RsaKeyRing, cookie_of: object
) -> None:
    sessions = SessionsInMemory(cookie_of=cookie_of)  # type: ignore[arg-type]  # one of the two above
    async with a_site(tmp_path, ring, sessions=sessions) as site:
        answer = await site.log_in()
        assert answer.status == 500
        assert cookie(answer, "teleconsult") == {}
        assert NUMBER not in await answer.text()
