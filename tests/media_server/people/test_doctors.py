"""Doctors: from the registry file alone, bound by their national number, on duty only while they may be."""

from dataclasses import replace

import pytest

from auth import PersonId, Private
from media_server.languages import Language
from media_server.people import (
    BadDutyLanguages,
    Doctor,
    MayNotGoOnDuty,
    NotOnDuty,
    Reason,
    UnknownPerson,
)
from media_server.people.doctors_file import read_doctors_file
from media_server.people.doctors_import import import_doctors
from tests.media_server.people.builders import DUBOIS, PEETERS, TODAY, House, a_file, a_subject

NUMBER, OTHER_NUMBER = Private(PEETERS["national_number"]), Private(DUBOIS["national_number"])


def imported(house: House, *rows: dict[str, str]) -> list[Doctor]:
    found = read_doctors_file(a_file(*rows).splitlines(keepends=True), TODAY)
    assert found.errors == []
    import_doctors(house.engine, house.keys, found.doctors, house.clock())
    return [
        next(doctor for doctor in house.doctors.all() if doctor.nihdi == line.nihdi) for line in found.doctors
    ]


# --- Who they are ---


def test_a_doctor_of_the_file_is_recognised_by_the_national_number(house: House) -> None:
    (peeters,) = imported(house, PEETERS)
    assert not peeters.has_logged_in
    found = house.doctors.recognise(a_subject(), NUMBER)
    assert found == replace(peeters, has_logged_in=True)
    assert found.details.name.reveal() == "Jan Peeters"
    assert found.languages == (Language.NL, Language.FR)
    assert house.doctors.recognise(a_subject(), None).id == peeters.id, "the account is bound now"
    assert house.actions(peeters.id) == ["doctor.bound"]


def test_nobody_becomes_a_doctor_by_logging_in(house: House) -> None:
    imported(house, PEETERS)
    for subject, number in ((a_subject(), OTHER_NUMBER), (a_subject(), None)):
        with pytest.raises(UnknownPerson):
            house.doctors.recognise(subject, number)
    assert len(house.doctors.all()) == 1


def test_a_new_account_of_the_same_doctor_is_bound_by_the_number(house: House) -> None:
    (peeters,) = imported(house, PEETERS)
    house.doctors.recognise(a_subject("old"), NUMBER)
    assert house.doctors.recognise(a_subject("new"), NUMBER).id == peeters.id
    with pytest.raises(UnknownPerson):
        house.doctors.recognise(a_subject("old"), None)
    assert house.actions(peeters.id) == ["doctor.bound", "doctor.rebound"]


def test_an_account_of_one_doctor_with_another_s_number_is_nobody(house: House) -> None:
    imported(house, PEETERS, DUBOIS)
    house.doctors.recognise(a_subject(), NUMBER)
    with pytest.raises(UnknownPerson):
        house.doctors.recognise(a_subject(), OTHER_NUMBER)
    with pytest.raises(UnknownPerson):
        house.doctors.recognise(a_subject(), Private("93051822361"))
    assert house.doctors.recognise(a_subject(), NUMBER).nihdi.digits.reveal() == PEETERS["nihdi"]


def test_a_doctor_who_is_ill_is_a_patient_of_another_id(house: House) -> None:
    (peeters,) = imported(house, PEETERS)
    doctor = house.doctors.recognise(a_subject(), NUMBER)
    patient = house.patients.recognise(a_subject(), replace(doctor.details, national_number=NUMBER))
    assert patient.id != peeters.id


# --- On duty ---


def test_going_on_duty_and_off_again(house: House) -> None:
    (peeters,) = imported(house, PEETERS)
    assert house.doctors.may_go_on_duty(peeters) == ()
    assert not house.doctors.is_on_duty(peeters)
    on = house.doctors.go_on_duty(peeters.id, [Language.FR])
    assert (on.on_duty_since_us, on.duty_languages) == (house.clock.now, (Language.FR,))
    assert house.doctors.on_duty(peeters.id) == on
    assert house.doctors.all_on_duty() == [on]
    off = house.doctors.go_off_duty(peeters.id)
    assert (off.on_duty_since_us, off.duty_languages) == (None, ())
    with pytest.raises(NotOnDuty):
        house.doctors.on_duty(peeters.id)
    assert house.actions(peeters.id) == ["duty.on", "duty.off"]


