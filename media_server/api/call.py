"""One request as a handler gets it: who asks, about which consultation, with what; all of it checked
before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel

from auth import Role, Standing
from media_server.consultations import Consultation

Body = TypeVar("Body", bound=BaseModel | None)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is logged in. `person`: a patient's, doctor's or guest's id; `consultation`: a guest's only one;
    `csrf`: what the page has to send back, None for apps.
    """

    person: str
    role: Role
    session: str
    expires_at_us: int
    consultation: str | None = None
    csrf: str | None = None


class Callers(Protocol):
    async def caller(self, request: web.Request) -> Caller | None:
        """Who asks; None: nobody says so. Raises RequestRefused for a session that is over or revoked, and
        for what a foreign page may have sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Call(Generic[Body]):
    """`caller` and `consultation` are there where the operation needs them: see `who` and `about`.

    `path` and `query` are strings that fit the patterns the endpoint declares.
    """

    request: web.Request
    body: Body
    path: Mapping[str, str]
    query: Mapping[str, str]
    caller: Caller | None
    consultation: Consultation | None
    standing: Standing

    @property
    def who(self) -> Caller:
        assert self.caller is not None, "the operation needs a login"
        return self.caller

    @property
    def about(self) -> Consultation:
        assert self.consultation is not None, "the path names a consultation"
        return self.consultation


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` None: no content. `headers` beside those that every answer has."""

    content: BaseModel | None = None
    status: int = 200
    headers: Mapping[str, str] | None = None


def standing_of(caller: Caller | None, consultation: Consultation | None) -> Standing:
    """What somebody is to the consultation; to the service, where they are nothing to it."""
    if caller is None:
        return Standing.NOBODY
    if consultation is not None:
        if caller.role is Role.PATIENT and caller.person == consultation.patient:
            return Standing.ITS_PATIENT
        if caller.role is Role.DOCTOR and caller.person == consultation.doctor:
            return Standing.ITS_DOCTOR
        if caller.role is Role.GUEST and caller.consultation == consultation.id:
            return Standing.ITS_GUEST
    return Standing(caller.role.value)
