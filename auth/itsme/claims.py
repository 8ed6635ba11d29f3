"""What ID token and userinfo have to say to be believed (OpenID Connect Core §3.1.3.7, §5.3.2). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from auth.itsme.errors import LoginFailed, LoginFault
from auth.itsme.one_time import PendingLogin
from auth.itsme.settings import Acr, ItsmeSettings
from auth.private import Private

_LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who logged in, by an ID token that was checked; `acr` is None where the provider does not tell."""

    subject: Private[str]
    acr: Acr | None


def check_id_token(
    claims: Mapping[str, Any], settings: ItsmeSettings, login: PendingLogin, now: float
) -> Authenticated:
    """`now` is Unix time. Raises LoginFailed."""
    _check_parties(claims, settings)
    _check_times(claims, settings.clock_skew_s, now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not nonce.isascii() or not compare_digest(nonce, login.nonce.reveal()):
        raise LoginFailed(LoginFault.NONCE)
    return Authenticated(Private(_subject(claims)), _acr(claims, login.acr))


def check_userinfo(
    claims: Mapping[str, Any], settings: ItsmeSettings, login: Authenticated, now: float
) -> None:
    """`now` is Unix time. Raises LoginFailed.

    A signed answer names its issuer and audience (§5.3.2); times are checked where it has any.
    """
    _check_parties(claims, settings)
    _check_times(claims, settings.clock_skew_s, now, required=False)
    if not compare_digest(_subject(claims), login.subject.reveal()):
        raise LoginFailed(LoginFault.SUBJECT)


def _check_parties(claims: Mapping[str, Any], settings: ItsmeSettings) -> None:
    if claims.get("iss") != settings.issuer:
        raise LoginFailed(LoginFault.ISSUER)
    said = claims.get("aud")
    audience = said if isinstance(said, list) else [said]
    if settings.client_id not in audience:
        raise LoginFailed(LoginFault.AUDIENCE)
    if ("azp" in claims or len(audience) > 1) and claims.get("azp") != settings.client_id:
        raise LoginFailed(LoginFault.AUTHORIZED_PARTY)


def _check_times(claims: Mapping[str, Any], skew_s: float, now: float, *, required: bool = True) -> None:
    """Seconds since 1970, whole or not (RFC 7519 §2, NumericDate)."""
    expires, issued, begins = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if required and (expires is None or issued is None):
        raise LoginFailed(LoginFault.TIME)
    if expires is not None and now >= expires + skew_s:
        raise LoginFailed(LoginFault.TIME)
    if any(each is not None and each > now + skew_s for each in (issued, begins)):
        raise LoginFailed(LoginFault.TIME)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise LoginFailed(LoginFault.TIME)
    return float(value)


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise LoginFailed(LoginFault.SUBJECT)
    return subject


def _acr(claims: Mapping[str, Any], asked: Acr) -> Acr | None:
    """itsme does not promise to say it; where it does, it is at least what we asked for."""
    said = claims.get("acr")
    if said is None:
        return None
    try:
        acr = Acr(said)
    except ValueError:
        raise LoginFailed(LoginFault.ACR) from None
    if acr < asked:
        raise LoginFailed(LoginFault.ACR)
    return acr
