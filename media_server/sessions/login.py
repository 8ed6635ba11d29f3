"""From a person whom itsme vouches for to a session of theirs: what `media_server.login` asks for."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from auth import (
    PersonId,
    Private,
    Role,
    SessionId,
    SessionKind,
    VerifiedIdentity,
)
from media_server.languages import Language
from media_server.login.ports import LoginNotAllowed, NotKnown, SessionGrant, TokenGrant
from media_server.people import Doctors, Patients, PersonDetails, Subject, UnknownPerson
from media_server.records import RecordsUnusable
from media_server.sessions.store import AppTokens, Begun, SessionStore
from signalling import StoreUnavailable

T = TypeVar("T")


class LoginSessions:
    """Implements `login.ports.Sessions`. Patients are whoever logs in; doctors are those of the registry."""

    def __init__(self, store: SessionStore, patients: Patients, doctors: Doctors) -> None:
        self._store = store
        self._patients = patients
        self._doctors = doctors

    async def log_in(self, identity: VerifiedIdentity, role: Role, kind: SessionKind) -> SessionGrant:
        begun = await _on_a_thread(lambda: self._begin(identity, role, kind))
        return SessionGrant(begun.session.id, begun.cookie, begun.life_s)

    async def tokens_for(self, session: SessionId) -> TokenGrant:
        return _grant(await _on_a_thread(lambda: self._store.first_tokens(session)))

    async def refresh(self, refresh_token: Private[str]) -> TokenGrant:
        return _grant(await _on_a_thread(lambda: self._store.refresh(refresh_token)))

    def _begin(self, identity: VerifiedIdentity, role: Role, kind: SessionKind) -> Begun:
        return self._store.begin(self._person(identity, role), role, kind)

    def _person(self, identity: VerifiedIdentity, role: Role) -> PersonId:
        """Raises LoginNotAllowed."""
        subject = Subject(identity.issuer, identity.subject)
        match role:
            case Role.PATIENT:
                return self._patients.recognise(subject, details_of(identity)).id
            case Role.DOCTOR:
                try:
                    return self._doctors.recognise(subject, identity.national_number).id
                except UnknownPerson:
                    raise NotKnown("no doctor here has this identity") from None
            case Role.GUEST:
                raise LoginNotAllowed("guests come by invitation")


def details_of(identity: VerifiedIdentity) -> PersonDetails:
    """What we keep of it: not the telephone number, nor the address of mail."""
    known = {language.value: language for language in Language}
    return PersonDetails(
        family_name=identity.family_name,
        given_name=identity.given_name,
        birthdate=identity.birthdate,
        birthdate_as_string=identity.birthdate_as_string,
        sex=identity.gender,
        language=known.get(identity.locale or ""),
        national_number=identity.national_number,
    )


def _grant(tokens: AppTokens) -> TokenGrant:
    return TokenGrant(tokens.access_token, tokens.refresh_token, tokens.expires_in_s)


async def _on_a_thread(work: Callable[[], T]) -> T:
    """Raises StoreUnavailable when the records cannot be used."""
    try:
        return await asyncio.to_thread(work)
    except RecordsUnusable as error:
        raise StoreUnavailable(str(error)) from error
