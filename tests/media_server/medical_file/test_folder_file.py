"""Medical files in a folder: the right patient's or none, no number in a name, no way out."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from media_server.medical_file import (
    BadKey,
    Fault,
    FileRead,
    FolderMedicalFile,
    NotFound,
    Unavailable,
    file_name,
)
from media_server.medical_file.bundle import checked_bundle
from signalling import Private

KEY = bytes(range(32))
SSIN = "85073003328"
PATIENT = Private(SSIN)
SYSTEM = "https://www.ehealth.fgov.be/standards/fhir/core/NamingSystem/ssin"


def a_patient(*numbers: str, system: str = SYSTEM) -> dict[str, Any]:
    identifiers = [{"system": system, "value": number} for number in numbers]
    return {"resource": {"resourceType": "Patient", "identifier": identifiers}}


def a_bundle(*entries: Any, **changed: Any) -> bytes:
    allergy = {
        "resource": {
            "resourceType": "AllergyIntolerance",
            "code": {"text": "penicilline"},
            "patient": {"identifier": {"system": SYSTEM, "value": SSIN}},
        }
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [*(entries or [a_patient(SSIN)]), allergy],
    }
    return json.dumps(bundle | changed).encode()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the patient's file is looked for."""
    return tmp_path / file_name(KEY, PATIENT)


def fault_of(root: Path, largest: int = 1 << 20) -> Fault:
    with pytest.raises(Unavailable) as failure:
        asyncio.run(FolderMedicalFile(root, KEY, largest).read(PATIENT))
    return failure.value.fault


def test_the_file_of_a_patient_is_read_as_it_was_kept(place: Path) -> None:
    Bundle.model_validate_json(a_bundle())
    place.write_bytes(a_bundle())
    assert asyncio.run(FolderMedicalFile(place.parent, KEY).read(PATIENT)) == FileRead(a_bundle(), "folder")


def test_a_patient_without_a_file_has_none(place: Path) -> None:
    place.write_bytes(a_bundle())
    with pytest.raises(NotFound):
        asyncio.run(FolderMedicalFile(place.parent, KEY).read(Private("05061500215")))


def test_a_name_is_opaque_and_nobody_makes_it_without_the_key() -> None:
    name = file_name(KEY, PATIENT)
    assert name == file_name(KEY, PATIENT)
    assert len(name) == len("00" * 32 + ".json")
    assert SSIN not in name
    assert len({name, file_name(KEY[::-1], PATIENT), file_name(KEY, Private("05061500215"))}) == 3


@pytest.mark.parametrize("key", [b"", b"short", bytes(31)])
def test_a_key_that_could_be_guessed_is_refused(key: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadKey):
        FolderMedicalFile(tmp_path, key)
    with pytest.raises(BadKey):
        file_name(key, PATIENT)


@pytest.mark.parametrize(
    "number", ["", "../85073003328", "8507300332", "85.07.30-033.28", "8507300332\uff18", "x" * 10_000]
)
def test_what_is_no_number_is_nobodys(tmp_path: Path, number: str) -> None:
    with pytest.raises(NotFound) as failure:
        asyncio.run(FolderMedicalFile(tmp_path, KEY).read(Private(number)))
    assert not number or number not in str(failure.value)


def test_a_folder_that_is_gone_is_no_news_about_a_patient(tmp_path: Path) -> None:
    assert fault_of(tmp_path / "gone") is Fault.STORAGE


def test_no_link_is_followed(place: Path) -> None:
    other = place.parent / "other.json"
    other.write_bytes(a_bundle())
    place.symlink_to(other)
    assert fault_of(place.parent) is Fault.NOT_A_FILE


def test_a_file_with_a_second_name_is_not_read(place: Path) -> None:
    other = place.parent / "other.json"
    other.write_bytes(a_bundle())
    place.hardlink_to(other)
    assert fault_of(place.parent) is Fault.NOT_A_FILE


def test_a_folder_or_a_pipe_in_its_place_is_no_file_and_holds_nobody_up(place: Path) -> None:
    place.mkdir()
    assert fault_of(place.parent) is Fault.NOT_A_FILE
    place.rmdir()
    os.mkfifo(place)
    assert fault_of(place.parent) is Fault.NOT_A_FILE


def test_no_file_descriptor_stays_open(place: Path) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    place.mkdir()
    fault_of(place.parent)
    before = open_files()
    for _ in range(20):
        fault_of(place.parent)
    assert open_files() == before


def test_a_file_is_read_up_to_its_largest_size(place: Path) -> None:
    place.write_bytes(a_bundle())
    size = len(a_bundle())
    asyncio.run(FolderMedicalFile(place.parent, KEY, size).read(PATIENT))
    assert fault_of(place.parent, size - 1) is Fault.TOO_LARGE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"resourceType":"Bundle","type":"collection","entry":[NaN]}',
        b"[" * 100_000,
        a_bundle(resourceType="Patient"),
        a_bundle(type="transaction"),
        a_bundle(type=None),
        a_bundle(type=[]),
        a_bundle(entry={}),
        a_bundle(entry=["x"]),
        a_bundle(entry=[{}]),
        a_bundle(entry=[{"resource": {"resourceType": 5}}]),
        a_bundle({"resource": {"resourceType": "Patient", "identifier": {}}}),
        a_bundle({"resource": {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": 5}]}}),
    ],
)
def test_what_is_no_bundle_is_not_shown(place: Path, body: bytes) -> None:
    place.write_bytes(body)
    assert fault_of(place.parent) is Fault.NOT_A_BUNDLE


@pytest.mark.parametrize(
    "entries",
    [
        [a_patient()],
        [a_patient("05061500215")],
        [a_patient(SSIN), a_patient("05061500215")],
        [a_patient(SSIN, "05061500215")],
        [a_patient(SSIN, system="https://example.org/other")],
        [{"resource": {"resourceType": "Practitioner", "identifier": [{"system": SYSTEM, "value": SSIN}]}}],
    ],
)
def test_a_file_that_is_not_clearly_this_patients_is_not_shown(place: Path, entries: list[Any]) -> None:
    place.write_bytes(a_bundle(*entries))
    assert fault_of(place.parent) is Fault.ANOTHER_PATIENT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resource", "resourceType", "identifier", "type", "entry", "x"]),
            inner,
            max_size=4,
        )
    ),
)


@given(json_values)
def test_any_json_is_a_bundle_of_this_patient_or_refused(value: Any) -> None:
    body = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": value}).encode()
    with pytest.raises(Unavailable):
        checked_bundle(body, SSIN)


def test_nothing_shows_what_is_in_a_file(place: Path) -> None:
    place.write_bytes(a_bundle())
    read = asyncio.run(FolderMedicalFile(place.parent, KEY).read(PATIENT))
    assert "penicilline" not in repr(read)
    assert SSIN not in repr(read)
