"""What the provider does with each request, as itsme documents it. Opens nothing; clock and chance are given.

Only one relying party is known: this server itself.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid5

from jwcrypto.jwk import JWKSet

from auth import ItsmeSettings
from media_server.development_provider.persons import Person
from media_server.development_provider.tokens import NotOurs, ProviderKeys, read

CODE_LIFE_S: Final = 180
TOKEN_LIFE_S: Final = 300
CHOICE_LIFE_S: Final = 600
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ACR: Final = "http://itsme.services/v2/claim/acr_"
_LONGEST_ASSERTION_S: Final = 3600
_MOST: Final = 1000

V = TypeVar("V")


class UnknownClient(Exception):
    """Somebody else asks, or for an address that is not ours: told on a page, never by a redirect."""


class AskedWrongly(Exception):
    """The request is sent back to the relying party with this error (itsme, authorization errors)."""

    def __init__(self, location: str) -> None:
        super().__init__("asked wrongly")
        self.location = location


class CallRefused(Exception):
    """A refused call: status 400, or 401 at userinfo, with `detail` where others have error_description."""

    def __init__(self, error: str, detail: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.detail = detail
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """What the relying party asked for, checked."""

    redirect_uri: str
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    code_challenge: str
    in_id_token: frozenset[str]
    acr: str

    def back(self, **parameters: str) -> str:
        state = {} if self.state is None else {"state": self.state}
        return f"{self.redirect_uri}?{urlencode(parameters | state)}"


@dataclass(frozen=True, slots=True)
class _Grant:
    request: Request
    person: Person


class _Once(Generic[V]):
    """Values until they are taken or their time is up; the oldest go when there are too many."""

    def __init__(self, clock: Callable[[], float], life_s: float) -> None:
        self._clock = clock
        self._life_s = life_s
        self._values: dict[str, tuple[float, V]] = {}

    def put(self, key: str, value: V) -> None:
        while len(self._values) >= _MOST:
            del self._values[next(iter(self._values))]
        self._values[key] = (self._clock() + self._life_s, value)

    def get(self, key: str) -> V | None:
        end, value = self._values.get(key, (float("-inf"), None))
        return value if self._clock() < end else None

    def take(self, key: str) -> V | None:
        value = self.get(key)
        self._values.pop(key, None)
        return value


class Provider:
    """`relying_party` is what that pins of us; `clock` gives Unix time."""

    def __init__(
        self,
        relying_party: ItsmeSettings,
        keys: ProviderKeys,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self.relying_party = relying_party
        self.keys = keys
        self._clock = clock
        self._random = random
        self._choices: _Once[Request] = _Once(clock, CHOICE_LIFE_S)
        self._codes: _Once[_Grant] = _Once(clock, CODE_LIFE_S)
        self._access: _Once[_Grant] = _Once(clock, TOKEN_LIFE_S)
        self._assertions: _Once[bool] = _Once(clock, _LONGEST_ASSERTION_S)

    def discovery(self) -> Mapping[str, Any]:
        ours = self.relying_party
        return {
            "issuer": ours.issuer,
            "authorization_endpoint": ours.authorization_endpoint,
            "token_endpoint": ours.token_endpoint,
            "userinfo_endpoint": ours.userinfo_endpoint,
            "jwks_uri": ours.jwks_uri,
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "id_token_encryption_alg_values_supported": ["RSA-OAEP-256"],
            "id_token_encryption_enc_values_supported": ["A128CBC-HS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "code_challenge_methods_supported": ["S256"],
            "ui_locales_supported": ["fr", "nl", "de", "en"],
        }

    # --- The authorization endpoint ---

    def ask(self, query: Mapping[str, str], keys: JWKSet) -> str:
        """The id under which the person chooses. Raises UnknownClient, AskedWrongly."""
        ours = self.relying_party
        if query.get("client_id") != ours.client_id or query.get("redirect_uri") != ours.redirect_uri:
            raise UnknownClient
        wanted = self._wanted(query, keys)
        request = Request(
            redirect_uri=ours.redirect_uri,
            scopes=frozenset(_text(wanted, "scope").split()),
            state=_text(wanted, "state") or None,
            nonce=_text(wanted, "nonce") or None,
            code_challenge=_text(wanted, "code_challenge"),
            in_id_token=_claims_in_id_token(wanted.get("claims")),
            acr=f"{_ACR}{'advanced' if 'acr_advanced' in _text(wanted, 'acr_values') else 'basic'}",
        )
        if wanted.get("redirect_uri") != ours.redirect_uri or _text(wanted, "response_type") != "code":
            raise AskedWrongly(request.back(error="invalid_request"))
        if not {"openid", f"service:{ours.service_code}"} <= request.scopes:
            raise AskedWrongly(request.back(error="invalid_scope"))
        if _text(wanted, "code_challenge_method") != "S256" or len(request.code_challenge) != 43:
            raise AskedWrongly(request.back(error="invalid_request", error_description="PKCE is required"))
        choice = self._new()
        self._choices.put(choice, request)
        return choice

    def agree(self, choice: str, person: Person) -> str | None:
        """Where the browser goes with its code; None when there is nothing (more) to choose."""
        request = self._choices.take(choice)
        if request is None:
            return None
        code = str(UUID(bytes=self._random(16), version=4))  # 36 characters, as itsme's
        self._codes.put(code, _Grant(request, person))
        return request.back(code=code)

    def refuse(self, choice: str) -> str | None:
        request = self._choices.take(choice)
        if request is None:
            return None
        return request.back(error="access_denied", error_description="The user refused")

    # --- Token and userinfo ---

    def token(self, form: Mapping[str, str], keys: JWKSet) -> Mapping[str, Any]:
        """Raises CallRefused."""
        self._check_assertion(form, keys)
        if form.get("grant_type") != "authorization_code":
            raise CallRefused("invalid_request", "grant_type has to be authorization_code")
        grant = self._codes.take(form.get("code", ""))
        if grant is None:
            raise CallRefused("invalid_grant", "the code is unknown, over or used")
        if form.get("redirect_uri") != grant.request.redirect_uri:
            raise CallRefused("invalid_grant", "redirect_uri is not the one of the authorization request")
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if not compare_digest(challenge, grant.request.code_challenge.encode()):
            raise CallRefused("invalid_grant", "code_verifier does not fit")
        access = self._new()
        self._access.put(access, grant)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE_S,
            "id_token": self.keys.nested(self._id_token(grant), keys),
        }

    def userinfo(self, bearer: str, keys: JWKSet) -> str:
        """A nested token. Raises CallRefused."""
        grant = self._access.get(bearer)
        if grant is None:
            raise CallRefused("invalid_token", "the access token is unknown or over", 401)
        about = {
            name: value
            for scope, claims in grant.person.claims().items()
            if scope in grant.request.scopes
            for name, value in claims.items()
        }
        ours = self.relying_party
        common = {"iss": ours.issuer, "aud": ours.client_id, "sub": self.subject(grant.person)}
        return self.keys.nested(common | about, keys)

    def _wanted(self, query: Mapping[str, str], keys: JWKSet) -> Mapping[str, Any]:
        """The parameters: of a request object alone, where there is one (RFC 9101 §6.3)."""
        ours = self.relying_party
        if "request" not in query:
            return query
        try:
            claims = read(self.keys.opened(query["request"]), keys)
        except NotOurs:
            claims = {}
        now = self._clock()
        if (
            claims.get("iss") != ours.client_id
            or claims.get("client_id") != ours.client_id
            or claims.get("aud") != ours.issuer
            or not isinstance(claims.get("exp"), int)
            or now >= claims["exp"]
        ):
            location = f"{ours.redirect_uri}?{urlencode({'error': 'invalid_request_object'})}"
            raise AskedWrongly(location)
        return claims

    def _check_assertion(self, form: Mapping[str, str], keys: JWKSet) -> None:
        """private_key_jwt (RFC 7523 §3), each used once."""
        ours = self.relying_party
        if form.get("client_assertion_type") != _ASSERTION:
            raise CallRefused("invalid_client", "client_assertion_type is not jwt-bearer")
        try:
            claims = read(form.get("client_assertion", ""), keys)
        except NotOurs as error:
            raise CallRefused("unauthorized_client", f"client_assertion: {error}") from None
        if not claims.get("iss") == claims.get("sub") == ours.client_id:
            raise CallRefused("invalid_client", "client_assertion: iss and sub have to be the client")
        if claims.get("aud") != ours.token_endpoint:
            raise CallRefused("invalid_client", "client_assertion: aud has to be the token endpoint")
        expires, jti, now = claims.get("exp"), claims.get("jti"), self._clock()
        if not isinstance(expires, int) or not now < expires <= now + _LONGEST_ASSERTION_S:
            raise CallRefused("invalid_client", "client_assertion: expired, or lives too long")
        if not isinstance(jti, str) or not 0 < len(jti) <= 255 or self._assertions.get(jti):
            raise CallRefused("invalid_client", "client_assertion: jti is missing, too long or used before")
        self._assertions.put(jti, True)

    def _id_token(self, grant: _Grant) -> Mapping[str, Any]:
        now = int(self._clock())
        request, ours = grant.request, self.relying_party
        asked = {
            name: value
            for scope, claims in grant.person.claims().items()
            if scope in request.scopes
            for name, value in claims.items()
            if name in request.in_id_token
        }
        nonce = {} if request.nonce is None else {"nonce": request.nonce}
        return {
            **asked,
            **nonce,
            "iss": ours.issuer,
            "sub": self.subject(grant.person),
            "aud": ours.client_id,
            "acr": request.acr,
            "iat": now,
            "exp": now + TOKEN_LIFE_S,
        }

    def subject(self, person: Person) -> str:
        """The same for the person at each start, so that the records of a demonstration find them again."""
        return str(uuid5(NAMESPACE_URL, f"urn:teleconsult:{self.relying_party.client_id}:{person.key}"))

    def _new(self) -> str:
        return urlsafe_b64encode(self._random(24)).decode("ascii")


def _text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    return value if isinstance(value, str) else ""


def _claims_in_id_token(claims: Any) -> frozenset[str]:
    """The names in `claims` (OpenID Connect Core §5.5), which is JSON in a query and an object in a token."""
    if isinstance(claims, str):
        try:
            claims = json.loads(claims)
        except ValueError:
            return frozenset()
    asked = claims.get("id_token") if isinstance(claims, dict) else None
    return frozenset(asked) if isinstance(asked, dict) else frozenset()
