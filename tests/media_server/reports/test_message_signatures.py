"""Signatures as RFC 9421 has them: its own example comes out letter for letter."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from media_server.reports.message_signatures import content_digest, signature_base, signature_params

# RFC 9421 §B.1.4 and §B.2.6; Ed25519 signatures are deterministic (RFC 8032 §5.1.6).
EXAMPLE_KEY = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"
EXAMPLE_PARAMS = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
EXAMPLE_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def test_the_example_of_the_rfc_comes_out() -> None:
    components = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ]
    key = load_der_private_key(b64decode(EXAMPLE_KEY), None)
    assert isinstance(key, Ed25519PrivateKey)
    signature = key.sign(signature_base(components, EXAMPLE_PARAMS))
    assert b64encode(signature).decode() == EXAMPLE_SIGNATURE


def test_the_digest_is_that_of_rfc_9530() -> None:
    # RFC 9530 §B.1: a body of one JSON object.
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_parameters_say_when_until_when_and_by_which_key() -> None:
    assert signature_params(["@method", "content-digest"], 1_700_000_000, "kid-1") == (
        '("@method" "content-digest");created=1700000000;expires=1700000300;keyid="kid-1"'
        ';alg="ed25519";tag="teleconsult-report"'
    )


@pytest.mark.parametrize("value", ["two\nlines", "", "é", "\x00"])
def test_a_value_that_could_be_read_as_another_line_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        signature_base([("x", value)], "()")


@pytest.mark.parametrize("kid", ['a"b', "a\\b", "a\nb", ""])
def test_a_key_id_that_would_need_escaping_is_refused(kid: str) -> None:
    with pytest.raises(ValueError, match="quoted string"):
        signature_params([], 0, kid)
