"""Codes of insurance funds: any Belgian union's, and no other three digits."""

import pytest

from auth import SEEN_CODES, BadIdentifier, FundUnion, IdentifierFault, parse_insurance_fund


@pytest.mark.parametrize(
    ("code", "union"),
    [
        ("100", FundUnion.CHRISTIAN),
        ("101", FundUnion.CHRISTIAN),
        ("134", FundUnion.CHRISTIAN),
        ("216", FundUnion.NEUTRAL),
        ("306", FundUnion.SOCIALIST),
        ("407", FundUnion.LIBERAL),
        ("509", FundUnion.INDEPENDENT),
        ("600", FundUnion.AUXILIARY),
        ("900", FundUnion.RAILWAY),
        (" 306 ", FundUnion.SOCIALIST),
    ],
)
def test_every_unions_codes_are_accepted(code: str, union: FundUnion) -> None:
    parsed = parse_insurance_fund(code)
    assert (parsed.code.reveal(), parsed.union.reveal()) == (code.strip(), union)


@pytest.mark.parametrize("code", sorted(SEEN_CODES))
def test_codes_that_were_seen_in_use_are_accepted(code: str) -> None:
    assert parse_insurance_fund(code).code.reveal() == code


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("000", IdentifierFault.UNION),
        ("099", IdentifierFault.UNION),
        ("601", IdentifierFault.UNION),
        ("700", IdentifierFault.UNION),
        ("800", IdentifierFault.UNION),
        ("901", IdentifierFault.UNION),
        ("999", IdentifierFault.UNION),
        ("", IdentifierFault.FORMAT),
        ("30", IdentifierFault.FORMAT),
        ("3060", IdentifierFault.FORMAT),
        ("3 6", IdentifierFault.FORMAT),
        ("٣٠٦", IdentifierFault.FORMAT),
    ],
)
def test_other_codes_are_refused(code: str, fault: IdentifierFault) -> None:
    with pytest.raises(BadIdentifier) as refused:
        parse_insurance_fund(code)
    assert refused.value.fault is fault


def test_nothing_of_it_is_shown_by_accident() -> None:
    shown = repr(parse_insurance_fund("306"))
    assert "306" not in shown
    assert "SOCIALIST" not in shown
