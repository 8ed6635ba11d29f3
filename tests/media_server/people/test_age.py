"""How old somebody is, and who needs an adult beside them."""

from datetime import date

import pytest

from media_server.people import age_on, needs_proxy

TODAY = date(2026, 6, 15)


@pytest.mark.parametrize(
    ("birthdate", "on", "age"),
    [
        (date(2010, 6, 15), date(2026, 6, 15), 16),
        (date(2010, 6, 16), date(2026, 6, 15), 15),
        (date(2010, 6, 14), date(2026, 6, 15), 16),
        (date(2008, 2, 29), date(2024, 2, 28), 15),
        (date(2008, 2, 29), date(2024, 2, 29), 16),
        (date(2007, 2, 28), date(2023, 2, 28), 16),
        (date(2008, 2, 29), date(2025, 2, 28), 16),
        (date(2008, 2, 29), date(2025, 3, 1), 17),
        (date(2026, 6, 15), date(2026, 6, 15), 0),
    ],
)
def test_age_is_in_whole_years(birthdate: date, on: date, age: int) -> None:
    assert age_on(on, birthdate) == age


@pytest.mark.parametrize(
    ("birthdate", "as_text", "needed"),
    [
        (date(2010, 6, 15), None, False),  # sixteen today
        (date(2010, 6, 16), None, True),  # tomorrow
        (date(1930, 1, 1), None, False),
        (None, "2009", False),
        (None, "2010", True),  # may have been born on its last day
        (None, "00.00.1990", False),
        (None, "2015-05", True),
        (None, "unknown", False),
        (None, "1990 or 2015", False),
        (None, None, False),
        (date(2015, 1, 1), "1950", True),  # the whole date counts
    ],
)
def test_who_may_be_under_sixteen_needs_a_proxy(
    birthdate: date | None, as_text: str | None, needed: bool
) -> None:
    assert needs_proxy(TODAY, birthdate, as_text) is needed
