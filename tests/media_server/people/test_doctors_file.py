"""The file of doctors: what is read, and that every mistake is told by line and field, without quoting."""

from collections.abc import Iterable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.languages import Language
from media_server.people import BadDoctorsFile
from media_server.people.doctors_file import (
    COLUMNS,
    MOST_ERRORS,
    MOST_LINE_BYTES,
    DoctorsFile,
    read_doctors_file,
)
from tests.media_server.people.builders import DUBOIS, PEETERS, TODAY, a_doctor_row, a_file

BOM = b"\xef\xbb\xbf"


def read(content: bytes | Iterable[bytes]) -> DoctorsFile:
    lines = content.splitlines(keepends=True) if isinstance(content, bytes) else content
    return read_doctors_file(lines, TODAY)


def told(content: bytes) -> list[str]:
    found = read(content)
    assert found.errors
    return [str(error) for error in found.errors]


def test_a_doctor_is_read_from_a_line() -> None:
    found = read(a_file(PEETERS, DUBOIS))
    assert found.errors == []
    peeters, dubois = found.doctors
    assert (peeters.line, dubois.line) == (2, 3)
    assert peeters.nihdi.digits.reveal() == "10829059004"
    assert peeters.national_number.reveal() == "80010100107"
    assert (peeters.given_name.reveal(), peeters.family_name.reveal()) == ("Jan", "Peeters")
    assert peeters.languages == (Language.NL, Language.FR)
    assert (peeters.registry_verified_at, peeters.verified_by) == (date(2026, 1, 31), "A. Janssens")
    assert peeters.training_completed_on == date(2026, 2, 15)
    assert dubois.given_name.reveal() == "Zoé"


@pytest.mark.parametrize(
    "content",
    [
        a_file(PEETERS, DUBOIS, end="\r\n"),
        BOM + a_file(PEETERS, DUBOIS),
        BOM + a_file(PEETERS, DUBOIS, delimiter=";", end="\r\n"),  # as a Belgian spreadsheet saves it
        a_file(PEETERS, DUBOIS)[:-1],
        a_file(PEETERS, DUBOIS).replace(b"nihdi,", b" NIHDI ,", 1),
        a_file(PEETERS, DUBOIS).replace(b"Peeters", b'"Peeters"'),
        a_file(PEETERS, DUBOIS).replace(b"nl fr", b'"NL, fr"'),
        a_file(PEETERS, DUBOIS).replace(b"10829059004", b"1-08290-59-004"),
        a_file(PEETERS, DUBOIS).replace(b"80010100107", b"80.01.01-001.07"),
        a_file(PEETERS, DUBOIS).replace(b"Peeters", b"  Peeters "),
    ],
)
def test_it_is_read_as_spreadsheets_and_people_write_it(content: bytes) -> None:
    assert read(content) == read(a_file(PEETERS, DUBOIS))


def test_blank_lines_are_none_and_lines_are_counted_with_them() -> None:
    content = a_file(PEETERS, DUBOIS | {"languages": "xx"}).replace(b"\n1923", b"\n\n,,,,,,,\n1923")
    assert told(content) == ["line 5: languages: has to be one or more of nl fr de en"]


def test_columns_may_stand_in_any_order() -> None:
    names = list(reversed(COLUMNS))
    content = ",".join(names) + "\n" + ",".join(PEETERS[name] for name in names) + "\n"
    assert read(content.encode()) == read(a_file(PEETERS))


def test_dates_may_be_missing_and_the_doctor_is_then_not_verified() -> None:
    row = a_doctor_row(registry_verified_at="", verified_by="", training_completed_on="")
    (doctor,) = read(a_file(row)).doctors
    assert (doctor.registry_verified_at, doctor.verified_by, doctor.training_completed_on) == (None,) * 3


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("nihdi", "", "a RIZIV/INAMI number has 11 digits"),
        ("nihdi", "1082905900", "a RIZIV/INAMI number has 11 digits"),
        ("nihdi", "10829058004", "the check digits of the RIZIV/INAMI number do not fit"),
        ("nihdi", "54263481527", "is not a doctor's number"),
        ("national_number", "", "a national number has 11 digits"),
        ("national_number", "80010100108", "the check digits of the national number do not fit"),
        ("family_name", "", "has to be 1 to 80 printable characters"),
        ("family_name", "x" * 81, "has to be 1 to 80 printable characters"),
        ("given_name", "Jan\x00", "has to be 1 to 80 printable characters"),
        ("given_name", "\u202enaJ", "has to be 1 to 80 printable characters"),
        ("languages", "", "has to be one or more of nl fr de en"),
        ("languages", "nl es", "has to be one or more of nl fr de en"),
        ("registry_verified_at", "31/01/2026", "is not a date like 2026-01-31"),
        ("registry_verified_at", "2026-02-30", "is not a date like 2026-01-31"),
        ("registry_verified_at", "2026-06-16", "is a day to come"),
        ("verified_by", "", "say who looked the doctor up"),
        ("training_completed_on", "20260215", "is not a date like 2026-01-31"),
        ("training_completed_on", "2027-01-01", "is a day to come"),
    ],
)
def test_a_mistake_is_told_by_line_and_field_and_not_quoted(field: str, value: str, text: str) -> None:
    found = told(a_file(DUBOIS, a_doctor_row(**{field: value})))
    assert found == [f"line 3: {field}: {text}"]


