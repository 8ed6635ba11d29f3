"""itsme's tokens: signed (JWS, RFC 7515), then encrypted for us (JWE, RFC 7516). Pure; judges no claims.

Only the algorithms named here are taken, whatever a token says (RFC 8725 §3.1). That a token was encrypted
for us proves nothing, since anybody has our public key; what is believed is the signature inside.
"""

import json
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from auth.itsme.errors import LoginFailed, LoginFault

SIGNATURE_ALGORITHMS: Final = ("RS256",)
KEY_ALGORITHMS: Final = ("RSA-OAEP-256", "RSA-OAEP")
CONTENT_ALGORITHMS: Final = ("A128CBC-HS256", "A256GCM")
REPLICATED: Final = ("iss", "sub", "aud")
"""Claims that may stand in the JWE header too, for who cannot decrypt (RFC 7519 §5.3)."""

# Room for the photograph of an identity card, which joserfc's 64 KiB have not.
MOST_PAYLOAD_CHARACTERS: Final = 192 * 1024
MOST_CIPHERTEXT_CHARACTERS: Final = 4 * MOST_PAYLOAD_CHARACTERS // 3 + 4096
MOST_HEADER_CHARACTERS: Final = 4096
MOST_CHARACTERS: Final = MOST_CIPHERTEXT_CHARACTERS + MOST_HEADER_CHARACTERS + 2048


class _JweRegistry(jwe.JWERegistry):
    max_protected_header_length = MOST_HEADER_CHARACTERS
    max_ciphertext_length = MOST_CIPHERTEXT_CHARACTERS


class _JwsRegistry(jws.JWSRegistry):
    max_header_length = MOST_HEADER_CHARACTERS
    max_payload_length = MOST_PAYLOAD_CHARACTERS


# Parameters that we don't know are to be passed over (RFC 7515 §4, RFC 7516 §4), and replicated claims are
# such. What has to be understood says so in `crit`, which we refuse.
_ENCRYPTION = _JweRegistry(algorithms=(*KEY_ALGORITHMS, *CONTENT_ALGORITHMS), strict_check_header=False)
_SIGNING = _JwsRegistry(algorithms=SIGNATURE_ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class SignedToken:
    """What was inside a token that was encrypted for us; nothing of it is to be believed yet.

    `kid` names the key that is said to have signed it, `replicated` the claims of the outer header.
    """

    kid: str
    replicated: Mapping[str, Any] = field(repr=False)
    _compact: str = field(repr=False)

    def verified(self, key: RSAKey) -> Mapping[str, Any]:
        """The claims, signed with the key of that id. Raises LoginFailed."""
        try:
            signed = jws.deserialize_compact(self._compact, key, registry=_SIGNING)
        except (JoseError, ValueError, TypeError):
            raise LoginFailed(LoginFault.SIGNATURE) from None
        claims = _json_object(signed.payload, LoginFault.CLAIMS)
        if any(name not in claims or claims[name] != value for name, value in self.replicated.items()):
            raise LoginFailed(LoginFault.HEADER_CLAIMS)
        return claims


def decrypt(token: str, key_of: Callable[[str], RSAKey | None]) -> SignedToken:
    """Open a nested token with our key of the id that it names. Raises LoginFailed."""
    if len(token) > MOST_CHARACTERS:
        raise LoginFailed(LoginFault.TOO_LARGE)
    segments = token.split(".")
    if len(segments) != 5 or not token.isascii():
        raise LoginFailed(LoginFault.NOT_ENCRYPTED)
    header = _header(segments[0], LoginFault.ENCRYPTION_HEADER)
    if header.get("alg") not in KEY_ALGORITHMS or header.get("enc") not in CONTENT_ALGORITHMS:
        raise LoginFailed(LoginFault.ENCRYPTION_ALGORITHM)
    # Compression lets lengths tell of the content, and a small token be a huge one (RFC 8725 §3.6).
    if "zip" in header or str(header.get("cty")).upper() != "JWT":
        raise LoginFailed(LoginFault.ENCRYPTION_HEADER)
    key = key_of(_kid(header, LoginFault.ENCRYPTION_KEY))
    if key is None:
        raise LoginFailed(LoginFault.ENCRYPTION_KEY)
    try:
        opened = jwe.decrypt_compact(token, key, registry=_ENCRYPTION).plaintext
        inner = (opened or b"").decode("ascii")
    except (JoseError, InvalidTag, ValueError, TypeError):
        raise LoginFailed(LoginFault.DECRYPTION) from None
    replicated = {name: header[name] for name in REPLICATED if name in header}
    return _signed(inner, replicated)


def _signed(compact: str, replicated: Mapping[str, Any]) -> SignedToken:
    segments = compact.split(".")
    if len(segments) != 3:
        raise LoginFailed(LoginFault.NOT_SIGNED)
    header = _header(segments[0], LoginFault.NOT_SIGNED)
    if header.get("alg") not in SIGNATURE_ALGORITHMS:
        raise LoginFailed(LoginFault.SIGNATURE_ALGORITHM)
    return SignedToken(_kid(header, LoginFault.SIGNATURE_KEY), replicated, compact)


def _header(segment: str, fault: LoginFault) -> Mapping[str, Any]:
    if len(segment) > MOST_HEADER_CHARACTERS:
        raise LoginFailed(LoginFault.TOO_LARGE)
    try:
        text = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (NotBase64, ValueError):
        raise LoginFailed(fault) from None
    header = _json_object(text, fault)
    if "crit" in header:  # nothing beyond the RFCs' own parameters is understood here (RFC 7515 §4.1.11)
        raise LoginFailed(fault)
    return header


def _kid(header: Mapping[str, Any], fault: LoginFault) -> str:
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise LoginFailed(fault)
    return kid


def _json_object(text: bytes, fault: LoginFault) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the latter: JSON made to hurt
        raise LoginFailed(fault) from None
    if not isinstance(value, dict):
        raise LoginFailed(fault)
    return value
