"""What the provider signs and encrypts, and what it reads of the relying party. All by jwcrypto."""

import json
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any, Final

from jwcrypto.common import JWException
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK, JWKSet
from jwcrypto.jws import JWS

_SIGNATURE: Final = "RS256"
_KEY: Final = "RSA-OAEP-256"
_CONTENT: Final = "A128CBC-HS256"


class NotOurs(Exception):
    """A token that the relying party did not make for us as agreed."""


class ProviderKeys:
    """One key that signs and one that decrypts; new ones for each start."""

    def __init__(self) -> None:
        self._signing = _rsa("sig", _SIGNATURE)
        self._decrypting = _rsa("enc", _KEY)

    def published(self) -> Mapping[str, Any]:
        return {"keys": [key.export_public(as_dict=True) for key in (self._signing, self._decrypting)]}

    def nested(self, claims: Mapping[str, Any], relying_party: JWKSet) -> str:
        """Signed, then encrypted for the relying party. Raises NotOurs when it publishes no key for that."""
        theirs = next((key for key in relying_party if key.get("use") == "enc"), None)
        if theirs is None:
            raise NotOurs("the relying party publishes no encryption key")
        signed = JWS(json.dumps(claims))
        header = {"alg": _SIGNATURE, "kid": self._signing.get("kid"), "typ": "JWT"}
        signed.add_signature(self._signing, None, json.dumps(header))
        outer = {"alg": _KEY, "enc": _CONTENT, "cty": "JWT", "kid": theirs.get("kid")}
        sealed = JWE(signed.serialize(compact=True).encode(), json.dumps(outer))
        sealed.add_recipient(theirs)
        return str(sealed.serialize(compact=True))

    def opened(self, token: str) -> str:
        """The signed token inside an encrypted one; any other as it is. Raises NotOurs."""
        if token.count(".") != 4:
            return token
        sealed = JWE(algs=[_KEY, _CONTENT])
        try:
            sealed.deserialize(token, self._decrypting)
            return str(sealed.payload.decode("ascii"))
        except (JWException, ValueError) as error:
            raise NotOurs("cannot be decrypted") from error


def key_set(document: bytes) -> JWKSet:
    """The relying party's published keys. Raises NotOurs."""
    try:
        keys: JWKSet = JWKSet.from_json(document.decode())
    except (JWException, ValueError, TypeError) as error:
        raise NotOurs("the relying party's keys cannot be read") from error
    return keys


def kid_of(token: str) -> str | None:
    """The key that a signed token names."""
    head = token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (NotBase64, ValueError):
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else None


def read(token: str, relying_party: JWKSet) -> Mapping[str, Any]:
    """The claims of what the relying party signed with RS256. Raises NotOurs."""
    key = relying_party.get_key(kid_of(token) or "")
    if key is None or key.get("use") != "sig":
        raise NotOurs("signed with a key that the relying party does not publish")
    signed = JWS()
    signed.allowed_algs = [_SIGNATURE]
    try:
        signed.deserialize(token, key)
        claims = json.loads(signed.payload)
    except (JWException, ValueError) as error:
        raise NotOurs("the signature does not fit") from error
    if not isinstance(claims, dict):
        raise NotOurs("holds no claims")
    return claims


def _rsa(use: str, algorithm: str) -> JWK:
    key = JWK.generate(kty="RSA", size=2048, use=use, alg=algorithm)
    key.update(kid=key.thumbprint())
    return key
