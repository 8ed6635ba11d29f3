"""National numbers: which are some, whose they may be, and that none is ever shown."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import (
    BadIdentifier,
    Disagreement,
    IdentifierFault,
    NationalNumberKind,
    Sex,
    parse_national_number,
)

REGISTER, BIS = NationalNumberKind.REGISTER, NationalNumberKind.BIS


@pytest.mark.parametrize(
    ("number", "kind", "born", "sex"),
    [
        ("85073003328", REGISTER, (1985, 7, 30), Sex.MALE),
        ("17073003384", REGISTER, (2017, 7, 30), Sex.MALE),
        ("80010100107", REGISTER, (1980, 1, 1), Sex.MALE),
        ("05061500215", REGISTER, (2005, 6, 15), Sex.FEMALE),
        ("93051822361", REGISTER, (1993, 5, 18), Sex.MALE),
        ("99060427181", REGISTER, (1999, 6, 4), Sex.MALE),
        ("00000000196", REGISTER, (None, None, None), Sex.MALE),
        ("98472899765", BIS, (1998, 7, 28), Sex.MALE),
        ("01490700185", BIS, (2001, 9, 7), Sex.MALE),
        ("80410100193", BIS, (1980, 1, 1), Sex.MALE),
        ("90221599913", BIS, (1990, 2, 15), None),
    ],
)
def test_a_number_tells_kind_birth_and_sex(
    number: str, kind: NationalNumberKind, born: tuple[int | None, ...], sex: Sex | None
) -> None:
    parsed = parse_national_number(number)
    told = parsed.born.reveal()
    assert parsed.digits.reveal() == number
    assert (parsed.kind, parsed.sex.reveal()) == (kind, sex)
    assert (told.year, told.month, told.day) == born


def with_check(nine: str, *, born_2000: bool) -> str:
    return f"{nine}{97 - int(('2' if born_2000 else '') + nine) % 97:02}"


@pytest.mark.parametrize(
    ("nine", "born_2000", "born"),
    [
        ("850700033", False, (1985, 7, None)),  # day unknown
        ("850000033", False, (1985, None, None)),  # month unknown, or the numbers of the day were used up
        ("850001033", False, (1985, None, None)),  # … and those of the next series, too
        ("040229001", True, (2004, 2, 29)),
    ],
)
def test_what_was_unknown_stays_unknown(nine: str, born_2000: bool, born: tuple[int | None, ...]) -> None:
    told = parse_national_number(with_check(nine, born_2000=born_2000)).born.reveal()
    assert (told.year, told.month, told.day) == born


@pytest.mark.parametrize(
    "written", ["85.07.30-033.28", "85 07 30 033 28", " 85073003328\n", "85.07.30-033 28", "850730-033-28"]
)
def test_it_is_read_as_people_write_it(written: str) -> None:
    assert parse_national_number(written).digits.reveal() == "85073003328"


def test_it_is_printed_as_on_the_card() -> None:
    assert parse_national_number("85073003328").formatted.reveal() == "85.07.30-033.28"


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("", IdentifierFault.FORMAT),
        ("8507300332", IdentifierFault.FORMAT),
        ("850730033280", IdentifierFault.FORMAT),
        ("8507300332x", IdentifierFault.FORMAT),
        ("00000000000", IdentifierFault.FORMAT),
        ("٨٥٠٧٣٠٠٣٣٢٨", IdentifierFault.FORMAT),
        ("-" * 5_000_000, IdentifierFault.FORMAT),
        ("85073003329", IdentifierFault.CHECK_DIGITS),
        ("85073003282", IdentifierFault.CHECK_DIGITS),
        (with_check("851330033", born_2000=False), IdentifierFault.DATE),
        (with_check("853330033", born_2000=False), IdentifierFault.DATE),
        (with_check("855330033", born_2000=False), IdentifierFault.DATE),
        (with_check("859930033", born_2000=False), IdentifierFault.DATE),
        (with_check("850730000", born_2000=False), IdentifierFault.SEQUENCE),
        (with_check("850730999", born_2000=False), IdentifierFault.SEQUENCE),
        (with_check("990730033", born_2000=True), IdentifierFault.CHECK_DIGITS),  # not born yet
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else value.value,
)
def test_other_numbers_are_refused_for_their_fault_and_not_quoted(
    number: str, fault: IdentifierFault
) -> None:
    with pytest.raises(BadIdentifier) as refused:
        parse_national_number(number)
    assert refused.value.fault is fault
    assert not number.strip() or number not in str(refused.value)


@given(nine=st.integers(0, 999_999_999).map(lambda stem: f"{stem:09}"))
def test_no_number_is_right_for_both_centuries(nine: str) -> None:
    assert with_check(nine, born_2000=False) != with_check(nine, born_2000=True)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        parsed = parse_national_number(text)
    except BadIdentifier:
        return
    assert len(parsed.digits.reveal()) == 11


@pytest.mark.parametrize(
    ("number", "birthdate", "sex", "expected"),
    [
        ("85073003328", date(1985, 7, 30), Sex.MALE, ()),
        ("85073003328", None, None, ()),
        ("85073003328", date(1985, 7, 31), Sex.MALE, (Disagreement.BIRTHDATE,)),
        ("85073003328", date(2085, 7, 30), None, (Disagreement.BIRTHDATE,)),
        ("85073003328", date(1985, 7, 30), Sex.FEMALE, (Disagreement.SEX,)),
        ("85073003328", date(1984, 7, 30), Sex.FEMALE, (Disagreement.BIRTHDATE, Disagreement.SEX)),
        ("17073003384", date(1917, 7, 30), None, (Disagreement.BIRTHDATE,)),
        ("00000000196", date(1950, 3, 3), Sex.MALE, ()),  # an unknown date contradicts none
        (with_check("850700033", born_2000=False), date(1985, 7, 9), None, ()),
        (with_check("850700033", born_2000=False), date(1985, 8, 9), None, (Disagreement.BIRTHDATE,)),
        ("98472899765", date(1950, 1, 1), Sex.FEMALE, ()),  # BIS: best effort
    ],
)
def test_it_has_to_agree_with_what_else_is_known(
    number: str, birthdate: date | None, sex: Sex | None, expected: tuple[Disagreement, ...]
) -> None:
    assert parse_national_number(number).disagreements(birthdate, sex) == expected


def test_nothing_of_it_is_shown_by_accident() -> None:
    parsed = parse_national_number("85073003328")
    for shown in (repr(parsed), str(parsed), f"{parsed}", repr(parsed.born.reveal()), repr([parsed])):
        assert "850730" not in shown
        assert "1985" not in shown
