"""What we send to the provider: the authorization request and our proofs of who we are. Pure.

OpenID Connect Core §3.1.2.1; PKCE (RFC 7636); request objects (RFC 9101); private_key_jwt (RFC 7523 §2.2).
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwe, jws
from joserfc.jwk import RSAKey

from auth.itsme.one_time import PendingLogin
from auth.itsme.rsa_keys import RsaKey
from auth.itsme.settings import (
    BIRTHDATE_AS_STRING_CLAIM,
    NATIONAL_NUMBER_CLAIM,
    UI_LOCALES,
    ItsmeSettings,
    RequestObject,
)
from auth.private import Private

ASSERTION_LIFE_S: Final = 60
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REQUEST_LIFE_S: Final = 300

_KEY_ALGORITHM: Final = "RSA-OAEP-256"
_CONTENT_ALGORITHM: Final = "A128CBC-HS256"
# Of each scope, what we use. Named one by one so that they come in the ID token and no second call is needed.
_CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        "family_name", "given_name", "gender", "locale", "birthdate", BIRTHDATE_AS_STRING_CLAIM
    ),
    "phone": ("phone_number",),
    "email": ("email",),
    "eid": (NATIONAL_NUMBER_CLAIM,),
}  # fmt: skip


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def code_challenge(verifier: Private[str]) -> str:
    """S256 (RFC 7636 §4.2)."""
    return base64url(sha256(verifier.reveal().encode("ascii")).digest())


def ui_locales(wanted: str | None) -> str | None:
    """The languages among those wanted that itsme's screens have, or None."""
    known = [each for each in (wanted or "").lower().split(" ") if each in UI_LOCALES]
    return " ".join(dict.fromkeys(known)) or None


def parameters(
    settings: ItsmeSettings, login: PendingLogin, state: Private[str], locales: str | None
) -> dict[str, str]:
    """What is asked of the provider, by name."""
    claims = [name for scope in settings.scopes for name in _CLAIMS.get(scope, ())]
    wanted = {
        "client_id": settings.client_id,
        "response_type": "code",
        "scope": settings.scope,
        "redirect_uri": settings.redirect_uri,
        "state": state.reveal(),
        "nonce": login.nonce.reveal(),
        "code_challenge": code_challenge(login.code_verifier),
        "code_challenge_method": "S256",
        "acr_values": login.acr.value,
        "claims": json.dumps({"id_token": dict.fromkeys(claims)}, separators=(",", ":")),
    }
    languages = ui_locales(locales)
    return wanted if languages is None else wanted | {"ui_locales": languages}


def authorization_url(
    settings: ItsmeSettings,
    wanted: Mapping[str, str],
    signing: RsaKey,
    encrypting: tuple[str, RSAKey] | None,
    now: float,
) -> str:
    """Where the browser is sent. `encrypting`: the provider's key, for an encrypted request object."""
    if settings.request_object is RequestObject.NONE:
        return f"{settings.authorization_endpoint}?{urlencode(wanted)}"
    request = _signed(
        {
            **{name: json.loads(value) if name == "claims" else value for name, value in wanted.items()},
            "iss": settings.client_id,
            "aud": settings.issuer,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + REQUEST_LIFE_S,
        },
        signing,
        "oauth-authz-req+jwt",
    )
    if encrypting is not None:
        request = _encrypted(request, *encrypting)
    # What OpenID Connect Core §6.1 wants outside as well; where they differ, the object counts.
    outside = {name: wanted[name] for name in ("client_id", "response_type", "scope", "redirect_uri")}
    return f"{settings.authorization_endpoint}?{urlencode(outside | {'request': request})}"


def client_assertion(settings: ItsmeSettings, signing: RsaKey, jti: str, now: float) -> Private[str]:
    """Who calls the token endpoint: good for a minute there, and once."""
    claims = {
        "iss": settings.client_id,
        "sub": settings.client_id,
        "aud": settings.token_endpoint,
        "jti": jti,
        "iat": int(now),
        "exp": int(now) + ASSERTION_LIFE_S,
    }
    return Private(_signed(claims, signing, "JWT"))


def token_form(
    settings: ItsmeSettings, login: PendingLogin, code: Private[str], assertion: Private[str]
) -> Mapping[str, Private[str]]:
    """The body of the token call (RFC 6749 §4.1.3). `redirect_uri` is the same setting as at first."""
    return {
        "grant_type": Private("authorization_code"),
        "code": code,
        "redirect_uri": Private(settings.redirect_uri),
        "code_verifier": login.code_verifier,
        "client_assertion_type": Private(ASSERTION_TYPE),
        "client_assertion": assertion,
    }


def _signed(claims: Mapping[str, Any], key: RsaKey, type_: str) -> str:
    header = {"alg": "RS256", "kid": key.kid, "typ": type_}
    text = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(header, text, key.jwk, algorithms=["RS256"])


def _encrypted(signed: str, kid: str, key: RSAKey) -> str:
    header = {"alg": _KEY_ALGORITHM, "enc": _CONTENT_ALGORITHM, "cty": "JWT", "kid": kid}
    return jwe.encrypt_compact(header, signed, key, algorithms=[_KEY_ALGORITHM, _CONTENT_ALGORITHM])