def test_all_mistakes_are_told_at_once() -> None:
    first = a_doctor_row(nihdi="1", languages="")
    second = DUBOIS | {"national_number": "2", "training_completed_on": "soon"}
    fields = [line.split(": ")[:2] for line in told(a_file(first, second))]
    assert fields == [
        ["line 2", "nihdi"],
        ["line 2", "languages"],
        ["line 3", "national_number"],
        ["line 3", "training_completed_on"],
    ]


def test_a_hundred_mistakes_are_listed_and_the_others_counted() -> None:
    rows = [a_doctor_row(nihdi="1", family_name=f"N{n}") for n in range(150)]
    found = read(a_file(*rows))
    assert len(found.errors) == MOST_ERRORS
    assert found.unlisted == 150 + 149 - MOST_ERRORS  # their national number is the first one's, too


def test_the_same_person_twice_is_told_with_the_first_line() -> None:
    again = a_doctor_row(nihdi="10829059003", national_number="93051822361")
    assert told(a_file(PEETERS, again)) == ["line 3: nihdi: is the same person's as in line 2"]
    twin = DUBOIS | {"national_number": PEETERS["national_number"]}
    assert told(a_file(PEETERS, twin)) == ["line 3: national_number: is the same person's as in line 2"]


@pytest.mark.parametrize("values", ["10829059004,80010100107", "x", ",".join("abcdefghi")])
def test_a_line_with_too_few_or_too_many_fields_is_told(values: str) -> None:
    count = values.count(",") + 1
    assert told(a_file(DUBOIS) + values.encode()) == [f"line 3: has {count} fields, not 8"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "line 1: the header has to be nihdi,"),
        (b"\n\n", "line 1: the header has to be nihdi,"),
        (a_file(PEETERS).split(b"\n", 1)[1], "line 1: the header has to be nihdi,"),
        (a_file(PEETERS).replace(b",languages", b"", 1), r"\(missing: languages\)"),
        (a_file(PEETERS).replace(b"verified_by", b"nihdi", 1), r"\(missing: verified_by\)"),
        (a_file(PEETERS).replace(b"training_completed_on", b"training_completed_on,shoe_size", 1), "line 1"),
        (a_file(PEETERS).replace(b"Peeters", b"Pe\xe9ters"), "line 2: is not UTF-8"),
        (a_file(PEETERS).decode().encode("utf-16"), "line 1: this is UTF-16"),
        (a_file(PEETERS).replace(b"Peeters", b'"Peeters'), "line 2: cannot be read as CSV"),
        (a_file(PEETERS).replace(b"Peeters", b'"Pee"ters'), "line 2: cannot be read as CSV"),
        (a_file(PEETERS) + b"x" * (MOST_LINE_BYTES + 1), "line 3: is longer than"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: is not UTF-8"),
        (b"PK\x03\x04\x14\x00", "line 1: the header has to be"),  # a spreadsheet's own format
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole_and_not_quoted(content: bytes, text: str) -> None:
    with pytest.raises(BadDoctorsFile, match=text) as refused:
        read(content)
    for word in ("Peeters", "10829059004", "shoe_size", "PNG"):
        assert word not in str(refused.value)


def test_line_ends_of_long_ago_are_refused_in_words() -> None:
    with pytest.raises(BadDoctorsFile, match="line 1"):
        read_doctors_file([a_file(PEETERS).replace(b"\n", b"\r")], TODAY)


def test_a_field_without_an_end_is_not_read_to_its_end() -> None:
    def endless() -> Iterable[bytes]:
        yield a_file()
        yield b'"'
        while True:
            yield b"x" * 1000 + b"\n"

    with pytest.raises(BadDoctorsFile, match="line 2: cannot be read as CSV"):
        read(endless())


def test_there_are_not_endlessly_many_doctors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media_server.people.doctors_file.MOST_DOCTORS", 1)
    read(a_file(PEETERS))
    with pytest.raises(BadDoctorsFile, match="more than 1 doctors"):
        read(a_file(PEETERS, DUBOIS))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(content: bytes, with_header: bool) -> None:
    try:
        found = read((a_file() if with_header else b"") + content)
    except BadDoctorsFile:
        return
    assert with_header
    assert found.doctors == []
