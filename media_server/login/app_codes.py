"""Our own codes for apps: in the app's address after a login, exchanged there for tokens (RFC 6749 §4.1)."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from auth import OneTime, Private, SessionId, code_challenge
from media_server.login.errors import GrantRefused

CODE_LIFE_S: Final = 60.0
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class AppCode:
    """What a code stands for: a session that has begun, for whoever has the verifier (RFC 7636)."""

    session: SessionId
    code_challenge: str

    def to_json(self) -> str:
        return json.dumps([self.session, self.code_challenge])

    @classmethod
    def from_json(cls, text: str | bytes) -> "AppCode":
        session, challenge = json.loads(text)
        return cls(SessionId(session), challenge)


async def give(codes: OneTime[AppCode], code: Private[str], of: AppCode) -> None:
    await codes.save(_key(code), of, CODE_LIFE_S)


async def redeem(codes: OneTime[AppCode], code: Private[str], verifier: Private[str]) -> SessionId:
    """The session of a code, which is used up whatever the verifier. Raises GrantRefused."""
    found = await codes.take(_key(code))
    well_formed = _VERIFIER.fullmatch(verifier.reveal()) is not None
    if found is None or not well_formed or not compare_digest(code_challenge(verifier), found.code_challenge):
        raise GrantRefused("code: unknown, over, used before, or of another code_verifier")
    return found.session


def _key(code: Private[str]) -> str:
    return sha256(code.reveal().encode()).hexdigest()
