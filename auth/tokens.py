"""What all our signed tokens share: JWT (RFC 7519) with EdDSA (RFC 8037), by the keys of our ring.

The algorithm is ours, never the token's (RFC 8725 §3.1); audience, issuer and type keep one kind of token
from passing as another (RFC 8725 §3.8, §3.9, §3.11). Times are for the caller to compare, with its clock.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from auth.errors import TicketForeign, TicketForged, TicketMalformed
from auth.keyring import KeyRing, Signed

ISSUER = "teleconsult"
MOST_CHARACTERS = 4096

_ALGORITHM = "EdDSA"


def sign_token(keys: KeyRing, claims: Mapping[str, Any], *, audience: str, type_: str) -> str:
    """A token of these claims, signed with the ring's newest key."""
    key = keys.signing_key()
    payload = {"iss": ISSUER, "aud": audience, **claims}
    token = jwt.encode(payload, key.private, _ALGORITHM, headers={"kid": key.kid, "typ": type_})
    keys.remember(token, Signed(key.kid, type_, payload))
    return token


def read_token(keys: KeyRing, token: str, *, audience: str, type_: str) -> dict[str, Any]:
    """The claims, once key, algorithm, type, signature, audience and issuer are right.

    Raises TicketMalformed, TicketForged, TicketForeign.
    """
    ours = keys.remembered(token)
    if ours is not None:
        if (ours.type, ours.claims["aud"]) != (type_, audience):
            raise TicketForeign
        return dict(ours.claims)
    if len(token) > MOST_CHARACTERS or not token.isascii():
        raise TicketMalformed
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError):  # the last two: JSON made to hurt
        raise TicketMalformed from None
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise TicketMalformed
    key = keys.verifying_key(kid)
    if key is None:
        raise TicketForeign
    try:
        # PyJWT reads the real clock; times are compared with the caller's, which tests turn by hand.
        payload: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[_ALGORITHM],
            audience=audience,
            issuer=ISSUER,
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise TicketForged from None
    except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
        raise TicketForeign from None
    except jwt.MissingRequiredClaimError as error:
        raise (TicketForeign if error.claim in ("aud", "iss") else TicketMalformed) from None
    except jwt.InvalidTokenError:
        raise TicketMalformed from None
    if header.get("typ") != type_:
        raise TicketForeign
    return payload
