"""Who may go on duty: a recognised doctor, verified not too long ago, and trained."""

import pytest

from auth import parse_nihdi_number
from media_server.people import DutyRules, Reason
from tests.media_server.people.builders import DAY_US, NOON_US

YESTERDAY = NOON_US - DAY_US


@pytest.mark.parametrize(
    ("nihdi", "verified", "trained", "reasons"),
    [
        ("10829059004", YESTERDAY, YESTERDAY, []),
        ("12345676003", YESTERDAY, YESTERDAY, []),  # modulus 89
        ("12345625005", YESTERDAY, YESTERDAY, [Reason.QUALIFICATION]),
        ("12345625000", YESTERDAY, YESTERDAY, [Reason.QUALIFICATION]),
        ("54263481527", YESTERDAY, YESTERDAY, [Reason.QUALIFICATION]),
        ("10829059004", None, YESTERDAY, [Reason.REGISTRY_NOT_VERIFIED]),
        ("10829059004", NOON_US + 1, YESTERDAY, [Reason.REGISTRY_NOT_VERIFIED]),
        ("10829059004", NOON_US - 365 * DAY_US + 1, YESTERDAY, []),
        ("10829059004", NOON_US - 365 * DAY_US, YESTERDAY, [Reason.REGISTRY_LAPSED]),
        ("10829059004", YESTERDAY, None, [Reason.TRAINING_NOT_COMPLETED]),
        ("10829059004", YESTERDAY, NOON_US + 1, [Reason.TRAINING_NOT_COMPLETED]),
        (
            "12345625006",
            None,
            None,
            [Reason.QUALIFICATION, Reason.REGISTRY_NOT_VERIFIED, Reason.TRAINING_NOT_COMPLETED],
        ),
    ],
)
def test_every_reason_against_is_given(
    nihdi: str, verified: int | None, trained: int | None, reasons: list[Reason]
) -> None:
    found = DutyRules().reasons_against(parse_nihdi_number(nihdi), verified, trained, NOON_US)
    assert found == tuple(reasons)


def test_a_deployment_has_its_own_rules() -> None:
    strict = DutyRules(qualifications=frozenset({"004"}), verified_for_days=30)
    recognised, accredited = parse_nihdi_number("12345625003"), parse_nihdi_number("12345625004")
    assert strict.reasons_against(recognised, YESTERDAY, YESTERDAY, NOON_US) == (Reason.QUALIFICATION,)
    assert strict.reasons_against(accredited, YESTERDAY, YESTERDAY, NOON_US) == ()
    month_ago = NOON_US - 30 * DAY_US
    assert strict.reasons_against(accredited, month_ago, YESTERDAY, NOON_US) == (Reason.REGISTRY_LAPSED,)
