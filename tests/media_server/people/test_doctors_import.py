"""The import of doctors: all of a file or nothing; who is here is updated, and stays who they are."""

from dataclasses import replace

import pytest

from auth import Private
from media_server.languages import Language
from media_server.people import UnknownPerson
from media_server.people.doctors_file import DoctorLine, read_doctors_file
from media_server.people.doctors_import import ConflictsWithRecords, Imported, import_doctors
from tests.media_server.people.builders import DUBOIS, NOON_US, PEETERS, TODAY, House, a_file, a_subject


def lines(*rows: dict[str, str]) -> list[DoctorLine]:
    found = read_doctors_file(a_file(*rows).splitlines(keepends=True), TODAY)
    assert found.errors == []
    return found.doctors


def imported(house: House, *rows: dict[str, str], dry_run: bool = False) -> Imported:
    return import_doctors(house.engine, house.keys, lines(*rows), house.clock(), dry_run=dry_run)


def test_new_ones_are_added_changed_ones_updated_others_left(house: House) -> None:
    assert imported(house, PEETERS) == Imported(added=1, updated=0, unchanged=0)
    assert imported(house, PEETERS, DUBOIS) == Imported(added=1, updated=0, unchanged=1)
    changed = PEETERS | {"family_name": "Peeters-Maes"}
    assert imported(house, changed) == Imported(added=0, updated=1, unchanged=0)
    names = {doctor.details.name.reveal() for doctor in house.doctors.all()}
    assert names == {"Jan Peeters-Maes", "Zoé Dubois"}, "who is not in a file stays"


@pytest.mark.parametrize(
    "changed",
    [
        {"nihdi": "10829059003"},
        {"national_number": "93051822361"},
        {"given_name": "Johan"},
        {"languages": "nl"},
        {"languages": "fr nl"},
        {"registry_verified_at": "2026-06-01"},
        {"registry_verified_at": "", "verified_by": ""},
        {"verified_by": "B. Claes"},
        {"training_completed_on": ""},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_column_updates(house: House, changed: dict[str, str]) -> None:
    imported(house, PEETERS)
    (before,) = house.doctors.all()
    assert imported(house, PEETERS | changed).updated == 1
    (after,) = house.doctors.all()
    assert (after.id, after == before) == (before.id, False)
    assert imported(house, PEETERS | changed).unchanged == 1


def test_a_new_qualification_is_the_same_doctor(house: House) -> None:
    imported(house, PEETERS | {"nihdi": "10829059005"})
    (before,) = house.doctors.all()
    imported(house, PEETERS)
    (after,) = house.doctors.all()
    assert (after.id, after.nihdi.qualification) == (before.id, "004")


def test_login_and_duty_outlive_an_update(house: House) -> None:
    imported(house, PEETERS)
    bound = house.doctors.recognise(a_subject(), Private(PEETERS["national_number"]))
    on = house.doctors.go_on_duty(bound.id, [Language.NL])
    imported(house, PEETERS | {"given_name": "Johan"})
    after = house.doctors.recognise(a_subject(), None)
    assert after == replace(on, details=after.details)
    assert house.doctors.is_on_duty(after)


def test_a_corrected_national_number_has_to_be_shown_before_anybody_is_this_doctor_again(
    house: House,
) -> None:
    imported(house, PEETERS)
    house.doctors.recognise(a_subject("whoever had the wrong number"), Private(PEETERS["national_number"]))
    imported(house, PEETERS | {"national_number": "93051822361"})
    with pytest.raises(UnknownPerson):
        house.doctors.recognise(a_subject("whoever had the wrong number"), None)
    assert house.doctors.recognise(a_subject("the right one"), Private("93051822361")).has_logged_in


def test_a_number_of_another_doctor_here_is_refused_with_its_line_and_nothing_changes(house: House) -> None:
    imported(house, PEETERS)
    before = house.doctors.all()
    twin = DUBOIS | {"national_number": PEETERS["national_number"]}
    newcomer = DUBOIS | {"nihdi": "12345676003", "national_number": "93051822361"}
    with pytest.raises(ConflictsWithRecords) as refused:
        imported(house, newcomer, twin)
    (error,) = refused.value.errors
    assert str(error) == "line 3: national_number: belongs to another doctor here"
    assert house.doctors.all() == before
    assert house.actions("operator").count("doctors.import") == 1


def test_a_dry_run_says_the_same_and_changes_nothing(house: House) -> None:
    imported(house, PEETERS)
    before = house.doctors.all(), house.actions("operator")
    changed = PEETERS | {"languages": "nl"}
    assert imported(house, changed, DUBOIS, dry_run=True) == Imported(added=1, updated=1, unchanged=0)
    assert (house.doctors.all(), house.actions("operator")) == before
    with pytest.raises(ConflictsWithRecords):
        imported(house, DUBOIS | {"national_number": PEETERS["national_number"]}, dry_run=True)


def test_an_import_that_another_one_overtakes_changes_nothing(house: House) -> None:
    overtaken: list[Imported] = []

    def overtake(_share: float) -> None:
        if not overtaken:
            overtaken.append(imported(house, PEETERS))

    with pytest.raises(ConflictsWithRecords) as refused:
        import_doctors(house.engine, house.keys, lines(DUBOIS, PEETERS), house.clock(), progress=overtake)
    assert "import it again" in str(refused.value.errors[0])
    assert [doctor.details.family_name.reveal() for doctor in house.doctors.all()] == ["Peeters"]
    assert imported(house, DUBOIS, PEETERS) == Imported(added=1, updated=0, unchanged=1)


def test_many_doctors_are_imported_in_a_breath_and_progress_is_told(house: House) -> None:
    heard: list[float] = []
    stems = range(100_000, 101_200)
    rows = [
        PEETERS
        | {
            "nihdi": f"{stem}{97 - stem % 97:02}003",
            "national_number": f"{(nine := 700_101_001 + 2 * n):09}{97 - nine % 97:02}",
            "family_name": f"N{stem}",
        }
        for n, stem in enumerate(stems)
        if (700_101_001 + 2 * n) % 1000 not in (0, 999)
    ]
    import_doctors(house.engine, house.keys, lines(*rows[:400]), NOON_US)
    done = import_doctors(house.engine, house.keys, lines(*rows), NOON_US, progress=heard.append)
    assert done == Imported(added=len(rows) - 400, updated=0, unchanged=400)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
