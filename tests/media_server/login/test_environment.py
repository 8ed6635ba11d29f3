"""With which provider people log in: by the settings, refused where it could let in the wrong ones."""

from typing import Any

import pytest

from auth import ItsmeSettings, RequestObject
from media_server.errors import BadSettings, RefusedSettings
from media_server.login.environment import itsme_settings
from media_server.settings import load

CERTIFICATE = {"tls_certificate": "c.pem", "tls_key": "k.pem"}
ITSME = {
    "itsme_environment": "prd",
    "itsme_client_id": "our-client",
    "itsme_service_code": "OUR_LOGIN",
    "public_url": "https://consult.example",
    "behind_tls_proxy": True,
}


def itsme(**given: Any) -> ItsmeSettings | None:
    return itsme_settings(load(environment={}, **given), port=8080)


def test_unless_told_otherwise_nobody_logs_in() -> None:
    assert itsme() is None


def test_in_production_it_is_itsme_and_comes_back_to_the_public_address() -> None:
    settings = itsme(**ITSME)
    assert settings is not None
    assert settings.issuer == "https://idp.prd.itsme.services/v2"
    assert settings.authorization_endpoint == "https://idp.prd.itsme.services/v2/authorization"
    assert settings.jwks_uri == "https://idp.prd.itsme.services/v2/jwkSet"
    assert settings.redirect_uri == "https://consult.example/v1/auth/itsme/callback"
    assert (settings.client_id, settings.service_code) == ("our-client", "OUR_LOGIN")
    assert settings.request_object is RequestObject.SIGNED


def test_the_sandbox_is_another_issuer_and_an_operator_may_name_a_third() -> None:
    sandbox = itsme(**ITSME | {"itsme_environment": "e2e", "itsme_request_object": "encrypted"})
    assert sandbox is not None
    assert sandbox.issuer == "https://idp.e2e.itsme.services/v2"
    assert sandbox.request_object is RequestObject.ENCRYPTED
    third = itsme(**ITSME | {"itsme_issuer": "https://idp.example/v2/"})
    assert third is not None
    assert third.token_endpoint == "https://idp.example/v2/token"


def test_the_development_provider_is_our_own_server() -> None:
    settings = itsme(itsme_environment="development")
    assert settings is not None
    assert settings.issuer == "http://127.0.0.1:8080/development-provider/v2"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"itsme_environment": "development", "http_host": "0.0.0.0", "behind_tls_proxy": True}, "HTTP_HOST"),
        ({"itsme_environment": "development", "behind_tls_proxy": True}, "proxy"),
        ({"itsme_environment": "development", "public_url": "https://consult.example"}, "PUBLIC_URL"),
        ({"itsme_environment": "development", **CERTIFICATE}, "TLS_CERTIFICATE"),
        (ITSME | {"itsme_client_id": None}, "ITSME_CLIENT_ID"),
        (ITSME | {"itsme_service_code": None}, "ITSME_SERVICE_CODE"),
        (ITSME | {"public_url": None}, "PUBLIC_URL"),
        (ITSME | {"public_url": "http://localhost:8080"}, "PUBLIC_URL"),
    ],
)
def test_settings_that_would_let_in_the_wrong_people_are_refused_by_name(
    given: dict[str, Any], named: str
) -> None:
    with pytest.raises(RefusedSettings, match=named):
        load(environment={}, **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ITSME_ENVIRONMENT", "production"),
        ("ITSME_CLIENT_ID", "a b"),
        ("ITSME_SERVICE_CODE", "no code"),
        ("ITSME_ISSUER", "http://idp.example/v2"),
        ("ITSME_ISSUER", "https://idp.example/v2?x=1"),
        ("ITSME_REQUEST_OBJECT", "hidden"),
        ("APP_LINKS", "org.example.app://return"),
        ("APP_LINKS", "https://consult.example"),
        ("APP_LINKS", "https://consult.example/app?x=1"),
        ("APP_LINKS", "https://a@consult.example/app"),
        ("APPLE_APP_IDS", "org.other.app"),
        ("ANDROID_APPS", "org.other.app=AB:CD"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named_and_not_quoted(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load(environment={f"TELECONSULT_{name}": value})
    assert name in str(refused.value)
    assert value not in str(refused.value)
