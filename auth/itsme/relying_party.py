"""A login with itsme, from our redirect to a verified identity: OpenID Connect's authorization code flow.

Everything that comes back is refused unless all of it is as it has to be; which of the checks failed is for
the log (`LoginFault`), not for the browser. The checks themselves are in pure files beside this one.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from joserfc.jwk import RSAKey

from auth.itsme.authorization import authorization_url, base64url, client_assertion, parameters, token_form
from auth.itsme.claims import Authenticated, check_id_token, check_userinfo
from auth.itsme.errors import LoginExpired, LoginFailed, LoginFault, LoginRefused, ProviderUnreachable
from auth.itsme.identity import VerifiedIdentity, identity, is_complete
from auth.itsme.nested_token import decrypt
from auth.itsme.one_time import LOGIN_LIFE_S, LoginStates, PendingLogin
from auth.itsme.provider import ProviderAnswer, ProviderHttp, ProviderKeys
from auth.itsme.rsa_keys import RsaKeyRing
from auth.itsme.settings import ItsmeSettings, RequestObject
from auth.private import Private

log = logging.getLogger(__name__)

_LONGEST = 2048
# RFC 6749 §5.2 and §4.1.2.1, OpenID Connect Core §3.1.2.6, and itsme's own. Words not in here are not logged.
_KNOWN_ERRORS: Final = frozenset(
    {
        "access_denied", "interaction_required", "invalid_client", "invalid_client_id", "invalid_grant",
        "invalid_redirect_uri", "invalid_request", "invalid_request_object", "invalid_request_uri",
        "invalid_scope", "login_required", "server_error", "temporarily_unavailable",
        "temporary_unavailable", "unauthorized_client", "unsupported_request",
        "unsupported_response_type",
    }
)  # fmt: skip
_REFUSALS: Final = frozenset({"access_denied"})


@dataclass(frozen=True, slots=True)
class Returned:
    """A browser that came back to a login, which is used up now. `context` is what `begin` was given."""

    login: PendingLogin
    query: Private[tuple[tuple[str, str], ...]]

    @property
    def context(self) -> str:
        return self.login.context


class RelyingParty:
    """`clock` gives Unix time, `monotonic` measures intervals, `random` gives as many bytes as asked for."""

    def __init__(
        self,
        settings: ItsmeSettings,
        keys: RsaKeyRing,
        states: LoginStates,
        http: ProviderHttp,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.settings = settings
        self._keys = keys
        self._states = states
        self._http = http
        self._clock = clock
        self._random = random
        self._provider_keys = ProviderKeys(http, settings.jwks_uri, monotonic)

    async def begin(self, browser: Private[str], context: str, locales: str | None = None) -> Private[str]:
        """Where to send the browser; `browser` is a secret that it keeps, `context` what is given back.

        Raises LoginFailed, ProviderUnreachable, and whatever the store of states does.
        """
        now = self._clock()
        state = Private(base64url(self._random(32)))
        login = PendingLogin(
            nonce=Private(base64url(self._random(32))),
            code_verifier=Private(base64url(self._random(48))),
            browser=hashed(browser),
            acr=self.settings.acr,
            started_at=now,
            context=context,
        )
        encrypted = self.settings.request_object is RequestObject.ENCRYPTED
        encrypting = await self._provider_keys.encrypting() if encrypted else None
        await self._states.save(hashed(state), login, LOGIN_LIFE_S)
        wanted = parameters(self.settings, login, state, locales)
        return Private(authorization_url(self.settings, wanted, self._keys.signing(), encrypting, now))

    async def returned(self, query: Sequence[tuple[str, str]], browser: Private[str] | None) -> Returned:
        """Use up the login to which a browser came back with this query, whatever else the query says.

        Raises LoginFailed without a `state`, LoginExpired when that is of no login of this browser's.
        """
        state = _only(query, "state", LoginFault.STATE)
        if state is None:
            raise LoginFailed(LoginFault.STATE)
        login = await self._states.take(hashed(state))
        if login is None or self._clock() >= login.started_at + LOGIN_LIFE_S:
            raise LoginExpired("no such login, or no longer")
        if browser is None or not compare_digest(hashed(browser), login.browser):
            raise LoginExpired("begun in another browser")
        return Returned(login, Private(tuple(query)))

    async def identify(self, returned: Returned) -> VerifiedIdentity:
        """Who it is. Raises LoginRefused, LoginFailed, ProviderUnreachable."""
        code = self._code(returned.query.reveal())
        token = await self._exchange(returned.login, code)
        claims = await self._opened(Private(_text(token, "id_token", LoginFault.NOT_ENCRYPTED)))
        now = self._clock()
        person = check_id_token(claims, self.settings, returned.login, now)
        if self.settings.always_ask_userinfo or not is_complete(claims):
            access = Private(_text(token, "access_token", LoginFault.TOKEN_ENDPOINT))
            claims = {**await self._userinfo(access, person), **claims}
        return identity(claims, person, self.settings.issuer, now)

    async def check_discovery(self) -> tuple[str, ...]:
        """Compare the provider's discovery document with what is pinned; differences are told to the
        operator, returned by their names, and change nothing. Raises ProviderUnreachable.
        """
        answer = await self._http.get(self.settings.discovery_uri)
        if answer.status != 200:
            raise ProviderUnreachable("the provider shows no discovery document")
        document = answer.json()
        changed = tuple(
            name
            for name in (
                "issuer",
                "authorization_endpoint",
                "token_endpoint",
                "userinfo_endpoint",
                "jwks_uri",
            )
            if document.get(name) != getattr(self.settings, name)
        )
        for name in changed:
            log.error("itsme.discovery_differs", extra={"setting": name})
        return changed

    def _code(self, query: Sequence[tuple[str, str]]) -> Private[str]:
        """From a query that carries exactly one of code and error (RFC 6749 §4.1.2)."""
        code, error, issuer = (_only(query, name, LoginFault.RESPONSE) for name in ("code", "error", "iss"))
        if issuer is not None and issuer.reveal() != self.settings.issuer:  # RFC 9207 §2.4
            raise LoginFailed(LoginFault.ISSUER_OF_RESPONSE)
        match code, error:
            case Private(), None:
                return code
            case None, Private():
                said = _known_error(error.reveal())
                log.info("itsme.error_returned", extra={"error": said})
                raise (
                    LoginRefused("the person said no")
                    if said in _REFUSALS
                    else LoginFailed(LoginFault.PROVIDER_ERROR)
                )
            case _:
                raise LoginFailed(LoginFault.RESPONSE)

    async def _exchange(self, login: PendingLogin, code: Private[str]) -> Mapping[str, Any]:
        now = self._clock()
        jti = base64url(self._random(24))
        assertion = client_assertion(self.settings, self._keys.signing(), jti, now)
        answer = await self._http.post(
            self.settings.token_endpoint, token_form(self.settings, login, code, assertion)
        )
        # With a wrong clock no time in a token can be judged, nor will ours be believed for long.
        if answer.date is not None and abs(answer.date - self._clock()) > self.settings.clock_skew_s:
            log.error("itsme.clock_differs", extra={"seconds": round(answer.date - self._clock())})
            raise LoginFailed(LoginFault.CLOCK)
        self._check_status(answer, LoginFault.TOKEN_ENDPOINT)
        token = answer.json()
        if str(token.get("token_type")).lower() != "bearer":
            raise LoginFailed(LoginFault.TOKEN_ENDPOINT)
        return token

    async def _userinfo(self, access: Private[str], person: Authenticated) -> Mapping[str, Any]:
        answer = await self._http.get(self.settings.userinfo_endpoint, bearer=access)
        self._check_status(answer, LoginFault.USERINFO_ENDPOINT)
        try:
            token = answer.body.decode("ascii").strip()
        except UnicodeDecodeError:
            raise LoginFailed(LoginFault.NOT_ENCRYPTED) from None
        claims = await self._opened(Private(token))
        check_userinfo(claims, self.settings, person, self._clock())
        return claims

    async def _opened(self, token: Private[str]) -> Mapping[str, Any]:
        """The claims of a nested token, signed by the provider."""
        signed = decrypt(token.reveal(), self._own_key)
        return signed.verified(await self._provider_keys.signing(signed.kid))

    def _own_key(self, kid: str) -> RSAKey | None:
        key = self._keys.decrypting(kid)
        return None if key is None else key.jwk

    def _check_status(self, answer: ProviderAnswer, fault: LoginFault) -> None:
        if answer.status == 200:
            return
        with suppress(ProviderUnreachable):  # then it is no JSON, and has no word to log
            said = _known_error(answer.json().get("error"))
            log.warning("itsme.call_refused", extra={"error": said, "reason": fault, "status": answer.status})
        raise LoginFailed(fault)


def hashed(secret: Private[str]) -> str:
    """Under which a random secret is kept, so that the store does not hold it."""
    return sha256(secret.reveal().encode("utf-8", "surrogatepass")).hexdigest()


def _only(query: Sequence[tuple[str, str]], name: str, fault: LoginFault) -> Private[str] | None:
    """A parameter that may be there once (RFC 6749 §3.1), bounded. Raises LoginFailed."""
    values = [value for each, value in query if each == name and value]
    if len(values) > 1 or any(len(value) > _LONGEST for value in values):
        raise LoginFailed(fault)
    return Private(values[0]) if values else None


def _text(document: Mapping[str, Any], name: str, fault: LoginFault) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise LoginFailed(fault)
    return value


def _known_error(word: object) -> str:
    return word if isinstance(word, str) and word in _KNOWN_ERRORS else "unknown"
