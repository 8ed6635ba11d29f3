"""A provider as large as these tests need, on other code (jwcrypto) than what reads its tokens (joserfc).

Each field of `FakeItsme` is one thing that a test may turn; untouched, a login with it succeeds.
"""

import json
import tempfile
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from jwcrypto.jwe import JWE, default_allowed_algs
from jwcrypto.jwk import JWK, JWKSet
from jwcrypto.jws import JWS

from auth import (
    Acr,
    ItsmeSettings,
    LoginStates,
    MemoryOneTime,
    PendingLogin,
    Private,
    ProviderAnswer,
    RelyingParty,
    RsaKeyRing,
    VerifiedIdentity,
)
from auth.itsme.settings import NATIONAL_NUMBER_CLAIM
from tests.auth.builders import HandClock

ISSUER = "https://idp.itsme.test/v2"
NAME, GIVEN_NAME, NUMBER, PHONE = "Verstraete", "Annelies", "05061500215", "+32 470000001"
PERSON: Mapping[str, Any] = {
    "family_name": NAME,
    "given_name": GIVEN_NAME,
    "gender": "female",
    "locale": "NL",
    "birthdate": "2005-06-15",
    "phone_number": PHONE,
    NATIONAL_NUMBER_CLAIM: NUMBER,
}
SUBJECT = "s-0f3b5c1e9d7a"
BROWSER = Private("the browser's own secret")
CONTEXT = "what the login was for"

SETTINGS = ItsmeSettings.of(
    ISSUER,
    client_id="teleconsult-client",
    service_code="TELECONSULT_LOGIN",
    redirect_uri="https://consult.example/v1/auth/itsme/callback",
)


@cache
def rsa_key(name: str, use: str = "sig") -> JWK:
    """The same key for the same name, in all tests: making one takes longer than using it."""
    return JWK.generate(kty="RSA", size=2048, use=use, kid=f"{name}-{use}")


@contextmanager
def own_keys(clock: HandClock) -> Iterator[RsaKeyRing]:
    with tempfile.TemporaryDirectory(prefix="itsme-") as folder:
        yield RsaKeyRing.open(Path(folder), clock=clock)


def signed(claims: Any, key: JWK | None = None, **header: Any) -> str:
    key = key or rsa_key("itsme")
    protected = {"alg": "RS256", "kid": key["kid"], "typ": "JWT"} | header
    token = JWS(claims if isinstance(claims, str) else json.dumps(claims))
    token.allowed_algs = [*token.allowed_algs, "none"]
    if protected["alg"] == "HS256":  # the classic: our public key taken for a shared secret
        key = JWK(kty="oct", k=urlsafe_b64encode(key.export_to_pem()).decode().rstrip("="))
    token.add_signature(key, None, json.dumps(protected))
    return str(token.serialize(compact=True))


def encrypted(plaintext: str, key: Mapping[str, Any], **header: Any) -> str:
    protected = {"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", "cty": "JWT", "kid": key["kid"]} | header
    kept = {name: value for name, value in protected.items() if value is not None}
    algorithms = [*default_allowed_algs, "RSA1_5", "RSA-OAEP", "A256CBC-HS512"]
    token = JWE(plaintext.encode(), json.dumps(kept), algs=algorithms)
    token.add_recipient(JWK(**key))
    return str(token.serialize(compact=True))


