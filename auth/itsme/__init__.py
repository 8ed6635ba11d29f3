"""The relying party of itsme, Belgium's OpenID provider (OpenID Connect Core 1.0). Knows no HTTP library.

Its tokens are signed, then encrypted; endpoints are pinned; nothing it says is believed unchecked.
"""

from auth.itsme.authorization import code_challenge
from auth.itsme.errors import (
    ItsmeError,
    LoginExpired,
    LoginFailed,
    LoginFault,
    LoginRefused,
    ProviderUnreachable,
)
from auth.itsme.identity import VerifiedIdentity
from auth.itsme.one_time import LOGIN_LIFE_S, LoginStates, MemoryOneTime, OneTime, PendingLogin
from auth.itsme.provider import ProviderAnswer, ProviderHttp
from auth.itsme.relying_party import RelyingParty, Returned
from auth.itsme.rsa_keys import PUBLISHED_MAX_AGE_S, KeyUse, RsaKeyRing
from auth.itsme.settings import Acr, ItsmeSettings, RequestObject

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "RelyingParty",
    "Returned",
    "VerifiedIdentity",
    "ItsmeSettings",
    "RequestObject",
    "Acr",
    "RsaKeyRing",
    "KeyUse",
    "PUBLISHED_MAX_AGE_S",
    "code_challenge",
    "ProviderHttp",
    "ProviderAnswer",
    "LoginStates",
    "PendingLogin",
    "LOGIN_LIFE_S",
    "OneTime",
    "MemoryOneTime",
    "ItsmeError",
    "LoginExpired",
    "LoginRefused",
    "LoginFailed",
    "LoginFault",
    "ProviderUnreachable",
]
