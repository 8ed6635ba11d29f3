"""A patient who comes back after the purge is the same patient, and nothing of before is known any more."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from auth import PersonId, Private
from media_server.people import PersonDetails, UnknownPerson
from media_server.purge import purge
from media_server.records import tables
from tests.media_server.people.builders import ANNA, NOON_US, WITHOUT_NUMBER, a_subject
from tests.media_server.people.builders import House as People
from tests.media_server.records.rows import DAY_US, House

LATER_US = NOON_US + 2 * DAY_US


@pytest.fixture
def people(records: Engine, tmp_path: Path) -> People:
    return People(records, tmp_path / "keys")


@pytest.fixture
def anna(people: People) -> PersonId:
    """Her id; she has had a consultation, which was purged."""
    id_ = people.patients.recognise(a_subject(), ANNA).id
    House(people.engine, people.keys).consultation(patient=id_, purge_at_us=NOON_US + DAY_US)
    assert purge(people.engine, LATER_US).counts == {"consultations": 1, "patient_details": 1}
    return id_


def test_nobody_can_look_the_details_up_any_more(people: People, anna: PersonId) -> None:
    with pytest.raises(UnknownPerson):
        people.patients.get(anna)


def test_the_next_login_brings_the_details_back_to_the_same_patient(people: People, anna: PersonId) -> None:
    again = people.patients.recognise(a_subject(), ANNA)
    assert again.id == anna
    assert people.patients.get(again.id).details == ANNA


def test_another_account_with_the_number_is_still_the_same_patient(people: People, anna: PersonId) -> None:
    assert people.patients.recognise(a_subject("new"), ANNA).id == anna


def test_a_login_without_the_number_does_not_make_it_be_forgotten(people: People, anna: PersonId) -> None:
    again = people.patients.recognise(a_subject(), WITHOUT_NUMBER)
    assert (again.id, again.details.national_number) == (anna, None)
    assert people.patients.recognise(a_subject("new"), ANNA).id == anna


def test_details_of_before_do_not_come_back(people: People, anna: PersonId) -> None:
    people.patients.recognise(a_subject(), PersonDetails(family_name=Private("V")))
    row = House(people.engine, people.keys).row(tables.patients, anna)
    assert b"Anna" not in people.keys.open_sealed(f"patients/sealed/{anna}", row.sealed)
