"""The short form of `make fuzz-http`: a little of everything, always the same."""

import pytest

from tests.consultation.conftest import People
from tests.consultation.fuzz import Stage, fuzz
from tests.server_process import ServerProcess

CASES = 300

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def test_whatever_is_asked_is_answered_as_the_document_says(
    server: ServerProcess, people: People
) -> None:
    failed_before = server.log().count('"http.failed"')
    tally = await fuzz(server, Stage(people["emma"], people["claes"]), cases=CASES, seed=1)
    assert tally.failures == {}
    assert tally.cases >= CASES
    assert tally.server_errors == 0
    assert server.log().count('"http.failed"') == failed_before
