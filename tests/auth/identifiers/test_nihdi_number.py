"""Numbers of care providers: both series of check digits, who the person is, who is a recognised GP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import BadIdentifier, IdentifierFault, parse_nihdi_number


@pytest.mark.parametrize(
    ("number", "profession", "qualification"),
    [
        ("10829059004", "1", "004"),
        ("19234011004", "1", "004"),
        ("54263481527", "5", "527"),
        ("12345625003", "1", "003"),  # modulus 97
        ("12345676003", "1", "003"),  # modulus 89: the same stem, another person
        ("10000106000", "1", "000"),
        ("10000135000", "1", "000"),
    ],
)
def test_both_series_are_numbers(number: str, profession: str, qualification: str) -> None:
    parsed = parse_nihdi_number(number)
    assert (parsed.profession, parsed.qualification) == (profession, qualification)
    assert parsed.person.reveal() == number[:8]


@pytest.mark.parametrize("written", ["1-23456-25-003", "1.23456.25.003", "1/23456/25/003", " 12345625003 "])
def test_it_is_read_as_people_write_it_and_printed_in_one_way(written: str) -> None:
    assert parse_nihdi_number(written).formatted.reveal() == "1-23456-25-003"


def test_the_first_eight_digits_are_the_person() -> None:
    before, after = parse_nihdi_number("12345625006"), parse_nihdi_number("12345625003")
    assert before.person == after.person
    assert before != after
    assert parse_nihdi_number("12345676003").person != after.person


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("", IdentifierFault.FORMAT),
        ("1234562500", IdentifierFault.FORMAT),
        ("123456250034", IdentifierFault.FORMAT),
        ("1234562500x", IdentifierFault.FORMAT),
        ("1--2345625003", IdentifierFault.FORMAT),
        ("١٢٣٤٥٦٢٥٠٠٣", IdentifierFault.FORMAT),
        ("00000097003", IdentifierFault.PROFESSION),
        ("12345624003", IdentifierFault.CHECK_DIGITS),
        ("12345677003", IdentifierFault.CHECK_DIGITS),
        ("12345600003", IdentifierFault.CHECK_DIGITS),
    ],
)
def test_other_numbers_are_refused_for_their_fault_and_not_quoted(
    number: str, fault: IdentifierFault
) -> None:
    with pytest.raises(BadIdentifier) as refused:
        parse_nihdi_number(number)
    assert refused.value.fault is fault
    assert not number or number not in str(refused.value)


def test_which_series_are_known_is_for_the_caller_to_say() -> None:
    with pytest.raises(BadIdentifier):
        parse_nihdi_number("12345676003", moduli=(97,))
    third = f"123456{83 - 123456 % 83:02}003"
    with pytest.raises(BadIdentifier):
        parse_nihdi_number(third)
    assert parse_nihdi_number(third, moduli=(97, 89, 83)).profession == "1"


@pytest.mark.parametrize(
    ("number", "recognised"),
    [
        ("12345625003", True),
        ("12345625004", True),
        ("12345625000", False),  # basic diploma
        ("12345625005", False),  # in training
        ("12345625006", False),
        ("54263481527", False),  # another profession
    ],
)
def test_who_is_a_recognised_general_practitioner(number: str, recognised: bool) -> None:
    assert parse_nihdi_number(number).is_doctor_with() is recognised


def test_a_deployment_may_ask_for_other_qualifications() -> None:
    number = parse_nihdi_number("12345625003")
    assert not number.is_doctor_with({"004"})
    assert parse_nihdi_number("12345625790").is_doctor_with({"790"})


@pytest.mark.parametrize("other", ["3", "4", "6"])
def test_no_other_profession_is_a_doctor_with_a_doctors_qualification(other: str) -> None:
    stem = f"{other}23456"
    assert not parse_nihdi_number(f"{stem}{97 - int(stem) % 97:02}003").is_doctor_with()


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        parsed = parse_nihdi_number(text)
    except BadIdentifier:
        return
    assert len(parsed.digits.reveal()) == 11


def test_nothing_of_it_is_shown_by_accident() -> None:
    assert "12345" not in f"{parse_nihdi_number('12345625003')!r}"