class FakeItsme:
    """Implements `ProviderHttp`, and stands for the person and their browser at the provider's page."""

    def __init__(self, settings: ItsmeSettings, keys: RsaKeyRing, clock: HandClock) -> None:
        self.settings = settings
        self.keys = keys
        self.clock = clock
        # The ID token: claims, the two headers, and with which key.
        self.claims: dict[str, Any] = {}
        self.without: set[str] = set()
        self.jws_header: dict[str, Any] = {}
        self.jwe_header: dict[str, Any] = {}
        self.signing = rsa_key("itsme")
        self.encrypting: Mapping[str, Any] | None = None
        self.id_token: str | None = None  # instead of all that
        # The userinfo answer.
        self.person: Mapping[str, Any] = PERSON
        self.in_userinfo = False
        self.userinfo_claims: dict[str, Any] = {}
        self.userinfo: str | None = None
        # Published keys and documents.
        self.published = [rsa_key("itsme"), rsa_key("itsme", "enc")]
        self.discovery: dict[str, Any] = {}
        self.clock_ahead_s = 0.0
        # What it has seen.
        self.urls: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.used_jtis: set[str] = set()

    # --- The browser's part ---

    def consent(self, url: Private[str]) -> list[tuple[str, str]]:
        """The person agrees; the query with which the browser goes back."""
        wanted = self.wanted(url)
        code = str(uuid.uuid4())
        self.codes[code] = wanted
        return [("code", code), ("state", wanted["state"])]

    def wanted(self, url: Private[str]) -> dict[str, str]:
        """What is asked for; the request object, which has to be signed by us, counts (RFC 9101 §6.3)."""
        outside = dict(parse_qsl(urlsplit(url.reveal()).query))
        if "request" not in outside:
            return outside
        request = outside["request"]
        if request.count(".") == 4:
            opened = JWE(algs=["RSA-OAEP-256", "A128CBC-HS256"])
            opened.deserialize(request, rsa_key("itsme", "enc"))
            request = opened.payload.decode()
        claims = self._ours(request)
        assert claims["iss"] == self.settings.client_id
        assert claims["aud"] == self.settings.issuer
        return {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in claims.items()
        }

    # --- HTTP ---

    async def get(self, url: str, bearer: Private[str] | None = None) -> ProviderAnswer:
        self.urls.append(url)
        if url == self.settings.jwks_uri:
            keys = [key.export_public(as_dict=True) for key in self.published]
            return self._answer(200, {"keys": keys})
        if url == self.settings.discovery_uri:
            names = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
            return self._answer(200, {n: getattr(self.settings, n) for n in names} | self.discovery)
        assert url == self.settings.userinfo_endpoint, "only pinned addresses are called"
        assert bearer == Private("an access token")
        claims = {"iss": ISSUER, "aud": self.settings.client_id, "sub": SUBJECT, **self.person}
        token = self.userinfo or encrypted(signed(claims | self.userinfo_claims), self._our_key())
        return ProviderAnswer(200, token.encode(), self.clock.now)

    async def post(self, url: str, form: Mapping[str, Private[str]]) -> ProviderAnswer:
        self.urls.append(url)
        assert url == self.settings.token_endpoint, "only pinned addresses are called"
        given = {name: value.reveal() for name, value in form.items()}
        self.forms.append(given)
        if (error := self._refusal(given)) is not None:
            return self._answer(400, {"error": error, "detail": f"no {given['code']} for {NAME}"})
        wanted = self.codes.pop(given["code"])
        token = {
            "access_token": "an access token",
            "token_type": "Bearer",
            "id_token": self.id_token or self._id_token(wanted),
            "expires_in": 300,
        }
        return self._answer(200, token)

    def _refusal(self, form: dict[str, str]) -> str | None:
        claims = self._ours(form["client_assertion"])
        of_us = claims["iss"] == claims["sub"] == self.settings.client_id
        in_time = self.clock.now < claims["exp"] <= self.clock.now + 60
        if not of_us or claims["aud"] != self.settings.token_endpoint or not in_time:
            return "invalid_client"
        if claims["jti"] in self.used_jtis:
            return "unauthorized_client"
        self.used_jtis.add(claims["jti"])
        wanted = self.codes.get(form["code"])
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if wanted is None or form["redirect_uri"] != wanted["redirect_uri"]:
            return "invalid_grant"
        return None if challenge == wanted["code_challenge"] else "invalid_grant"

    def _id_token(self, wanted: dict[str, str]) -> str:
        now = int(self.clock.now)
        claims = {
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": self.settings.client_id,
            "nonce": wanted["nonce"],
            "acr": Acr.ADVANCED.value,
            "iat": now,
            "exp": now + 300,
            **({} if self.in_userinfo else self.person),
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if name not in self.without}
        return encrypted(
            signed(kept, self.signing, **self.jws_header),
            self.encrypting or self._our_key(),
            **self.jwe_header,
        )

    def _our_key(self) -> Mapping[str, Any]:
        return next(key for key in self.keys.jwks()["keys"] if key["use"] == "enc")

    def _ours(self, token: str) -> dict[str, Any]:
        """The claims of something that we signed with a key that we publish."""
        published = JWKSet()
        published.import_keyset(json.dumps(self.keys.jwks()))
        header = json.loads(urlsafe_b64decode(token.split(".")[0] + "=="))
        checked = JWS()
        checked.deserialize(token, published.get_key(header["kid"]))
        claims: dict[str, Any] = json.loads(checked.payload)
        return claims

    def _answer(self, status: int, document: Mapping[str, Any]) -> ProviderAnswer:
        return ProviderAnswer(status, json.dumps(document).encode(), self.clock.now + self.clock_ahead_s)


class OpenStates:
    """Implements `LoginStates`, forgets nothing by itself, and lets a test see and change what it holds."""

    def __init__(self) -> None:
        self.logins: dict[str, PendingLogin] = {}

    async def save(self, key: str, value: PendingLogin, ttl_s: float) -> None:
        self.logins[key] = value

    async def take(self, key: str) -> PendingLogin | None:
        return self.logins.pop(key, None)


class Stand:
    """A relying party, the provider it talks to, and what connects them."""

    def __init__(
        self,
        keys: RsaKeyRing,
        clock: HandClock,
        settings: ItsmeSettings = SETTINGS,
        *,
        states: LoginStates | None = None,
        random: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self.clock = clock
        self.keys = keys
        self.itsme = FakeItsme(settings, keys, clock)
        own: MemoryOneTime[PendingLogin] = MemoryOneTime(clock=clock)
        self.relying_party = RelyingParty(
            settings, keys, states or own, self.itsme, clock=clock, monotonic=clock, random=random
        )

    async def begin(self) -> Private[str]:
        return await self.relying_party.begin(BROWSER, CONTEXT, "nl")

    async def end(
        self, query: list[tuple[str, str]], browser: Private[str] | None = BROWSER
    ) -> VerifiedIdentity:
        return await self.relying_party.identify(await self.relying_party.returned(query, browser))

    async def log_in(self) -> VerifiedIdentity:
        return await self.end(self.itsme.consent(await self.begin()))


def query_of(url: Private[str]) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url.reveal()).query)
