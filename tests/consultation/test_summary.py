"""What the doctor reads before the call says, besides the answers, what the patient was shown and when."""

from collections.abc import Mapping

import pytest

from tests.consultation.person import Person
from tests.consultation.story import NOTICES, ask, claim, on_duty, text_versions

pytestmark = pytest.mark.asyncio(loop_scope="session")

People = Mapping[str, Person]


async def test_the_summary_says_which_notices_were_acknowledged(people: People) -> None:
    emma, claes = people["emma"], people["claes"]
    versions = await text_versions(emma)
    said = await summary(claes, await ask(emma))
    for kind, label in zip(NOTICES, ("Privacy notice", "“Not an emergency” notice"), strict=True):
        assert f"  {label}: read and acknowledged (version {versions[kind]})\n" in said


async def summary(doctor: Person, consultation: str) -> str:
    """As text, in English, once the doctor has taken it."""
    await on_duty(doctor)
    assert (await claim(doctor, consultation)).status == 200
    read = await doctor.get(f"/consultations/{consultation}/intake?lang=en")
    assert read.status == 200, read
    return str(read.json["summary"]["text"])
