"""From an identity to a session: patients by logging in, doctors by the registry, guests not at all."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from auth import Acr, Private, Role, SessionKind, SessionRefusal, SessionRefused, Sex, VerifiedIdentity
from media_server.languages import Language
from media_server.login.ports import LoginNotAllowed, NotKnown, Sessions
from media_server.records import reading, tables, writing
from media_server.sessions import LoginSessions
from signalling import StoreUnavailable
from tests.media_server.people.builders import ISSUER, NOON, PEETERS
from tests.media_server.people.test_doctors import imported
from tests.media_server.sessions.builders import Lodge

ANNA = VerifiedIdentity(
    issuer=ISSUER,
    subject=Private("sub-1"),
    family_name=Private("Vermeulen"),
    given_name=Private("Anna"),
    birthdate=Private(date(1985, 7, 30)),
    birthdate_as_string=None,
    gender=Private(Sex.MALE),
    locale="nl",
    national_number=Private("85073003328"),
    phone=Private("+32 470 12 34 56"),
    email=Private("anna@mail.example"),
    acr=Acr.BASIC,
    verified_at=NOON.timestamp(),
)
JAN = replace(ANNA, subject=Private("sub-2"), national_number=Private(PEETERS["national_number"]))


def login_at(lodge: Lodge) -> Sessions:
    return LoginSessions(lodge.store, lodge.house.patients, lodge.house.doctors)


async def test_a_patient_logs_in_on_a_page(lodge: Lodge) -> None:
    grant = await login_at(lodge).log_in(ANNA, Role.PATIENT, SessionKind.PAGE)
    assert grant.cookie is not None
    session = lodge.store.check(grant.cookie.reveal(), SessionKind.PAGE)
    assert (session.id, session.role, grant.life_s) == (grant.session, Role.PATIENT, 4 * 3600)
    details = lodge.house.patients.get(session.person).details
    assert details.name.reveal() == "Anna Vermeulen"
    assert details.birthdate == Private(date(1985, 7, 30))
    assert (details.sex, details.language) == (Private(Sex.MALE), Language.NL)
    again = await login_at(lodge).log_in(ANNA, Role.PATIENT, SessionKind.PAGE)
    assert again.session != grant.session
    assert [each.person for each in lodge.store.standing_of(session.person)] == [session.person] * 2


async def test_an_app_gets_its_tokens_afterwards(lodge: Lodge) -> None:
    login = login_at(lodge)
    grant = await login.log_in(ANNA, Role.PATIENT, SessionKind.APP)
    assert grant.cookie is None
    tokens = await login.tokens_for(grant.session)
    assert lodge.refusal(tokens.access_token, SessionKind.APP) is None
    assert tokens.expires_in_s == 600
    refreshed = await login.refresh(tokens.refresh_token)
    assert lodge.refusal(refreshed.access_token, SessionKind.APP) is None
    lodge.pass_s(60)
    with pytest.raises(SessionRefused) as refused:
        await login.refresh(tokens.refresh_token)
    assert refused.value.reason is SessionRefusal.REUSED


async def test_a_doctor_of_the_registry_logs_in(lodge: Lodge) -> None:
    (peeters,) = imported(lodge.house, PEETERS)
    grant = await login_at(lodge).log_in(JAN, Role.DOCTOR, SessionKind.PAGE)
    assert grant.cookie is not None
    session = lodge.store.check(grant.cookie.reveal(), SessionKind.PAGE)
    assert (session.person, session.role, grant.life_s) == (peeters.id, Role.DOCTOR, 12 * 3600)


async def test_who_is_not_in_the_registry_is_no_doctor_and_has_no_session(lodge: Lodge) -> None:
    imported(lodge.house, PEETERS)
    for identity in (ANNA, replace(ANNA, national_number=None)):
        with pytest.raises(NotKnown):
            await login_at(lodge).log_in(identity, Role.DOCTOR, SessionKind.PAGE)
    with reading(lodge.engine) as connection:
        assert connection.execute(select(tables.sessions)).all() == []


async def test_nobody_logs_in_as_a_guest(lodge: Lodge) -> None:
    with pytest.raises(LoginNotAllowed):
        await login_at(lodge).log_in(ANNA, Role.GUEST, SessionKind.PAGE)


@pytest.mark.parametrize(("locale", "language"), [("fr", Language.FR), (None, None), ("xx", None)])
async def test_the_language_is_the_account_s_if_it_is_one_of_ours(
    lodge: Lodge, locale: str | None, language: Language | None
) -> None:
    identity = replace(ANNA, locale=locale, given_name=None, birthdate=None, gender=None)
    identity = replace(identity, birthdate_as_string=Private("1985"))
    await login_at(lodge).log_in(identity, Role.PATIENT, SessionKind.PAGE)
    grant = await login_at(lodge).log_in(identity, Role.PATIENT, SessionKind.PAGE)
    assert grant.cookie is not None
    person = lodge.store.check(grant.cookie.reveal(), SessionKind.PAGE).person
    details = lodge.house.patients.get(person).details
    assert (details.language, details.sex, details.birthdate_as_string) == (language, None, Private("1985"))


async def test_neither_telephone_nor_mail_nor_anything_readable_is_kept(lodge: Lodge) -> None:
    await login_at(lodge).log_in(ANNA, Role.PATIENT, SessionKind.PAGE)
    dump = lodge.house.dump()
    for word in (b"Vermeulen", b"85073003328", b"12 34 56", b"anna@", b"sub-1"):
        assert word not in dump


async def test_records_that_cannot_be_used_are_told_as_a_store_that_is_away(lodge: Lodge) -> None:
    login = login_at(lodge)
    grant = await login.log_in(ANNA, Role.PATIENT, SessionKind.APP)
    lodge.engine.dispose()
    with writing(lodge.engine) as connection:
        tables.sessions.drop(connection)
    try:
        with pytest.raises(StoreUnavailable):
            await login.tokens_for(grant.session)
        with pytest.raises(StoreUnavailable):
            await login.log_in(ANNA, Role.PATIENT, SessionKind.APP)
    finally:
        with writing(lodge.engine) as connection:
            tables.sessions.create(connection)