def test_languages_may_change_on_duty_and_asking_twice_changes_nothing(house: House) -> None:
    (peeters,) = imported(house, PEETERS)
    since = house.doctors.go_on_duty(peeters.id, [Language.FR]).on_duty_since_us
    house.clock.pass_days(0.1)
    again = house.doctors.go_on_duty(peeters.id, [Language.NL, Language.FR, Language.NL])
    assert (again.on_duty_since_us, again.duty_languages) == (since, (Language.NL, Language.FR))
    house.doctors.go_off_duty(peeters.id)
    house.doctors.go_off_duty(peeters.id)
    assert house.actions(peeters.id) == ["duty.on", "duty.off"]


@pytest.mark.parametrize("languages", [[], [Language.DE], [Language.NL, Language.DE]])
def test_a_doctor_serves_in_the_languages_of_the_registry(house: House, languages: list[Language]) -> None:
    (peeters,) = imported(house, PEETERS)
    with pytest.raises(BadDutyLanguages, match="nl, fr"):
        house.doctors.go_on_duty(peeters.id, languages)
    assert house.doctors.all_on_duty() == []


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ({"registry_verified_at": "", "verified_by": ""}, Reason.REGISTRY_NOT_VERIFIED),
        ({"registry_verified_at": "2025-06-14"}, Reason.REGISTRY_LAPSED),
        ({"training_completed_on": ""}, Reason.TRAINING_NOT_COMPLETED),
        ({"nihdi": "10829059005"}, Reason.QUALIFICATION),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_who_may_not_does_not_go_on_duty(house: House, missing: dict[str, str], reason: Reason) -> None:
    (doctor,) = imported(house, PEETERS | missing)
    assert house.doctors.may_go_on_duty(doctor) == (reason,)
    with pytest.raises(MayNotGoOnDuty, match=reason.value):
        house.doctors.go_on_duty(doctor.id, [Language.NL])
    assert house.doctors.get(doctor.id) == doctor


def test_a_doctor_whose_verification_lapses_drops_out_at_that_moment(house: House) -> None:
    (peeters,) = imported(house, PEETERS | {"registry_verified_at": "2025-06-16"})
    house.doctors.go_on_duty(peeters.id, [Language.NL])
    house.clock.pass_days(0.4)
    assert [doctor.id for doctor in house.doctors.all_on_duty()] == [peeters.id]
    assert house.doctors.take_lapsed_off_duty() == []
    house.clock.pass_days(0.2)
    assert house.doctors.all_on_duty() == []
    with pytest.raises(NotOnDuty):
        house.doctors.on_duty(peeters.id)
    assert house.doctors.take_lapsed_off_duty() == [peeters.id]
    assert house.doctors.get(peeters.id).on_duty_since_us is None
    assert house.doctors.take_lapsed_off_duty() == []


def test_verified_anew_a_lapsed_doctor_has_to_go_on_duty_again(house: House) -> None:
    (peeters,) = imported(house, PEETERS | {"registry_verified_at": "2025-06-16"})
    house.doctors.go_on_duty(peeters.id, [Language.NL])
    house.clock.pass_days(2)
    house.doctors.take_lapsed_off_duty()
    (again,) = imported(house, PEETERS | {"registry_verified_at": "2026-06-15"})
    assert (again.id, house.doctors.is_on_duty(again)) == (peeters.id, False)
    house.doctors.go_on_duty(again.id, [Language.NL])


def test_an_import_without_a_verification_takes_a_doctor_off_duty_at_once(house: House) -> None:
    (peeters,) = imported(house, PEETERS)
    house.doctors.go_on_duty(peeters.id, [Language.NL])
    imported(house, PEETERS | {"registry_verified_at": "", "verified_by": ""})
    with pytest.raises(NotOnDuty):
        house.doctors.on_duty(peeters.id)


def test_nobody_has_an_id_that_was_not_given_out(house: House) -> None:
    nobody = PersonId("dr-nobody")
    with pytest.raises(UnknownPerson):
        house.doctors.get(nobody)
    with pytest.raises(UnknownPerson):
        house.doctors.go_on_duty(nobody, [Language.NL])
    with pytest.raises(UnknownPerson):
        house.doctors.go_off_duty(nobody)


def test_names_and_national_numbers_lie_sealed(house: House) -> None:
    imported(house, PEETERS, DUBOIS)
    house.doctors.recognise(a_subject("itsme-subject"), NUMBER)
    dump = house.dump()
    for word in (b"Peeters", b"Dubois", b"80010100107", b"itsme-subject"):
        assert word not in dump
    assert "Peeters" not in repr(house.doctors.all())
