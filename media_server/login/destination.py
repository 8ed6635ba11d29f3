"""Where a login goes back to in the end: a page of ours, or an app by one of its links. Pure.

Nothing else is accepted, so that our address leads nobody to somebody else's page (RFC 9700 §4.11).
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from auth import Role, SessionKind
from media_server.login.errors import BadQuery

_PAGE: Final = re.compile(
    r"/(?![/\\])[A-Za-z0-9\-._~!$&'()*+,;=:@%/]{0,255}(\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]{0,255})?"
)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE: Final = re.compile(r"[A-Za-z0-9._~-]{8,512}")
_ROLES: Final = (Role.PATIENT, Role.DOCTOR)
_PARAMETERS: Final = frozenset(
    {"role", "return_to", "ui_locales", "code_challenge", "code_challenge_method", "state"}
)
HOME: Final = "/"


class Outcome(Enum):
    """How a login ended that gave no session: all that whoever began it is told."""

    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class App:
    """What an app gave us for its return (RFC 8252, RFC 7636)."""

    code_challenge: str
    state: str


@dataclass(frozen=True, slots=True)
class Destination:
    """`return_to` is a path of ours, or an app's link when `app` is there."""

    role: Role
    return_to: str
    app: App | None = None

    @property
    def kind(self) -> SessionKind:
        return SessionKind.PAGE if self.app is None else SessionKind.APP

    def after(self, outcome: Outcome) -> str:
        """The address that tells how it ended."""
        if self.app is None:
            return _with(self.return_to, login=outcome.value)
        return _with(self.return_to, login=outcome.value, state=self.app.state)

    def with_code(self, code: str) -> str:
        """The app's address with our code (RFC 6749 §4.1.2)."""
        assert self.app is not None
        return _with(self.return_to, code=code, state=self.app.state)

    def to_json(self) -> str:
        app = None if self.app is None else [self.app.code_challenge, self.app.state]
        return json.dumps([self.role.value, self.return_to, app])

    @classmethod
    def from_json(cls, text: str) -> "Destination":
        role, return_to, app = json.loads(text)
        return cls(Role(role), return_to, None if app is None else App(*app))


def parse(query: Sequence[tuple[str, str]], app_links: Collection[str]) -> tuple[Destination, str | None]:
    """Destination and wished-for languages from what `/v1/auth/itsme/login` was given. Raises BadQuery."""
    given = dict(query)
    for name in _PARAMETERS & set(given):
        if sum(each == name for each, _ in query) > 1:
            raise BadQuery(f"{name}: give it once")
    role = next((role for role in _ROLES if role.value == given.get("role")), None)
    if role is None:
        raise BadQuery("role: has to be patient or doctor")
    return_to = given.get("return_to", HOME)
    locales = given.get("ui_locales", "")[:64] or None
    if return_to in app_links:
        return Destination(role, return_to, _app(given)), locales
    if not is_page(return_to):
        raise BadQuery("return_to: has to be a path of this service, or one of the apps' links (APP_LINKS)")
    if "code_challenge" in given or "state" in given:
        raise BadQuery("return_to: a code is for one of the apps' links (APP_LINKS) only")
    return Destination(role, _with(return_to)), locales


def is_page(path: str) -> bool:
    """Whether every browser takes this for a path of the site that it is on."""
    return _PAGE.fullmatch(path) is not None


def _app(given: dict[str, str]) -> App:
    if given.get("code_challenge_method") != "S256":
        raise BadQuery("code_challenge_method: has to be S256")
    challenge, state = given.get("code_challenge", ""), given.get("state", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise BadQuery("code_challenge: has to be 43 characters of base64url, the SHA-256 of the verifier")
    if not _STATE.fullmatch(state):
        raise BadQuery("state: has to be 8 to 512 letters, digits and . _ ~ -")
    return App(challenge, state)


def _with(address: str, **parameters: str) -> str:
    """The address with these parameters, and without what an earlier login left there."""
    parts = urlsplit(address)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "login"]
    return parts._replace(query=urlencode([*query, *parameters.items()])).geturl()
