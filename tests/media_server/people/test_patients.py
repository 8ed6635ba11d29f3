"""Patients: the same person is found again, whatever account they come by; nobody is taken for another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from auth import PersonId, Private, Sex
from media_server.languages import Language
from media_server.people import PersonDetails, UnknownPerson
from media_server.records import reading, tables
from tests.media_server.people.builders import ANNA, NOON_US, TODAY, WITHOUT_NUMBER, House, a_subject


def test_the_first_login_makes_a_patient_and_the_next_finds_the_same(house: House) -> None:
    first = house.patients.recognise(a_subject(), ANNA)
    house.clock.pass_days(1)
    again = house.patients.recognise(a_subject(), ANNA)
    assert again.id == first.id
    assert (first.created_at_us, first.verified_at_us) == (NOON_US, NOON_US)
    assert (again.created_at_us, again.verified_at_us) == (NOON_US, house.clock.now)
    assert house.patients.get(first.id) == again
    assert house.actions(first.id) == ["patient.created"]


def test_all_that_is_known_is_kept_as_it_was_told(house: House) -> None:
    told = PersonDetails(
        family_name=Private("de la Tour d'Été"),
        birthdate_as_string=Private("1985"),
        sex=Private(Sex.FEMALE),
        language=Language.DE,
    )
    known = house.patients.get(house.patients.recognise(a_subject(), told).id).details
    assert known == told
    assert known.name.reveal() == "de la Tour d'Été"
    assert house.patients.get(house.patients.recognise(a_subject("2"), ANNA).id).details == ANNA
    assert ANNA.name.reveal() == "Anna Vermeulen"


def test_details_are_those_of_the_newest_login(house: House) -> None:
    id_ = house.patients.recognise(a_subject(), ANNA).id
    house.patients.recognise(a_subject(), replace(ANNA, family_name=Private("Peeters-Vermeulen")))
    assert house.patients.get(id_).details.family_name.reveal() == "Peeters-Vermeulen"


def test_a_new_account_of_the_same_person_is_bound_by_the_national_number(house: House) -> None:
    id_ = house.patients.recognise(a_subject("old"), ANNA).id
    assert house.patients.recognise(a_subject("new"), ANNA).id == id_
    assert house.patients.recognise(a_subject("new"), WITHOUT_NUMBER).id == id_
    assert house.actions(id_) == ["patient.created", "patient.rebound"]
    assert house.patients.recognise(a_subject("old"), WITHOUT_NUMBER).id != id_, "the old account is nobody's"


def test_same_names_and_birth_are_no_proof(house: House) -> None:
    mine = house.patients.recognise(a_subject("one"), WITHOUT_NUMBER)
    theirs = house.patients.recognise(a_subject("two"), WITHOUT_NUMBER)
    assert mine.id != theirs.id


def test_a_subject_is_one_of_its_issuer_only(house: House) -> None:
    mine = house.patients.recognise(a_subject("1", "https://one.example"), WITHOUT_NUMBER)
    theirs = house.patients.recognise(a_subject("1", "https://two.example"), WITHOUT_NUMBER)
    assert mine.id != theirs.id


def test_somebody_without_a_number_is_a_patient_and_keeps_one_once_told(house: House) -> None:
    patient = house.patients.recognise(a_subject(), WITHOUT_NUMBER)
    assert patient.details.national_number is None
    assert house.patients.recognise(a_subject(), ANNA).id == patient.id
    later = house.patients.recognise(a_subject(), WITHOUT_NUMBER)
    assert (later.id, later.details) == (patient.id, ANNA)
    assert house.patients.recognise(a_subject("new"), ANNA).id == patient.id


def test_whoever_gets_another_number_stays_the_same_patient(house: House) -> None:
    id_ = house.patients.recognise(a_subject(), replace(ANNA, national_number=Private("98472899765"))).id
    assert house.patients.recognise(a_subject(), ANNA).id == id_
    assert house.patients.recognise(a_subject("new"), ANNA).id == id_
    assert house.actions(id_) == ["patient.created", "patient.renumbered", "patient.rebound"]


def test_an_account_that_turns_out_to_be_a_known_persons_comes_to_them(house: House) -> None:
    known = house.patients.recognise(a_subject("old"), ANNA)
    stranger = house.patients.recognise(a_subject("new"), WITHOUT_NUMBER)
    assert house.patients.recognise(a_subject("new"), ANNA).id == known.id
    assert house.patients.recognise(a_subject("new"), WITHOUT_NUMBER).id == known.id
    assert house.patients.get(stranger.id).details == WITHOUT_NUMBER, "its consultations stay where they are"


def test_two_first_logins_at_once_make_one_patient(house: House) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(
            threads.map(lambda n: house.patients.recognise(a_subject(f"sub-{n % 2}"), ANNA).id, range(8))
        )
    assert len(set(found)) == 1
    with reading(house.engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.patients)).scalar_one() == 1


def test_a_minor_needs_a_proxy_until_the_sixteenth_birthday(house: House) -> None:
    details = replace(WITHOUT_NUMBER, birthdate=Private(date(2010, 6, 16)))
    patient = house.patients.recognise(a_subject(), details)
    assert house.patients.today() == TODAY
    assert patient.needs_proxy(house.patients.today())
    house.clock.pass_days(1)
    assert not patient.needs_proxy(house.patients.today())


def test_nobody_has_an_id_that_was_not_given_out(house: House) -> None:
    with pytest.raises(UnknownPerson):
        house.patients.get(PersonId("pt-nobody"))


def test_nothing_about_a_person_lies_readable_in_the_database(house: House) -> None:
    house.patients.recognise(a_subject("itsme-subject"), ANNA)
    dump = house.dump()
    for word in (b"Anna", b"Vermeulen", b"1985-07-30", b"85073003328", b"itsme-subject", b"idp.example"):
        assert word not in dump


def test_nothing_about_a_person_is_shown_by_accident(house: House) -> None:
    shown = repr(house.patients.recognise(a_subject(), ANNA)) + repr(a_subject())
    for word in ("Anna", "Vermeulen", "datetime", "850730", "sub-1", "MALE"):
        assert word not in shown


def test_every_node_finds_the_same_people(house: House) -> None:
    elsewhere = House(house.engine, house.keys_folder)
    id_ = house.patients.recognise(a_subject(), ANNA).id
    assert elsewhere.patients.recognise(a_subject("new"), ANNA).id == id_


def test_other_keys_find_nobody(house: House, tmp_path: Path) -> None:
    id_ = house.patients.recognise(a_subject(), ANNA).id
    stranger = House(house.engine, tmp_path / "other-keys")
    assert stranger.patients.recognise(a_subject(), ANNA).id != id_
